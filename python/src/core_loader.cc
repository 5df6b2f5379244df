// SPDX-License-Identifier: MIT
// Opens the library with dlopen. RTLD_NOW makes a library that lacks a symbol fail here. RTLD_LOCAL keeps LibTorch's
// bundled copies of common libraries from replacing symbols of other modules in the process.
#include "core_loader.h"

#include <dlfcn.h>

#include <stdexcept>

namespace sta::python {
namespace {

CoreApi g_api;
bool g_loaded = false;

std::string resolve(void *library, CoreApi *api) {
  const char *missing = nullptr;
#define STA_CORE_RESOLVE(name)                                            \
  api->name = reinterpret_cast<decltype(&::name)>(dlsym(library, #name)); \
  if (!api->name && !missing) missing = #name;
  // The version is looked up first and alone. A library of another major version may lack functions, and "wrong
  // version" is the better message.
  STA_CORE_RESOLVE(sta_api_version)
  if (missing) return "it is not sta-core (it has no sta_api_version)";
  const uint32_t version = api->sta_api_version();
  if (version >> 16 != STA_API_MAJOR)
    return "it has API version " + std::to_string(version >> 16) + "." + std::to_string(version & 0xffff) + ", and this package needs " +
           std::to_string(STA_API_MAJOR) + ".x";
  STA_CORE_FUNCTIONS(STA_CORE_RESOLVE)
#undef STA_CORE_RESOLVE
  if (missing) return std::string("it lacks the function ") + missing + " (older than this package)";
  return {};
}

}  // namespace

std::string load_core(const std::string &path) {
  if (g_loaded) return {};
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *text = dlerror();
    return text ? text : "dlopen failed";
  }
  CoreApi api;
  std::string reason = resolve(library, &api);
  if (reason.empty()) {
    g_api = api;
    g_loaded = true;
  } else {
    dlclose(library);
  }
  return reason;
}

const CoreApi &core() {
  if (!g_loaded) throw std::runtime_error("sta-core is not loaded: import sta, not sta._core");
  return g_api;
}

}  // namespace sta::python
