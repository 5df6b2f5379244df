// SPDX-License-Identifier: MIT
// See library_search.h.
#include "library_search.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace sta {
namespace {

std::vector<std::string> candidates(const LibraryPlace &place) {
  if (const char *path = std::getenv(place.variable); path && *path) return {path};
  std::vector<std::string> paths;
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void *>(&open_library), &info) && info.dli_fname) {
    std::error_code ignored;
    const std::filesystem::path folder = std::filesystem::absolute(info.dli_fname, ignored).parent_path();
    paths.push_back((folder / place.file).string());
    paths.push_back((folder / place.folder / place.file).string());
  }
  paths.push_back(place.file);
  return paths;
}

}  // namespace

void *open_library(const LibraryPlace &place, const std::function<std::string(void *library)> &accept, std::string *why) {
  std::string tried;
  for (const std::string &path : candidates(place)) {
    std::error_code ignored;
    std::string reason;
    if (path.find('/') != std::string::npos && !std::filesystem::exists(path, ignored)) {
      reason = "no such file";
    } else if (void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
      reason = accept(library);
      if (reason.empty()) return library;
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
