// SPDX-License-Identifier: MIT
// Tests windows on their way to the device. Whatever order a device chooses among those the streams allow, the reader
// must find the pixels that were sent. Pinned and device memory are reused at once, and windows that nobody reads are
// replaced on the way. Nobody waits, except to reuse such an unread window whose copy is still under way.
#include "cuda/window_upload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "async_device.h"
#include "device_memory.h"
#include "emulated_library.h"
#include "random.h"

namespace {

constexpr size_t kBytes = 500;

int g_allocations = 0;

// The asynchronous device, with counters.
const sta::KernelLibrary &library() {
  static const sta::KernelLibrary table = [] {
    sta::KernelLibrary t = async_device::library();
    t.allocate = [](int device, size_t bytes, void **memory, char *message) {
      ++g_allocations;
      return async_device::library().allocate(device, bytes, memory, message);
    };
    return t;
  }();
  return table;
}

struct Read {
  std::vector<uint8_t> got, want;
};

// A worker that is sometimes slow. The mailbox holds one window; if nobody takes it, the next one replaces it. Returns
// how many windows came out wrong.
int wrong_windows(uint64_t seed, int windows) {
  Random random(seed);
  async_device::begin(seed);
  void *reader = nullptr;
  library().stream_new(0, &reader, nullptr);
  std::vector<std::unique_ptr<Read>> reads;
  {
    auto pool = sta::UploadPool::create(library(), 0, kBytes);
    EXPECT_TRUE(pool);
    std::unique_ptr<sta::UploadedWindow> mailbox;
    std::vector<uint8_t> in_mailbox;
    for (int i = 0; i < windows; ++i) {
      auto window = (*pool)->take();
      EXPECT_TRUE(window) << window.error().message;
      std::vector<uint8_t> pixels(kBytes);
      for (uint8_t &p : pixels) p = static_cast<uint8_t>(random.next());
      std::memcpy((*window)->pixels(), pixels.data(), kBytes);
      EXPECT_TRUE((*window)->send());
      mailbox = *std::move(window);
      in_mailbox = std::move(pixels);
      async_device::run(random.below(4));
      if (random.below(3) == 0) continue;  // the worker is still busy
      reads.push_back(std::make_unique<Read>());
      Read &read = *reads.back();
      read.want = in_mailbox;
      read.got.resize(kBytes);
      EXPECT_TRUE(mailbox->begin_read(reader));
      const void *data = mailbox->data();
      async_device::enqueue(reader, [&read, data] { cudaMemcpy(read.got.data(), data, kBytes, cudaMemcpyDeviceToHost); });
      EXPECT_TRUE(mailbox->end_read(reader));
      mailbox.reset();  // given back while the device still works with it
    }
    mailbox.reset();
    async_device::finish();
  }
  return static_cast<int>(std::count_if(reads.begin(), reads.end(), [](const auto &r) { return r->got != r->want; }));
}

TEST(WindowUpload, TheReaderFindsWhatWasSentInAnyOrder) {
  for (int seed = 0; seed < device::rounds(60); ++seed) EXPECT_EQ(wrong_windows(static_cast<uint64_t>(seed), 40), 0) << seed;
}

// The same without the events, to show that the test would notice.
TEST(WindowUpload, WithoutOrderItDoesNot) {
  async_device::break_order(true);
  int wrong = 0;
  for (int seed = 0; seed < device::rounds(60) + 5; ++seed) wrong += wrong_windows(static_cast<uint64_t>(seed), 40);
  async_device::break_order(false);
  EXPECT_GT(wrong, 0);
}

// The pool allocates memory only for the windows under way at a time, and reuses it.
TEST(WindowUpload, MemoryIsUsedAgain) {
  async_device::begin(1);
  g_allocations = 0;
  auto pool = sta::UploadPool::create(library(), 0, kBytes);
  ASSERT_TRUE(pool);
  for (int i = 0; i < 50; ++i) {
    auto a = (*pool)->take(), b = (*pool)->take();
    ASSERT_TRUE(a && b);
    EXPECT_NE((*a)->pixels(), (*b)->pixels());
    EXPECT_TRUE((*a)->send() && (*b)->send());
    async_device::finish();
  }
  EXPECT_EQ(g_allocations, 2);
}

// A window outlives its pool: an engine is closed while a window is in a mailbox.
TEST(WindowUpload, TheLastWindowFreesThePool) {
  async_device::begin(1);
  std::unique_ptr<sta::UploadedWindow> window;
  {
    auto pool = sta::UploadPool::create(library(), 0, kBytes);
    ASSERT_TRUE(pool);
    window = *(*pool)->take();
    std::memset(window->pixels(), 1, kBytes);
    ASSERT_TRUE(window->send());
  }
  EXPECT_TRUE(async_device::run(1)) << "the copy is still to come";
  window.reset();  // under AddressSanitizer: nothing is lost, nothing is used after it was freed
}

TEST(WindowUpload, LackOfMemoryIsAnErrorAndPassesBy) {
  static bool full;
  static const sta::KernelLibrary scarce = [] {
    sta::KernelLibrary t = async_device::library();
    t.pinned_new = [](int device, size_t bytes, void **memory, char *message) {
      if (!full) return async_device::library().pinned_new(device, bytes, memory, message);
      *memory = nullptr;
      std::strcpy(message, "pinned memory: out of memory");
      return STA_CUDA_FAILED;
    };
    return t;
  }();
  async_device::begin(1);
  auto pool = sta::UploadPool::create(scarce, 0, kBytes);
  ASSERT_TRUE(pool);
  full = true;
  const auto failed = (*pool)->take();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().status, STA_ERROR_DEVICE);
  EXPECT_EQ(failed.error().message, "pinned memory: out of memory");
  full = false;
  EXPECT_TRUE((*pool)->take());
}

}  // namespace
