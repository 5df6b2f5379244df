// SPDX-License-Identifier: MIT
// CUDA graphs as sta-core sees them: a backend out of libsta-torch-cuda, the one library of this project that is linked
// against the CUDA half of LibTorch. It is loaded when a CUDA device is used, as libsta-cuda is, so that sta-core stays
// the same library on a machine without one.
#pragma once

#include <memory>
#include <string>

#include "model/graph_cache.h"

namespace sta {

// Changes with GraphBackend, CapturedForward and ForwardOutput, which pass between the two libraries as C++ objects of
// one build.
constexpr uint32_t kTorchCudaAbi = 1;

/// Makes a backend for a CUDA device; LibTorch's CUDA half is loaded. nullptr: *why says what was tried.
/// $STA_TORCH_CUDA_PATH is the only place if it is set; else beside libsta-core, in torch_cuda/ there (running
/// uninstalled), the dynamic linker's own search for libsta-torch-cuda.so.1.
std::unique_ptr<GraphBackend> load_graph_backend(int device, std::string *why);

}  // namespace sta
