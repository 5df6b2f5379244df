// SPDX-License-Identifier: MIT
// Tests the emulated device: that it computes correctly, and that it finds the mistakes it is made to find.
#include <gtest/gtest.h>

#include <numeric>

#include "device_memory.h"

namespace {

using emulation::launch;
using emulation::LaunchError;
using emulation::Order;

constexpr unsigned kAll = 0xffffffffu;

class Emulation : public testing::TestWithParam<device::Schedule> {
 protected:
  void SetUp() override { device::use(GetParam()); }
};

// Sums a block through shared memory, as in every textbook. barriers: how many of the two barriers per round are left
// in.
void tree_sum(const int *in, int *out, bool barriers) {
  int *shared = static_cast<int *>(emulation::dynamic_shared());
  const unsigned i = threadIdx.x;
  shared[i] = in[blockIdx.x * blockDim.x + i];
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (i < half) shared[i] += shared[i + half];
    if (barriers) __syncthreads();
  }
  if (!barriers) __syncthreads();
  if (i == 0) out[blockIdx.x] = shared[0];
}

TEST_P(Emulation, BarriersOrderSharedMemory) {
  std::vector<int> values(4 * 256);
  std::iota(values.begin(), values.end(), 0);
  const device::Array<int> in(values), out(4);
  const int *from = in.get();
  int *to = out.get();
  launch({4}, {256}, 256 * sizeof(int), [=] { tree_sum(from, to, true); });
  for (int b = 0; b < 4; ++b) EXPECT_EQ(out.host()[b], 256 * (256 * b) + 255 * 128);
}

TEST_P(Emulation, IndicesCoverGridAndBlockOnce) {
  const device::Array<int> seen(std::vector<int>(2 * 3 * 4 * 5 * 6 * 2, 0));
  int *to = seen.get();
  launch({2, 3, 4}, {5, 6, 2}, 0, [=] {
    const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    atomicAdd(&to[block * 60 + thread], 1);
  });
  for (const int count : seen.host()) EXPECT_EQ(count, 1);
}

TEST_P(Emulation, WarpOperations) {
  const device::Array<unsigned> out(64 * 10);
  unsigned *to = out.get();
  launch({1}, {64}, 0, [=] {
    const unsigned lane = threadIdx.x % 32;
    unsigned *mine = to + threadIdx.x * 10;
    mine[0] = __shfl_xor_sync(kAll, lane, 5);
    mine[1] = __shfl_down_sync(kAll, lane, 3);
    mine[2] = __shfl_up_sync(kAll, lane, 3);
    mine[3] = __shfl_sync(kAll, lane, 7);
    mine[4] = __ballot_sync(kAll, lane % 3 == 0);
    mine[5] = __match_any_sync(kAll, lane / 8);
    mine[6] = __reduce_add_sync(kAll, lane);
    mine[7] = static_cast<unsigned>(__any_sync(kAll, lane == 9)) | static_cast<unsigned>(__all_sync(kAll, lane < 31)) << 1;
    mine[8] = __reduce_max_sync(kAll, lane) * 100 + __reduce_min_sync(kAll, lane + 3);
    mine[9] = 0;
    if (lane < 16) mine[9] = __shfl_xor_sync(0xffffu, lane, 1, 16);  // half of the lanes by themselves
  });
  const auto got = out.host();
  for (unsigned t = 0; t < 64; ++t) {
    const unsigned lane = t % 32, *mine = &got[t * 10];
    EXPECT_EQ(mine[0], lane ^ 5);
    EXPECT_EQ(mine[1], lane + 3 < 32 ? lane + 3 : lane);
    EXPECT_EQ(mine[2], lane >= 3 ? lane - 3 : lane);
    EXPECT_EQ(mine[3], 7u);
    EXPECT_EQ(mine[4], 0x49249249u);
    EXPECT_EQ(mine[5], 0xffu << lane / 8 * 8);
    EXPECT_EQ(mine[6], 496u);
    EXPECT_EQ(mine[7], 1u);
    EXPECT_EQ(mine[8], 3103u);
    EXPECT_EQ(mine[9], lane < 16 ? lane ^ 1 : 0);
  }
}

TEST_P(Emulation, AtomicsAndSyncwarp) {
  const device::Array<int> out(std::vector<int>{0, -1, 1000, 0});
  const device::Array<float> sum(std::vector<float>{0});
  int *to = out.get();
  float *total = sum.get();
  launch({3}, {96}, 96 * sizeof(int), [=] {
    int *shared = static_cast<int *>(emulation::dynamic_shared());
    const int i = static_cast<int>(threadIdx.x);
    shared[i] = i;
    __syncwarp();
    atomicAdd(&to[0], shared[i ^ 1]);  // a neighbour of the same warp
    atomicMax(&to[1], i);
    atomicMin(&to[2], i + 5);
    atomicAdd(total, 0.5f);
    for (int seen = 0;;) {
      const int before = seen;
      seen = atomicCAS(&to[3], before, before + 2);
      if (seen == before) break;
    }
  });
  EXPECT_EQ(out.host(), (std::vector<int>{3 * 95 * 48, 95, 5, 3 * 96 * 2}));
  EXPECT_EQ(sum.host()[0], 144.0f);
}

INSTANTIATE_TEST_SUITE_P(Orders, Emulation, testing::ValuesIn(device::schedules()), [](const auto &info) {
  return std::string(info.param.order == 0 ? "forward" : info.param.order == 1 ? "backward" : "shuffled") + std::to_string(info.param.seed);
});

