// SPDX-License-Identifier: MIT
// Tests a frame that is held for long. A single late frame may settle only a bounded number of windows, and they must
// be those of the grid.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "sampling_oracle.h"

namespace {

using sta::GridSettings;
using sta::kTimeNone;
using sta::SamplingGrid;
using sta::test::Frame;
using sta::test::kMs;
using sta::test::kSecond;
using sta::test::oracle;
using sta::test::Recorder;

GridSettings everyTwoMilliseconds() {
  GridSettings g;
  g.num_frames = 16;
  g.spacing = {2 * static_cast<int64_t>(kMs), 1};
  g.max_gap = 3600 * kSecond;
  return g;
}

TEST(SamplingHold, AnHourIsSettledInFewSteps) {
  for (const uint64_t most : {1u, 64u}) {
    GridSettings g = everyTwoMilliseconds();
    g.held_windows = most;
    SamplingGrid grid(g);
    Recorder out;
    grid.frame(0, kTimeNone, false, out);
    grid.frame(3600 * kSecond, kTimeNone, false, out);
    EXPECT_EQ(out.restarts, 1);
    EXPECT_EQ(grid.gaps(), 0u);
    EXPECT_EQ(out.samples.size(), 1'800'001u);
    EXPECT_LE(out.calls, 16 + 2 * most + 4) << "steps of one call";
    // Window j holds samples 4j .. 4j + 15; the last one ends with the second frame, on the point of sample 1,800,000.
    EXPECT_EQ(out.windows.size() + out.passed_over, (1'800'000u - 15) / 4 + 1);
    EXPECT_EQ(out.windows.back().first_sample, 1'799'984u);
    for (size_t w = 1; w < out.windows.size(); ++w) EXPECT_EQ(out.windows[w].first_sample % 4, 0u);
    EXPECT_FALSE(out.windows.back().degraded);
    for (int frame : out.window_frames.back()) EXPECT_EQ(frame, 0);
  }
}

TEST(SamplingHold, TheGridGoesOnWhereItWas) {
  GridSettings g = everyTwoMilliseconds();
  g.held_windows = 1;
  SamplingGrid grid(g);
  Recorder out;
  grid.frame(0, kTimeNone, false, out);
  grid.frame(100 * kSecond, kTimeNone, false, out);
  const size_t before = out.windows.size();
  for (int i = 1; i <= 40; ++i) grid.frame(100 * kSecond + static_cast<uint64_t>(i) * 2 * kMs, kTimeNone, false, out);
  EXPECT_EQ(out.restarts, 1);
  ASSERT_EQ(out.windows.size(), before + 10);
  for (size_t w = before; w < out.windows.size(); ++w) {
    EXPECT_EQ(out.windows[w].first_sample, out.windows[w - 1].first_sample + 4);
    for (size_t i = 0; i < 16; ++i) {
      const uint64_t k = out.windows[w].first_sample + i;
      EXPECT_EQ(out.window_frames[w][i], k < 50'000 ? 0 : static_cast<int>(k - 50'000 + 1)) << k;
    }
  }
}

// Hops longer than a window leave samples that no window has, and there may be millions of them, too.
TEST(SamplingHold, LongHopsAreSettledInFewSteps) {
  GridSettings g = everyTwoMilliseconds();
  g.hop = 600 * kSecond;
  SamplingGrid grid(g);
  Recorder out;
  grid.frame(0, kTimeNone, false, out);
  grid.frame(3600 * kSecond, kTimeNone, false, out);
  EXPECT_EQ(out.windows.size(), 6u);
  EXPECT_EQ(out.passed_over, 0u);
  EXPECT_LE(out.calls, 16u + 2 * 6 + 4);
  EXPECT_EQ(out.windows.back().first_sample, 1'500'000u);
}

TEST(SamplingHold, TimePassingWithoutAFrameSettlesTheSame) {
  GridSettings g = everyTwoMilliseconds();
  g.held_windows = 1;
  SamplingGrid once(g), steps(g);
  Recorder a, b;
  once.frame(0, kTimeNone, false, a);
  steps.frame(0, kTimeNone, false, b);
  once.advance(1800 * kSecond, a);
  for (uint64_t t = 450; t <= 1800; t += 450) steps.advance(t * kSecond, b);
  EXPECT_EQ(a.samples, b.samples);
  EXPECT_EQ(a.windows.back().first_sample, b.windows.back().first_sample);
  EXPECT_EQ(a.windows.size() + a.passed_over, b.windows.size() + b.passed_over);
  EXPECT_LE(b.calls, 16u + 4 * 6);
}

TEST(SamplingHold, RandomHoldsAreWhatTheOracleSays) {
  std::mt19937_64 random(7);
  auto pick = [&](uint64_t low, uint64_t high) { return low + random() % (high - low + 1); };
  size_t compared = 0;
  uint64_t passed_over = 0;
  for (int trial = 0; trial < 4000; ++trial) {
    GridSettings g;
    g.num_frames = static_cast<int>(pick(1, 8));
    g.spacing = {static_cast<int64_t>(pick(5 * kMs, 100 * kMs)), static_cast<int64_t>(pick(1, 3))};
    g.hop = pick(0, 3) == 0 ? 0 : pick(1, pick(0, 4) == 0 ? 2 * kSecond : 300 * kMs);
    g.max_gap = pick(1, 4) * kSecond;
    g.held_windows = pick(0, 2) == 0 ? 64 : pick(1, 6);
    std::vector<Frame> frames;
    uint64_t t = pick(0, kSecond);
    for (int i = 0; i < 16; ++i) {
      const uint64_t step = pick(0, 2) == 0 ? pick(0, 4 * kSecond) : pick(1, 60) * kMs;
      frames.push_back({t, pick(0, 1) == 0 ? kTimeNone : pick(1, 2) * step});
      t += step;
    }
    SamplingGrid grid(g);
    Recorder out;
    for (const Frame &f : frames) grid.frame(f.time, f.duration, false, out);
    uint64_t want_passed_over = 0;
    const auto want = oracle(frames, g, &want_passed_over);
    ASSERT_EQ(out.window_frames, want) << "trial " << trial;
    ASSERT_EQ(out.passed_over, want_passed_over) << "trial " << trial;
    compared += want.size();
    passed_over += want_passed_over;
  }
  EXPECT_GT(compared, 50'000u);
  EXPECT_GT(passed_over, 50'000u);
}

}  // namespace
