// SPDX-License-Identifier: MIT
// Opens libsta-core.so with dlopen. RTLD_NOW makes a library that lacks a symbol fail here and not in the middle of a
// stream. RTLD_LOCAL keeps LibTorch's bundled copies of common libraries from replacing symbols of other plugins in the
// process.
#include "core_loader.h"
#include "core_libdir.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <vector>

namespace sta::gst {
namespace {

#define STA_STRING_(x) #x
#define STA_STRING(x) STA_STRING_(x)
constexpr const char *kSoname = "libsta-core.so." STA_STRING(STA_API_MAJOR);

std::string pluginFolder() {
  Dl_info info{};
  if (!dladdr(reinterpret_cast<const void *>(&loadCore), &info) || !info.dli_fname) return {};
  std::error_code ignored;
  return std::filesystem::absolute(info.dli_fname, ignored).parent_path().string();
}

std::vector<std::string> candidates() {
  if (const char *path = std::getenv("STA_CORE_PATH"); path && *path) return {path};
  std::vector<std::string> paths;
  const std::string folder = pluginFolder();
  if (!folder.empty()) {
    // Both names: a build folder has both files, but a copy made by hand often has only one.
    paths.push_back(std::filesystem::path(folder + "/../sta-core/" + kSoname).lexically_normal().string());
    paths.push_back(std::filesystem::path(folder + "/../sta-core/libsta-core.so").lexically_normal().string());
  }
  paths.push_back(std::string(STA_CORE_LIBDIR "/") + kSoname);
  paths.push_back(kSoname);
  return paths;
}

// Fills the table from an open library. Returns an empty text, or why the library does not fit.
std::string resolve(void *library, CoreApi *api) {
  const char *missing = nullptr;
#define STA_CORE_RESOLVE(name)                                            \
  api->name = reinterpret_cast<decltype(&::name)>(dlsym(library, #name)); \
  if (!api->name && !missing) missing = #name;
  // Checks the version first, before it looks up the other functions: a library with another major version may lack
  // some of them, and "wrong version" is the better message.
  STA_CORE_RESOLVE(sta_api_version)
  if (missing) return "not sta-core (it has no sta_api_version)";
  const uint32_t version = api->sta_api_version();
  if (version >> 16 != STA_API_MAJOR)
    return "has API version " + std::to_string(version >> 16) + "." + std::to_string(version & 0xffff) + ", this plugin needs " +
           std::to_string(STA_API_MAJOR) + ".x";
  STA_CORE_FUNCTIONS(STA_CORE_RESOLVE)
#undef STA_CORE_RESOLVE
  if (missing) return std::string("lacks the function ") + missing + " (older than this plugin)";
  return {};
}

std::mutex g_mutex;  // guards the two below; a leaf lock: only the dynamic linker is called with it held
CoreApi g_api;
bool g_loaded = false;

}  // namespace

const CoreApi *loadCore(std::string *error) {
  std::lock_guard<std::mutex> lock(g_mutex);
  if (g_loaded) return &g_api;

  std::string tried;
  for (const std::string &path : candidates()) {
    std::error_code ignored;
    const bool is_path = path.find('/') != std::string::npos;
    std::string reason;
    if (is_path && !std::filesystem::exists(path, ignored)) {
      reason = "no such file";
    } else if (void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
      reason = resolve(library, &g_api);
      if (reason.empty()) {
        g_loaded = true;
        return &g_api;
      }
      dlclose(library);
    } else {
      const char *text = dlerror();
      reason = text ? text : "dlopen failed";
    }
    tried += (tried.empty() ? "" : "; ") + path + ": " + reason;
  }
  if (error) *error = "tried " + tried;
  return nullptr;
}

}  // namespace sta::gst
