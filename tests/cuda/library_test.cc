// SPDX-License-Identifier: MIT
// Loads the libsta-cuda that nvcc built, the same way as sta-core. It must have the version and the functions of its
// header and export nothing else. On a machine without a device it must say so instead of crashing.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "cuda/kernel_library.h"

namespace {

const char *g_path = nullptr;

class CudaLibrary : public testing::Test {
 protected:
  void SetUp() override {
    library_ = dlopen(g_path, RTLD_NOW | RTLD_LOCAL);
    ASSERT_TRUE(library_) << dlerror();
  }
  template <typename F>
  F *function(const char *name) {
    void *address = dlsym(library_, name);
    EXPECT_TRUE(address) << name;
    return reinterpret_cast<F *>(address);
  }
  void *library_ = nullptr;  // never closed, as in sta-core
};

TEST_F(CudaLibrary, LoadsWithTheVersionOfItsHeader) { EXPECT_EQ(function<decltype(sta_cuda_abi)>("sta_cuda_abi")(), STA_CUDA_ABI); }

TEST_F(CudaLibrary, KeepsTheRuntimeToItself) {
  for (const char *name : {"cudaMalloc", "cudaGetDeviceCount", "cudaLaunchKernel"})
    if (void *address = dlsym(library_, name)) {
      Dl_info info{};
      ASSERT_TRUE(dladdr(address, &info));
      EXPECT_FALSE(std::strstr(info.dli_fname, "libsta-cuda")) << name;
    }
}

TEST_F(CudaLibrary, CountsDevicesOrSaysWhyThereIsNone) {
  char message[STA_CUDA_MESSAGE] = "";
  const int count = function<decltype(sta_cuda_devices)>("sta_cuda_devices")(message);
  if (count > 0) {
    EXPECT_STREQ(message, "");
  } else {
    EXPECT_EQ(count, 0);
    EXPECT_EQ(std::string(message).rfind("no CUDA device: ", 0), 0u) << message;
  }
  EXPECT_EQ(function<decltype(sta_cuda_devices)>("sta_cuda_devices")(nullptr), count);
}

TEST_F(CudaLibrary, RefusesWorkWithoutADevice) {
  if (function<decltype(sta_cuda_devices)>("sta_cuda_devices")(nullptr) > 0) GTEST_SKIP() << "there is a device";
  alignas(16) char memory[4096] = {};  // never followed: nothing is launched
  int64_t kept[8];
  sta_cuda_prune_args a{};
  a.keep_token = -1;
  a.x = a.keys = a.workspace = memory;
  a.kept = kept;
  a.batch = a.groups = a.heads = 1;
  a.group_tokens = 4;
  a.channels = a.head_dim = 4;
  char message[STA_CUDA_MESSAGE] = "";
  EXPECT_EQ(function<decltype(sta_cuda_prune)>("sta_cuda_prune")(&a, nullptr, message), STA_CUDA_FAILED);
  EXPECT_EQ(std::string(message).rfind("pruning: ", 0), 0u) << message;
}

// The same call as in sta-core: for an unusable library it gives one sentence with every place and reason.
TEST(CudaLoader, SaysWhatItTried) {
  const auto reason = [](const char *path) {
    setenv("STA_CUDA_PATH", path, 1);
    std::string why;
    EXPECT_EQ(sta::load_kernel_library(&why), nullptr);
    return why;
  };
  EXPECT_EQ(reason("/no/such/libsta-cuda.so.1"), "tried /no/such/libsta-cuda.so.1: no such file");
  EXPECT_EQ(reason("libm.so.6"), "tried libm.so.6: not libsta-cuda (it has no sta_cuda_abi)");
  setenv("STA_CUDA_PATH", g_path, 1);
  std::string why;
  const sta::KernelLibrary *table = sta::load_kernel_library(&why);
  if (table) {
    EXPECT_GT(table->devices(nullptr), 0);
  } else {
    EXPECT_EQ(why.rfind(std::string("tried ") + g_path + ": no CUDA device: ", 0), 0u) << why;
  }
}

}  // namespace

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2) return 2;
  g_path = argv[1];
  return RUN_ALL_TESTS();
}
