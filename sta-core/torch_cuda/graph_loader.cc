// SPDX-License-Identifier: MIT
// See graph_backend.h.
#include <c10/util/Exception.h>
#include <dlfcn.h>

#include "library_search.h"
#include "torch_cuda/graph_backend.h"

namespace sta {

std::unique_ptr<GraphBackend> load_graph_backend(int device, std::string *why) {
  std::unique_ptr<GraphBackend> backend;
  const auto accept = [&](void *library) -> std::string {
    const auto abi = reinterpret_cast<uint32_t (*)()>(dlsym(library, "sta_torch_cuda_abi"));
    const auto make = reinterpret_cast<GraphBackend *(*)(int)>(dlsym(library, "sta_torch_cuda_graphs"));
    if (!abi || !make) return "not libsta-torch-cuda (it lacks sta_torch_cuda_abi or sta_torch_cuda_graphs)";
    if (abi() != kTorchCudaAbi)
      return "has interface " + std::to_string(abi()) + ", this sta-core needs " + std::to_string(kTorchCudaAbi) + ": both must come from one build";
    try {
      backend.reset(make(device));
    } catch (const c10::Error &e) {
      return e.what_without_backtrace();
    }
    return "";
  };
  open_library({"libsta-torch-cuda.so.1", "STA_TORCH_CUDA_PATH", "torch_cuda"}, accept, why);
  return backend;
}

}  // namespace sta
