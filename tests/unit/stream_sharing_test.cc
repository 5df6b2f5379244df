// SPDX-License-Identifier: MIT
// Tests what windows share: results, if a scene stands still, and forward passes, across several streams. Also tests
// how a stream's owner learns of results without asking.
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "stream_support.h"

namespace {

using namespace sta::test;

std::vector<std::vector<float>> probabilities(sta::Stream &stream, std::vector<sta_result_info> *infos) {
  std::vector<std::vector<float>> all;
  while (auto r = stream.pop()) {
    infos->push_back(r->info());
    const float *p = sta_result_probabilities(r->get());
    all.emplace_back(p, p + infos->back().num_classes);
  }
  return all;
}

// Brightness of frame i: it moves, stands still from frame 20 to 299, then moves again.
uint8_t brightness(int i) { return static_cast<uint8_t>(i < 20 ? 20 + i : i < 300 ? 100 : i - 200); }

void push_scene(sta::Stream &stream, int frames) {
  for (int i = 0; i < frames; ++i) stream.push(Picture(brightness(i)).frame(static_cast<uint64_t>(i) * 1'000'000'000 / 30));
}

TEST(StaticSkip, ReusesExactlyTheWindowsThatAreEqual) {
  sta::Engine engine = open_micro();
  sta::Stream with(engine, blocking());
  sta_stream_options o = blocking();
  o.static_skip = 0;
  sta::Stream without(engine, o);
  push_scene(with, 400);
  push_scene(without, 400);
  std::vector<sta_result_info> a, b;
  const auto pa = probabilities(with, &a), pb = probabilities(without, &b);
  ASSERT_EQ(a.size(), b.size());
  ASSERT_EQ(a.size(), 22u);
  uint64_t reused = 0;
  for (size_t j = 0; j < a.size(); ++j) {
    // Samples of window j are frames 16 j, 16 j + 4, ..; those of the window before begin 16 frames earlier.
    bool equal = j > 0;
    for (int i = 0; i < 16 && equal; ++i) equal = brightness(static_cast<int>(16 * j + 4 * i)) == brightness(static_cast<int>(16 * (j - 1) + 4 * i));
    EXPECT_EQ((a[j].flags & STA_RESULT_REUSED) != 0, equal) << "window " << j;
    EXPECT_EQ(b[j].flags & STA_RESULT_REUSED, 0u);
    EXPECT_EQ(a[j].inference_time == 0, equal);
    EXPECT_EQ(a[j].window_id, b[j].window_id);
    EXPECT_EQ(a[j].window_start, b[j].window_start);
    EXPECT_EQ(pa[j], pb[j]) << "window " << j;
    reused += equal;
  }
  EXPECT_GT(reused, 10u);
  EXPECT_EQ(with.stats().windows_reused, reused);
  EXPECT_EQ(with.stats().windows_classified, a.size());
  EXPECT_EQ(without.stats().windows_reused, 0u);
}

TEST(StaticSkip, NotAcrossAnotherDropNumberHopSeedOrReset) {
  sta::Engine engine = open_micro();
  sta_stream_options o = blocking();
  sta::Stream stream(engine, o);
  const Picture still(70);
  int i = 0;
  auto frames = [&](int count) {
    for (int end = i + count; i < end; ++i) stream.push(still.frame(static_cast<uint64_t>(i) * 1'000'000'000 / 30));
    std::vector<bool> reused;
    for (const auto &info : collect(stream)) reused.push_back((info.flags & STA_RESULT_REUSED) != 0);
    return reused;
  };
  using Reused = std::vector<bool>;
  EXPECT_EQ(frames(61 + 32), (Reused{false, true, true}));
  o.drop_number = 4;
  sta_error err;
  ASSERT_EQ(sta_stream_configure(stream.get(), &o, &err), STA_OK);
  EXPECT_EQ(frames(32), (Reused{false, true}));
  stream.reset();
  EXPECT_EQ(frames(64 + 16), (Reused{false, true}));
  o.pruning = STA_PRUNING_RANDOM;
  ASSERT_EQ(sta_stream_configure(stream.get(), &o, &err), STA_OK);
  EXPECT_EQ(frames(32), (Reused{false, false}));
  o.pruning = STA_PRUNING_NONE;
  ASSERT_EQ(sta_stream_configure(stream.get(), &o, &err), STA_OK);
  EXPECT_EQ(frames(32), (Reused{false, true}));
  o.drop_number = 8;  // ignored without pruning
  ASSERT_EQ(sta_stream_configure(stream.get(), &o, &err), STA_OK);
  EXPECT_EQ(frames(16), (Reused{true}));
  // Windows that do not touch have no common sample to compare.
  o.hop = 17 * 400'000'000ull / 3;
  ASSERT_EQ(sta_stream_configure(stream.get(), &o, &err), STA_OK);
  for (const bool reused : frames(300)) EXPECT_FALSE(reused);
}

// Live mode replaces waiting windows. A window may equal the last classified one through skipped ones in between. Then
// it still counts as equal to it.
TEST(StaticSkip, LooksThroughSkippedWindows) {
  sta_engine_options eo = sta::Engine::options();
  eo.model = "arch:vit_small";
  eo.device = "cpu";
  sta::Engine engine = sta::Engine::open(eo);
  sta_stream_options o = sta::Stream::options();
  o.tail_policy = STA_TAIL_DROP;  // else its padded window would be the one that waits at the end
  sta::Stream stream(engine, o);
  const Picture still(70);
  for (int i = 0; i < 310; ++i) stream.push(still.frame(static_cast<uint64_t>(i) * 1'000'000'000 / 30));
  stream.drain();
  const auto results = collect(stream);
  const auto stats = stream.stats();
  ASSERT_GE(results.size(), 2u);
  EXPECT_GT(stats.windows_skipped, 0u);
  EXPECT_EQ(results[0].flags & STA_RESULT_REUSED, 0u);
  EXPECT_NE(results[1].flags & STA_RESULT_REUSED, 0u);
}

TEST(Notify, TellsOfResultsWithoutPollingAndEndsWithTheStream) {
  struct Count {
    std::atomic<int> calls{0};
    static void call(void *data) { ++static_cast<Count *>(data)->calls; }
  };
  sta::Engine engine = open_micro();
  auto count = std::make_unique<Count>();
  {
    sta::Stream stream(engine);
    sta_stream_set_notify(stream.get(), &Count::call, count.get());
    push(stream, 0, 61);
    for (int i = 0; i < 20000 && count->calls == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(count->calls, 1);
    EXPECT_EQ(collect(stream).size(), 1u) << "the result is there when the call comes";
    push(stream, 61, 77);  // may be computed while the stream is ended
  }
  const int calls = count->calls;
  count->calls = -1000;  // a call after the end of the stream would show
  sta::Stream other(engine, blocking());
  push(other, 0, 61);
  EXPECT_EQ(count->calls, -1000);
  EXPECT_LE(calls, 2);
}

// Streams whose windows come 150 ms after each other would not share a forward pass of a few milliseconds. Their time
// runs ten times faster than the clock, so that all of them count as alive, however slow the machine is.
int largest_batch(uint64_t batch_timeout, int max_batch) {
  sta::Engine engine = open_micro(batch_timeout, max_batch);
  sta_stream_options o = sta::Stream::options();
  o.sample_interval = 10 * 133'333'333ull;
  constexpr int kStreams = 3;
  std::vector<std::unique_ptr<sta::Stream>> streams;
  for (int i = 0; i < kStreams; ++i) streams.push_back(std::make_unique<sta::Stream>(engine, o));
  int largest = 0;
  for (int sample = 0; sample < 24; ++sample) {
    const bool completes = sample == 15 || sample == 19 || sample == 23;
    for (auto &stream : streams) {
      stream->push(Picture(static_cast<uint8_t>(20 + sample)).frame(static_cast<uint64_t>(sample) * o.sample_interval, STA_TIME_NONE));
      if (completes) std::this_thread::sleep_for(std::chrono::milliseconds(150));
    }
    if (!completes) continue;
    for (int i = 0; i < kStreams; ++i) {
      std::optional<sta::WindowResult> result;
      for (int wait = 0; wait < 20000 && !(result = streams[i]->pop()); ++wait) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (result) largest = std::max(largest, result->info().batch_size);
    }
  }
  return largest;
}

TEST(BatchTimeout, WaitsForStreamsThatAreDue) {
  EXPECT_LT(largest_batch(0, 4), 3);
  EXPECT_EQ(largest_batch(1'000'000'000, 4), 3);
  EXPECT_EQ(largest_batch(1'000'000'000, 2), 2);
}

TEST(BatchTimeout, IsNotWaitedForAlone) {
  sta::Engine engine = open_micro(1'000'000'000);
  sta::Stream stream(engine, blocking());
  push(stream, 0, 200);
  for (const auto &info : collect(stream)) EXPECT_LT(info.queue_time, 500'000'000u) << "window " << info.window_id;
  sta_engine_options o = sta::Engine::options();
  o.model = "arch:vit_small";
  o.batch_timeout = 1'000'000'001;
  sta_engine *none = nullptr;
  sta_error err;
  EXPECT_EQ(sta_engine_open(&o, &none, &err), STA_ERROR_INVALID_ARGUMENT);
  EXPECT_NE(std::string(err.message).find("batch-timeout"), std::string::npos) << err.message;
}

}  // namespace
