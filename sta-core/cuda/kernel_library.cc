// SPDX-License-Identifier: MIT
// See kernel_library.h.
#include "cuda/kernel_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <type_traits>
#include <vector>

namespace sta {
namespace {

constexpr const char *kFile = "libsta-cuda.so.1";

std::vector<std::string> candidates() {
  if (const char *path = std::getenv("STA_CUDA_PATH"); path && *path) return {path};
  std::vector<std::string> paths;
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void *>(&load_kernel_library), &info) && info.dli_fname) {
    std::error_code ignored;
    const std::filesystem::path folder = std::filesystem::absolute(info.dli_fname, ignored).parent_path();
    paths.push_back((folder / kFile).string());
    paths.push_back((folder / "cuda" / kFile).string());
  }
  paths.push_back(kFile);
  return paths;
}

// Fills the table from an open library; what does not fit otherwise.
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
  static std::mutex mutex;  // a leaf lock: only the dynamic linker and the library's own start are called with it held
  static KernelLibrary table;
  static bool loaded = false;
  std::lock_guard lock(mutex);
  if (loaded) return &table;
  std::string tried;
  for (const std::string &path : candidates()) {
    std::error_code ignored;
    std::string reason;
    if (path.find('/') != std::string::npos && !std::filesystem::exists(path, ignored)) {
      reason = "no such file";
    } else if (void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
      reason = resolve(library, table);
      loaded = reason.empty();
      if (loaded) return &table;
      dlclose(library);
    } else {
      const char *text = dlerror();
      reason = text ? text : "dlopen failed";
    }
    tried += (tried.empty() ? "" : "; ") + path + ": " + reason;
  }
  if (why) *why = "tried " + tried;
  return nullptr;
}

}  // namespace sta
