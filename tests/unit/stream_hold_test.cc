// SPDX-License-Identifier: MIT
// Tests a stream whose frame is held for long, behind the C++ wrapper. Windows that are left out must be counted, and
// the others must be the same as without the hold.
#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

#include "stream_support.h"

namespace {

using namespace sta::test;

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kSecond = 1'000'000'000;

sta_stream_options held(int blocking) {
  sta_stream_options o = sta::Stream::options();
  o.blocking = blocking;
  o.sample_interval = 10 * kMs;
  o.max_gap = 3600 * kSecond;
  return o;
}

TEST(StreamHold, AnHourInOnePushIsCounted) {
  sta::Engine engine = open_micro();
  for (const int blocking : {0, 1}) {
    sta_stream_options o = held(blocking);
    o.sample_interval = kMs;
    sta::Stream stream(engine, o);
    const Picture dark(20), bright(200);
    stream.push(dark.frame(0));
    stream.push(bright.frame(3600 * kSecond));
    stream.drain();
    const sta_stream_stats stats = stream.stats();
    EXPECT_GT(stats.frames_sampled, 3'590'000u);
    EXPECT_GT(stats.windows, 890'000u);
    EXPECT_EQ(stats.windows, stats.windows_classified + stats.windows_skipped) << blocking;
    EXPECT_EQ(stats.gaps, 0u);
    EXPECT_EQ(stats.results_lost, blocking ? stats.windows_classified - 64 : 0);
    const auto results = collect(stream);
    ASSERT_FALSE(results.empty());
    EXPECT_EQ(results.back().window_id, stats.windows - 1) << "ids count what was passed over";
    if (blocking) {
      EXPECT_EQ(results.size(), 64u);
    }
    for (size_t i = 1; i < results.size() && blocking; ++i)
      EXPECT_NEAR(static_cast<double>(results[i].window_start - results[i - 1].window_start), 4.0 * kMs, 1) << i;
  }
}

// A stream of frames at these times, each as bright as its number. Between two frames, time passes in steps of `step`
// (0: in one step).
std::map<uint64_t, std::pair<sta_result_info, std::vector<float>>> classified(sta::Engine &engine, const sta_stream_options &o, uint64_t step) {
  std::map<uint64_t, std::pair<sta_result_info, std::vector<float>>> all;
  sta::Stream stream(engine, o);
  auto take = [&] {
    while (auto r = stream.pop()) {
      std::vector<float> scores;
      for (const auto &score : r->top(10)) {
        scores.push_back(static_cast<float>(score.class_id));
        scores.push_back(score.confidence);
      }
      all[r->info().window_id] = {r->info(), scores};
    }
  };
  uint64_t last = 0;
  for (const uint64_t time : {0, 40, 80, 120, 160, 200, 2'000, 2'040, 2'080, 2'500, 2'540, 4'000, 4'010, 4'020, 4'200}) {
    for (uint64_t t = last + step; step > 0 && t < time; t += step) {
      sta_error err;
      EXPECT_EQ(sta_stream_advance(stream.get(), t * kMs, &err), STA_OK) << err.message;
      take();
    }
    last = time;
    stream.push(Picture(static_cast<uint8_t>(20 + time % 199)).frame(time * kMs, STA_TIME_NONE));
    take();
  }
  stream.drain();
  take();
  return all;
}

TEST(StreamHold, WindowsAfterAHoldAreThoseWithoutIt) {
  sta::Engine engine = open_micro();
  for (const int static_skip : {0, 1})
    for (const uint64_t hop : {10 * kMs, 40 * kMs, 160 * kMs, 300 * kMs}) {
      sta_stream_options o = held(1);
      o.hop = hop;
      o.static_skip = static_skip;
      o.max_results = 8;
      const auto late = classified(engine, o, 0), steady = classified(engine, o, 30);
      ASSERT_GT(late.size(), 10u);
      // In steps of three samples nothing is passed over.
      ASSERT_EQ(steady.size(), steady.rbegin()->first + 1);
      EXPECT_EQ(late.rbegin()->first, steady.rbegin()->first);
      if (hop < 160 * kMs) {
        EXPECT_LT(late.size(), steady.size());
      }
      for (const auto &[id, result] : late) {
        const auto same = steady.find(id);
        ASSERT_NE(same, steady.end());
        EXPECT_EQ(result.first.window_start, same->second.first.window_start) << id;
        EXPECT_EQ(result.first.window_end, same->second.first.window_end) << id;
        EXPECT_EQ(result.second, same->second.second) << "window " << id << ", hop " << hop << ", static skip " << static_skip;
      }
    }
}

}  // namespace