// This is the mistake that a GPU forgives most often. In the forward order a thread reads its addends in time, in
// another order too early. Not under ThreadSanitizer, which would rightly end the program: see MissingBarrierIsARace.
#ifndef __SANITIZE_THREAD__
TEST(EmulationFinds, MissingBarrierGivesAnotherResult) {
  std::vector<int> values(256);
  std::iota(values.begin(), values.end(), 0);
  const device::Array<int> in(values), out(1);
  const int *from = in.get();
  int *to = out.get();
  bool wrong = false;
  for (const auto &schedule : device::schedules()) {
    device::use(schedule);
    launch({1}, {256}, 256 * sizeof(int), [=] { tree_sum(from, to, false); });
    wrong = wrong || out.host()[0] != 255 * 128;
  }
  EXPECT_TRUE(wrong);
}
#endif

#ifdef __SANITIZE_THREAD__
TEST(EmulationFinds, MissingBarrierIsARace) {
  const device::Array<int> in(std::vector<int>(64, 1)), out(1);
  const int *from = in.get();
  int *to = out.get();
  EXPECT_DEATH(
      {
        launch({1}, {64}, 64 * sizeof(int), [=] { tree_sum(from, to, false); });
        exit(0);  // with ThreadSanitizer's exit code, not 0, after a report
      },
      "data race");
}
#endif

TEST(EmulationFinds, DivergentBarriers) {
  const auto two_places = [] {
    if (threadIdx.x < 32)
      __syncthreads();
    else
      __syncthreads();
  };
  EXPECT_THROW(launch({1}, {64}, 0, two_places), LaunchError);
  const auto not_all = [] {
    if (threadIdx.x != 7) __syncthreads();
  };
  EXPECT_THROW(launch({1}, {64}, 0, not_all), LaunchError);
}

TEST(EmulationFinds, LanesThatDoNotCome) {
  auto message_of = [](auto body) -> std::string {
    try {
      launch({1}, {32}, 0, body);
    } catch (const LaunchError &e) {
      return e.what();
    }
    return "";
  };
  const auto has = [](const std::string &text, const char *part) { return text.find(part) != std::string::npos; };
  const std::string ended = message_of([] {
    if (threadIdx.x != 3) __syncwarp();
  });
  EXPECT_TRUE(has(ended, "names lane 3, which has ended")) << ended;
  const std::string waits = message_of([] {
    if (threadIdx.x == 3)
      __syncthreads();
    else
      __syncwarp();
  });
  EXPECT_TRUE(has(waits, "waits for lanes that do not come")) << waits;
  const std::string different = message_of([] {
    if (threadIdx.x % 2 == 0)
      __syncwarp();
    else
      __ballot_sync(kAll, 1);
  });
  EXPECT_TRUE(has(different, "meet in different operations")) << different;
  const std::string absent = message_of([] {
    if (threadIdx.x < 16) __shfl_sync(0xffffu, 1, 20);
  });
  EXPECT_TRUE(has(absent, "reads lane 20, which takes no part")) << absent;
  const std::string outside = message_of([] {
    if (threadIdx.x >= 16) __syncwarp(0xffffu);
  });
  EXPECT_TRUE(has(outside, "is not in the mask that it gives")) << outside;
}

TEST(EmulationFinds, TooManyThreadsAndTooMuchSharedMemory) {
  EXPECT_THROW(launch({1}, {1025}, 0, [] {}), LaunchError);
  EXPECT_THROW(launch({1}, {0}, 0, [] {}), LaunchError);
  EXPECT_THROW(launch({1, 65536}, {1}, 0, [] {}), LaunchError);
  EXPECT_THROW(launch({1}, {32}, 300 * 1024, [] {}), LaunchError);
}

// Not under ThreadSanitizer: two threads write the same byte, so it would report a race before the overrun.
#ifndef __SANITIZE_THREAD__
TEST(EmulationFinds, WritesBehindSharedMemory) {
  const auto overrun = [] { launch({1}, {32}, 64, [] { static_cast<volatile char *>(emulation::dynamic_shared())[64 + threadIdx.x % 2] = 1; }); };
#ifdef __SANITIZE_ADDRESS__
  EXPECT_DEATH(overrun(), "heap-buffer-overflow");
#else
  EXPECT_THROW(overrun(), LaunchError);
#endif
}
#endif

TEST(EmulationFinds, DeviceMemoryTouchedByTheHostAndOverruns) {
  const device::Array<int> memory(4);
  int *pointer = memory.get();
  EXPECT_DEATH(*static_cast<volatile int *>(pointer) = 1, "");
  EXPECT_DEATH(launch({1}, {1}, 0, [=] { static_cast<volatile int *>(pointer)[4] = 1; }), "");
  launch({1}, {1}, 0, [=] { pointer[3] = 7; });
  EXPECT_EQ(memory.host()[3], 7);
}

TEST(EmulationFinds, SharedMemoryIsFreshForEveryBlock) {
  const device::Array<int> out(2);
  int *to = out.get();
  launch({2}, {1}, 4, [=] {
    int *shared = static_cast<int *>(emulation::dynamic_shared());
    to[blockIdx.x] = *shared;
    *shared = 5;
  });
  EXPECT_EQ(out.host(), (std::vector<int>{-1, -1}));
}

}  // namespace
