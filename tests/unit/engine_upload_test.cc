// SPDX-License-Identifier: MIT
// Tests windows that are uploaded beforehand, through the whole engine. A library of functions whose device is the CPU
// replaces libsta-cuda. The thread that pushes frames sends the window, and the worker reads what has arrived. The
// probabilities must equal those of windows that come with the job.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "engine/stream.h"

namespace {

struct Counters {
  std::atomic<int> sent{0}, pinned{0}, released{0}, read{0};
  std::atomic<int> windows_with_memory{1000};  // after so many windows there is no more memory
  std::thread::id sender;
} g;

// Immediate: an event has happened as soon as it is recorded.
const sta::KernelLibrary &library() {
  static const sta::KernelLibrary table = [] {
    sta::KernelLibrary t{};
    t.set_device = [](int, int *previous, char *) {
      if (previous) *previous = 0;
      return STA_CUDA_OK;
    };
    t.allocate = [](int, size_t bytes, void **memory, char *) {
      *memory = std::malloc(bytes);
      return STA_CUDA_OK;
    };
    t.release = [](int, void *memory) {
      if (memory) ++g.released;
      std::free(memory);
    };
    t.pinned_new = [](int, size_t bytes, void **memory, char *message) {
      *memory = nullptr;
      if (g.pinned >= g.windows_with_memory) {
        std::strcpy(message, "pinned memory: out of memory");
        return STA_CUDA_FAILED;
      }
      ++g.pinned;
      *memory = std::malloc(bytes);
      return STA_CUDA_OK;
    };
    t.pinned_free = [](int, void *memory) { std::free(memory); };
    t.stream_new = t.event_new = [](int, void **handle, char *) {
      *handle = std::malloc(1);
      return STA_CUDA_OK;
    };
    t.stream_free = t.event_free = [](int, void *handle) { std::free(handle); };
    t.event_record = [](void *, void *, char *) { return STA_CUDA_OK; };
    t.event_order = [](void *, void *stream, char *) {
      if (!stream) ++g.read;  // the worker's stream, on a CPU
      return STA_CUDA_OK;
    };
    t.event_wait = [](void *, char *) { return STA_CUDA_OK; };
    t.upload_pinned = [](void *to, const void *from, size_t bytes, void *, char *) {
      ++g.sent;
      g.sender = std::this_thread::get_id();
      std::memcpy(to, from, bytes);
      return STA_CUDA_OK;
    };
    return t;
  }();
  return table;
}

// Probabilities of all windows of a moving picture.
std::vector<std::vector<float>> classify(const sta::KernelLibrary *uploads, bool blocking) {
  sta::EngineOptions eo;
  eo.model = std::string(STA_GOLDEN_MADE_DIR) + "/checkpoints/micro_hf";
  eo.device = "cpu";
  eo.upload_library = uploads;
  auto engine = sta::Engine::open(eo);
  EXPECT_TRUE(engine) << engine.error().message;
  sta::StreamOptions so;
  so.blocking = blocking;
  auto stream = sta::Stream::create(*engine, so);
  EXPECT_TRUE(stream) << stream.error().message;
  for (int i = 0; i < 200; ++i) {
    std::vector<uint8_t> gray(64 * 64);
    for (size_t p = 0; p < gray.size(); ++p) gray[p] = static_cast<uint8_t>(p * 3 + static_cast<size_t>(i * i));
    sta_frame f;
    sta_frame_init(&f);
    f.format = STA_FORMAT_GRAY8;
    f.full_range = 1;
    f.width = f.height = f.stride[0] = 64;
    f.plane[0] = gray.data();
    f.time = static_cast<uint64_t>(i) * 1'000'000'000 / 30;
    f.duration = 1'000'000'000 / 30;
    EXPECT_TRUE((*stream)->push(f));
  }
  EXPECT_TRUE((*stream)->drain());
  std::vector<std::vector<float>> all;
  while (auto result = (*stream)->pop()) {
    EXPECT_EQ(result->status, STA_OK) << result->message;
    all.push_back(result->probabilities);
  }
  return all;
}

class EngineUpload : public testing::Test {
 protected:
  EngineUpload() {
    g.sent = g.pinned = g.released = g.read = 0;
    g.windows_with_memory = 1000;
  }
};

TEST_F(EngineUpload, GivesTheSameProbabilities) {
  const auto want = classify(nullptr, true);
  EXPECT_EQ(g.sent, 0);
  const auto got = classify(&library(), true);
  EXPECT_GT(want.size(), 8u);
  EXPECT_EQ(got, want);
  EXPECT_EQ(g.sent, static_cast<int>(want.size()));
  EXPECT_EQ(g.read, g.sent);
  EXPECT_EQ(g.sender, std::this_thread::get_id()) << "the thread that pushes frames, while the worker computes";
  EXPECT_LE(g.pinned, 3);
  EXPECT_EQ(g.released, g.pinned) << "all of it is given back with the engine";
}

TEST_F(EngineUpload, WindowsThatAreReplacedAreGivenBack) {
  classify(&library(), false);
  EXPECT_GT(g.sent, 8);
  EXPECT_LE(g.read, g.sent);
  EXPECT_LE(g.pinned, 4);
  EXPECT_EQ(g.released, g.pinned);
}

TEST_F(EngineUpload, WithoutMemoryForItWindowsComeWithTheJob) {
  const auto want = classify(nullptr, true);
  g.windows_with_memory = 0;
  EXPECT_EQ(classify(&library(), true), want);
  EXPECT_EQ(g.sent, 0);
}

}  // namespace
