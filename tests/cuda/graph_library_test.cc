// SPDX-License-Identifier: MIT
// Loads the built libsta-torch-cuda the same way as sta-core, in a process without the CUDA half of LibTorch. One
// sentence must say what is missing, and nothing may crash. Only a machine with a GPU can show that the library
// captures graphs (bench/gpu_bench.cc).
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "torch_cuda/graph_backend.h"

namespace {

const char *g_path = nullptr;

std::string reason(const char *path) {
  setenv("STA_TORCH_CUDA_PATH", path, 1);
  std::string why;
  EXPECT_EQ(sta::load_graph_backend(0, &why), nullptr);
  return why;
}

TEST(CudaGraphLibrary, SaysWhatItTried) {
  EXPECT_EQ(reason("/no/such/libsta-torch-cuda.so.1"), "tried /no/such/libsta-torch-cuda.so.1: no such file");
  EXPECT_EQ(reason("libm.so.6"), "tried libm.so.6: not libsta-torch-cuda (it lacks sta_torch_cuda_abi or sta_torch_cuda_graphs)");
}

// The symbols it leaves undefined are LibTorch's: the dynamic linker names a symbol of at::cuda or c10::cuda, and none
// of this project's.
TEST(CudaGraphLibrary, LacksOnlyTheCudaHalfOfLibTorch) {
  const std::string why = reason(g_path);
  EXPECT_EQ(why.rfind(std::string("tried ") + g_path + ": ", 0), 0u) << why;
  EXPECT_NE(why.find("undefined symbol: "), std::string::npos) << why;
  EXPECT_NE(why.find("4cuda"), std::string::npos) << why;
  EXPECT_EQ(why.find("N3sta"), std::string::npos) << why;
}

}  // namespace

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2) return 2;
  g_path = argv[1];
  return RUN_ALL_TESTS();
}
