// SPDX-License-Identifier: MIT
// main of the tests that run on a real device. Without a device they are skipped with one sentence.
#include <gtest/gtest.h>

#include <cstdio>

#include "cuda/sta_cuda.h"

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  char message[STA_CUDA_MESSAGE] = "";
  if (sta_cuda_devices(message) > 0) return RUN_ALL_TESTS();
  std::printf("%s\n", message);
  return 77;
}
