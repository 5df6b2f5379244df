// SPDX-License-Identifier: MIT
// See kernel_library.h.
#include "cuda/kernel_library.h"

#include <dlfcn.h>

#include <mutex>
#include <type_traits>

#include "library_search.h"

namespace sta {
namespace {

// Fills the table from an open library. Returns "", or the reason why the library cannot be used.
std::string resolve(void *library, KernelLibrary &table) {
  const auto abi = reinterpret_cast<decltype(&::sta_cuda_abi)>(dlsym(library, "sta_cuda_abi"));
  if (!abi) return "not libsta-cuda (it has no sta_cuda_abi)";
  if (abi() != STA_CUDA_ABI)
    return "has interface " + std::to_string(abi()) + ", this sta-core needs " + std::to_string(STA_CUDA_ABI) + ": both must come from one build";
  const char *missing = nullptr;
  const auto find = [&](const char *name, auto &function) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
    if (!function) missing = name;
  };
#define STA_KERNEL_LIBRARY_FIND(name) find("sta_cuda_" #name, table.name);
  STA_KERNEL_LIBRARY_FUNCTIONS(STA_KERNEL_LIBRARY_FIND)
#undef STA_KERNEL_LIBRARY_FIND
  if (missing) return std::string("lacks the function ") + missing;
  char message[STA_CUDA_MESSAGE] = "";
  return table.devices(message) > 0 ? "" : message;
}

}  // namespace

const KernelLibrary *load_kernel_library(std::string *why) {
  static std::mutex mutex;  // a leaf lock: only the dynamic linker and the library's own start run while it is held
  static KernelLibrary table;
  static bool loaded = false;
  std::lock_guard lock(mutex);
  if (loaded) return &table;
  loaded = open_library(
               {"libsta-cuda.so.1", "STA_CUDA_PATH", "cuda"}, [](void *library) { return resolve(library, table); }, why) != nullptr;
  return loaded ? &table : nullptr;
}

}  // namespace sta
