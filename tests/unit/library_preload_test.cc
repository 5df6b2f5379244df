// SPDX-License-Identifier: MIT
// Tests that the CUDA libraries beside LibTorch are loaded before anything looks for them. No GPU is needed: libnvrtc
// compiles without one, and either finds its builtins or does not. The tests try that with the unpacked CUDA wheel
// (scripts/setup --cuda), each time in a new process with an empty environment. Without that wheel, the tests that need
// it are skipped. The search itself is tested with empty libraries.
//
//   test-unit-library-preload [LIBTORCH]   LIBTORCH: a folder with lib/, tried first; then the user's cache, as
//                                          scripts/setup fills it
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "library_preload.h"

namespace {

namespace fs = std::filesystem;

std::string g_given;

// Folder lib/ of a LibTorch with CUDA; "": there is none on this machine.
std::string cuda_libtorch() {
  std::vector<fs::path> places;
  if (!g_given.empty()) places.push_back(g_given);
  const char *cache = std::getenv("XDG_CACHE_HOME"), *home = std::getenv("HOME");
  const fs::path ours = (cache && *cache ? fs::path(cache) : fs::path(home ? home : "/") / ".cache") / "sta";
  std::error_code ec;
  for (fs::directory_iterator it(ours, ec), end; !ec && it != end; it.increment(ec)) places.push_back(it->path() / "torch");
  for (const fs::path &place : places)
    if (fs::exists(place / "lib/libtorch_cuda.so", ec)) return (place / "lib").string();
  return "";
}

// ---- the child process. Its exit status is nvrtc's own error code; kNoLibrary: libnvrtc itself could not be loaded.
constexpr int kNoLibrary = 100;

int compile_a_kernel(const char *library) {
  void *nvrtc = dlopen(library, RTLD_NOW);
  if (!nvrtc) {
    std::fprintf(stderr, "%s\n", dlerror());
    return kNoLibrary;
  }
  using Program = void *;
  const auto create = reinterpret_cast<int (*)(Program *, const char *, const char *, int, const char *const *, const char *const *)>(
      dlsym(nvrtc, "nvrtcCreateProgram"));
  const auto compile = reinterpret_cast<int (*)(Program, int, const char *const *)>(dlsym(nvrtc, "nvrtcCompileProgram"));
  if (!create || !compile) return kNoLibrary;
  Program program = nullptr;
  if (const int error = create(&program, "__global__ void twice(float *x) { x[threadIdx.x] *= 2; }", "twice.cu", 0, nullptr, nullptr)) return error;
  return compile(program, 0, nullptr);
}

std::string the_nvrtc(const std::string &torch_lib) {
  for (const fs::directory_entry &entry : fs::recursive_directory_iterator(fs::path(torch_lib).parent_path().parent_path() / "nvidia"))
    if (const std::string name = entry.path().filename().string(); name.rfind("libnvrtc.so.", 0) == 0) return entry.path().string();
  return "";
}

int run_child(const std::string &mode, const std::string &torch_lib) {
  const std::string path = the_nvrtc(torch_lib);
  if (mode == "bare") return compile_a_kernel(path.c_str());
  sta::preload_cuda_libraries(torch_lib);
  return compile_a_kernel(fs::path(path).filename().c_str());  // by its bare name, as cuDNN asks for it
}

// Runs this program again, with an empty environment.
int child(const char *mode, const std::string &torch_lib) {
  std::string self = fs::read_symlink("/proc/self/exe").string(), option = "--child", m = mode, folder = torch_lib;
  char *argv[] = {self.data(), option.data(), m.data(), folder.data(), nullptr}, *environment[] = {nullptr};
  pid_t pid = 0;
  if (posix_spawn(&pid, self.c_str(), nullptr, nullptr, argv, environment) != 0) return -1;
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class CudaWheel : public testing::Test {
 protected:
  void SetUp() override {
    if (torch_lib_.empty()) GTEST_SKIP() << "no LibTorch with CUDA on this machine: scripts/setup --cuda brings it";
  }
  const std::string torch_lib_ = cuda_libtorch();
};

TEST_F(CudaWheel, CompilesNothingByItself) {
  constexpr int kBuiltinFailure = 7;  // NVRTC_ERROR_BUILTIN_OPERATION_FAILURE: "failed to open libnvrtc-builtins.so.13.0"
  const int error = child("bare", torch_lib_);
  if (error == 0) GTEST_SKIP() << "this machine has a CUDA toolkit in the dynamic linker's own path, so nothing is missing";
  EXPECT_EQ(error, kBuiltinFailure);
}

TEST_F(CudaWheel, CompilesAfterPreloading) { EXPECT_EQ(child("preloaded", torch_lib_), 0); }

TEST_F(CudaWheel, EverythingOfPyTorchsListIsThere) {
  // In this process, which uses none of it.
  std::vector<std::string> names;
  for (const std::string &path : sta::preload_cuda_libraries(torch_lib_)) names.push_back(fs::path(path).filename().string());
  for (const char *library : {"libcublasLt.so.", "libcublas.so.", "libcudnn.so.", "libnvrtc.so.", "libnvrtc-builtins.so.", "libcudart.so.",
                              "libcupti.so.", "libcufft.so.", "libcurand.so.", "libnvJitLink.so.", "libcusparse.so.", "libcusparseLt.so.",
                              "libcusolver.so.", "libnccl.so.", "libnvshmem_host.so.", "libcufile.so."}) {
    const bool loaded = std::any_of(names.begin(), names.end(), [&](const std::string &name) { return name.rfind(library, 0) == 0; });
    // A library may already be in the process because one before it in the list loaded it.
    const std::string prefix = library;
    bool in_maps = false;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; !in_maps && std::getline(maps, line);)
      in_maps = line.find("/" + prefix) != std::string::npos &&
                line.find(fs::canonical(torch_lib_).parent_path().parent_path().string()) != std::string::npos;
    EXPECT_TRUE(loaded || in_maps) << library;
  }
  EXPECT_TRUE(sta::preload_cuda_libraries(torch_lib_).empty()) << "all of it is there already";
}

// ---- the search, with files that are no libraries, or copies of a small one

class PreloadSearch : public testing::Test {
 protected:
  PreloadSearch() {
    std::string name = (fs::temp_directory_path() / "sta-preload-XXXXXX").string();
    site_ = mkdtemp(name.data());
    fs::create_directories(site_ / "torch/lib");
  }
  ~PreloadSearch() override { fs::remove_all(site_); }
  // Each copy of STA_TEST_LIBRARY is a separate library for the dynamic linker, since its path is another one.
  fs::path put(const std::string &path) {
    fs::create_directories((site_ / path).parent_path());
    fs::copy_file(STA_TEST_LIBRARY, site_ / path);
    return site_ / path;
  }
  std::vector<std::string> load() { return sta::preload_cuda_libraries((site_ / "torch/lib").string()); }
  fs::path site_;
};

TEST_F(PreloadSearch, AFolderWithoutThemIsPassedOver) {
  EXPECT_TRUE(load().empty());
  EXPECT_TRUE(sta::preload_cuda_libraries("/no/such/folder").empty());
  EXPECT_TRUE(sta::preload_cuda_libraries("").empty());
}

TEST_F(PreloadSearch, BothLayoutsOfTheWheelsInPyTorchsOrder) {
  const fs::path builtins = put("nvidia/cu13/lib/libnvrtc-builtins.so.99.1"), nvrtc = put("nvidia/cu13/lib/libnvrtc.so.99"),
                 cudnn = put("nvidia/cudnn/lib/libcudnn.so.99"), cublas = put("nvidia/cublas/lib/libcublas.so.99"),
                 lt = put("nvidia/cublas/lib/libcublasLt.so.99");
  put("nvidia/cu13/lib/libnvrtc-builtins.alt.so.99.1");
  put("nvidia/cu13/lib/libsomething.so.1");
  EXPECT_EQ(load(), (std::vector<std::string>{lt, cublas, cudnn, nvrtc, builtins}));
}

TEST_F(PreloadSearch, WhatCannotBeLoadedIsPassedOver) {
  fs::create_directories(site_ / "nvidia/cu13/lib");
  std::ofstream(site_ / "nvidia/cu13/lib/libcudnn.so.98") << "no library";
  const fs::path nvrtc = put("nvidia/cu13/lib/libnvrtc.so.98");
  EXPECT_EQ(load(), (std::vector<std::string>{nvrtc}));
}

TEST_F(PreloadSearch, TheLibrariesBehindALinkToLibTorch) {
  const fs::path nvrtc = put("nvidia/cu13/lib/libnvrtc.so.97");
  fs::create_directories(site_ / "other");
  fs::create_directory_symlink(site_ / "torch", site_ / "other/torch");
  EXPECT_EQ(sta::preload_cuda_libraries((site_ / "other/torch/lib").string()), (std::vector<std::string>{fs::canonical(nvrtc)}));
}

TEST(FolderOfLoaded, IsWhereTheLinkerFoundIt) {
  EXPECT_TRUE(fs::exists(fs::path(sta::folder_of_loaded("libc.so.6")) / "libc.so.6"));
  EXPECT_EQ(sta::folder_of_loaded("libnot-there.so.1"), "");
}

}  // namespace

int main(int argc, char **argv) {
  if (argc == 4 && std::strcmp(argv[1], "--child") == 0) return run_child(argv[2], argv[3]);
  testing::InitGoogleTest(&argc, argv);
  if (argc > 1) g_given = argv[1];
  return RUN_ALL_TESTS();
}
