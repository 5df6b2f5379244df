// SPDX-License-Identifier: MIT
// See library_preload.h.
#include "library_preload.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

namespace sta {
namespace {

namespace fs = std::filesystem;

// The list and the order of PyTorch 2.11's torch/__init__.py (_preload_cuda_deps). libcublasLt must come before
// libcublas, because the run path of libcublas would find another toolkit's libcublasLt first. The folder names are
// those of CUDA 12's wheels. CUDA 13's wheels put the toolkit's libraries into cu13.
struct Preload {
  const char *folder, *library;
};
constexpr Preload kPreloads[] = {
    {"cublas", "libcublasLt.so."},
    {"cublas", "libcublas.so."},
    {"cudnn", "libcudnn.so."},
    {"cuda_nvrtc", "libnvrtc.so."},
    {"cuda_nvrtc", "libnvrtc-builtins.so."},
    {"cuda_runtime", "libcudart.so."},
    {"cuda_cupti", "libcupti.so."},
    {"cufft", "libcufft.so."},
    {"curand", "libcurand.so."},
    {"nvjitlink", "libnvJitLink.so."},
    {"cusparse", "libcusparse.so."},
    {"cusparselt", "libcusparseLt.so."},
    {"cusolver", "libcusolver.so."},
    {"nccl", "libnccl.so."},
    {"nvshmem", "libnvshmem_host.so."},
    {"cufile", "libcufile.so."},
    {"nvtx", "libnvToolsExt.so."},
};

std::vector<std::string> names_in(const fs::path &folder) {
  std::vector<std::string> names;
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) names.push_back(it->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// The folders nvidia/cu12, nvidia/cu13, ... that exist, the newest first.
std::vector<fs::path> toolkit_folders(const fs::path &nvidia) {
  std::vector<fs::path> folders;
  for (const std::string &name : names_in(nvidia))
    if (name.size() > 2 && name.rfind("cu", 0) == 0 && std::all_of(name.begin() + 2, name.end(), [](unsigned char c) { return std::isdigit(c); }))
      folders.insert(folders.begin(), nvidia / name);
  return folders;
}

// The first file of the folder whose name is "libX.so." and a version.
fs::path find(const fs::path &folder, const std::string &prefix) {
  for (const std::string &name : names_in(folder))
    if (name.size() > prefix.size() && name.rfind(prefix, 0) == 0 && std::isdigit(static_cast<unsigned char>(name.back()))) return folder / name;
  return {};
}

// The folder where wheels are installed, which holds torch/ and nvidia/. If the path has links, ".." can be read in two
// ways, and both are tried. The dynamic linker's reading, which follows links, comes last.
std::vector<fs::path> site_folders(const std::string &torch_lib) {
  std::vector<fs::path> sites = {fs::path(torch_lib).lexically_normal().parent_path().parent_path()};
  if (!fs::path(torch_lib).has_filename()) sites[0] = sites[0].parent_path();
  std::error_code ec;
  if (const fs::path real = fs::canonical(torch_lib, ec); !ec && real.parent_path().parent_path() != sites[0])
    sites.push_back(real.parent_path().parent_path());
  return sites;
}

bool in_process(const std::string &soname) {
  void *there = dlopen(soname.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (there) dlclose(there);
  return there != nullptr;
}

}  // namespace

std::vector<std::string> preload_cuda_libraries(const std::string &torch_lib) {
  std::vector<std::string> loaded;
  for (const fs::path &site : site_folders(torch_lib)) {
    const fs::path nvidia = site / "nvidia";
    const std::vector<fs::path> toolkits = toolkit_folders(nvidia);
    for (const auto &[folder, library] : kPreloads) {
      std::vector<fs::path> places = {nvidia / folder / "lib"};
      for (const fs::path &toolkit : toolkits) places.push_back(toolkit / "lib");
      for (const fs::path &place : places) {
        const fs::path path = find(place, library);
        if (path.empty()) continue;
        // Other libraries ask for it by this file name. If it cannot be loaded, that is no error here: the library that
        // needs it will report it.
        if (!in_process(path.filename().string()) && dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) loaded.push_back(path.string());
        break;
      }
    }
  }
  return loaded;
}

std::string folder_of_loaded(const char *soname) {
  void *library = dlopen(soname, RTLD_LAZY | RTLD_NOLOAD);
  if (!library) return "";
  std::string folder;
  link_map *map = nullptr;
  if (dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map && map->l_name) folder = fs::path(map->l_name).parent_path().string();
  dlclose(library);
  return folder;
}

}  // namespace sta
