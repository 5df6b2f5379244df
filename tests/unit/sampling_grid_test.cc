// SPDX-License-Identifier: MIT
// Tests how times become windows: known rates by hand, then thousands of random streams against a slow oracle that
// looks up every grid point on its own.
#include "window/sampling_grid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "sampling_oracle.h"

namespace {

using sta::GridSettings;
using sta::kTimeNone;
using sta::SamplingGrid;
using sta::Spacing;
using sta::WindowSpan;
using sta::test::Frame;
using sta::test::kMs;
using sta::test::kSecond;
using sta::test::oracle;
using sta::test::Recorder;

GridSettings kinetics() {
  GridSettings g;
  g.num_frames = 16;
  g.spacing = {400'000'000, 3};  // 4/30 s
  return g;
}

// Frames at fps with exact rational times rounded to ns, and durations like those of GStreamer.
void play(SamplingGrid &grid, Recorder &out, int frames, int64_t num, int64_t den, bool with_duration, uint64_t start = 0) {
  auto at = [&](int i) { return start + static_cast<uint64_t>((static_cast<__int128>(i) * den * kSecond) / num); };
  for (int i = 0; i < frames; ++i) grid.frame(at(i), with_duration ? at(i + 1) - at(i) : kTimeNone, false, out);
}

TEST(SamplingGrid, ThirtyFpsIsStrideFour) {
  for (const bool durations : {true, false}) {
    SamplingGrid grid(kinetics());
    Recorder out;
    play(grid, out, 64 + 4 * 4 * 3, 30, 1, durations);
    ASSERT_EQ(out.windows.size(), 4u) << durations;
    for (int w = 0; w < 4; ++w) {
      EXPECT_EQ(out.windows[w].start, grid.settings().spacing.times(4 * w));
      EXPECT_EQ(out.windows[w].end, grid.settings().spacing.times(4 * w + 16));
      EXPECT_FALSE(out.windows[w].degraded);
      for (int i = 0; i < 16; ++i) EXPECT_EQ(out.window_frames[w][i], 4 * (4 * w + i)) << "window " << w << " sample " << i;
    }
    EXPECT_EQ(out.restarts, 1);
  }
}

TEST(SamplingGrid, FirstWindowComesWithItsLastFrame) {
  SamplingGrid grid(kinetics());
  Recorder out;
  play(grid, out, 60, 30, 1, true);
  EXPECT_TRUE(out.windows.empty());
  grid.frame(2 * kSecond, kSecond / 30, false, out);  // frame 60 is sample 15
  EXPECT_EQ(out.windows.size(), 1u);
}

TEST(SamplingGrid, MillisecondTimestampsGiveTheSameFrames) {
  SamplingGrid grid(kinetics());
  Recorder out;
  for (int i = 0; i < 80; ++i) grid.frame(static_cast<uint64_t>(i * 1000.0 / 30 + 0.5) * kMs, 33 * kMs, false, out);
  ASSERT_FALSE(out.windows.empty());
  for (int i = 0; i < 16; ++i) EXPECT_EQ(out.window_frames[0][i], 4 * i);
}

TEST(SamplingGrid, OtherRatesTakeTheFrameOnScreen) {
  for (const auto &[num, den] : {std::pair<int64_t, int64_t>{25, 1}, {30000, 1001}, {50, 1}, {15, 1}, {10, 1}, {5, 1}}) {
    SamplingGrid grid(kinetics());
    Recorder out;
    play(grid, out, static_cast<int>(5 * num / den), num, den, true);
    ASSERT_GE(out.windows.size(), 1u) << num;
    for (int i = 0; i < 16; ++i) {
      const double t = i * 4.0 / 30;
      EXPECT_EQ(out.window_frames[0][i], static_cast<int>((t + 0.001) * static_cast<double>(num) / static_cast<double>(den) + 1e-9))
          << num << " sample " << i;
    }
    EXPECT_EQ(out.restarts, 1) << num;
  }
}

TEST(SamplingGrid, NoDriftInAYear) {
  const Spacing s{400'000'000, 3};
  const uint64_t year = 365ull * 24 * 3600;
  EXPECT_EQ(s.times(year * 15 / 2), year * kSecond);
}

TEST(SamplingGrid, HopIsRoundedUp) {
  GridSettings g = kinetics();
  EXPECT_EQ(g.hop_samples(), 4u);
  for (const auto &[hop, samples] : {std::pair<uint64_t, uint64_t>{1, 1},
                                     {133'333'333, 1},
                                     {133'333'334, 1},
                                     {133'340'000, 2},
                                     {533'333'333, 4},
                                     {kSecond, 8},
                                     {2 * kSecond, 15},
                                     {3 * kSecond, 23}}) {
    g.hop = hop;
    EXPECT_EQ(g.hop_samples(), samples) << hop;
  }
}

TEST(SamplingGrid, GapRestartsOrHolds) {
  for (const bool hold : {false, true}) {
    GridSettings g = kinetics();
    g.hold_gaps = hold;
    SamplingGrid grid(g);
    Recorder out;
    play(grid, out, 30, 30, 1, true);
    play(grid, out, 90, 30, 1, true, 1600 * kMs);  // 0.6 s without a frame: more than max-gap = 500 ms
    EXPECT_EQ(grid.gaps(), 1u);
    ASSERT_GE(out.windows.size(), 1u);
    if (hold) {
      EXPECT_EQ(out.restarts, 1);
      EXPECT_TRUE(out.windows[0].degraded);
      EXPECT_EQ(out.windows[0].start, 0u);
      EXPECT_EQ(out.window_frames[0][8], 29);   // t = 1.067
      EXPECT_EQ(out.window_frames[0][11], 29);  // t = 1.467
      EXPECT_EQ(out.window_frames[0][12], 30);  // t = 1.6
      EXPECT_FALSE(out.windows.back().degraded);
    } else {
      EXPECT_EQ(out.restarts, 2);
      EXPECT_EQ(out.windows[0].start, 1600 * kMs);
      EXPECT_FALSE(out.windows[0].degraded);
    }
  }
}

TEST(SamplingGrid, ShortGapIsHeldSilently) {
  SamplingGrid grid(kinetics());
  Recorder out;
  play(grid, out, 30, 30, 1, true);
  play(grid, out, 60, 30, 1, true, 1400 * kMs);
  EXPECT_EQ(out.restarts, 1);
  EXPECT_EQ(grid.gaps(), 0u);
  EXPECT_FALSE(out.windows.at(0).degraded);
}

TEST(SamplingGrid, DiscontWithAJumpIsAGap) {
  SamplingGrid grid(kinetics());
  Recorder out;
  play(grid, out, 30, 30, 1, true);
  grid.frame(1010 * kMs, 33 * kMs, true, out);  // marked, but nothing is missing
  EXPECT_EQ(out.restarts, 1);
  grid.frame(1300 * kMs, 33 * kMs, true, out);
  EXPECT_EQ(out.restarts, 2);
}

TEST(SamplingGrid, GapEventsAddUp) {
  SamplingGrid grid(kinetics());
  Recorder out;
  play(grid, out, 30, 30, 1, true);
  for (int i = 1; i <= 4; ++i) grid.advance(kSecond + static_cast<uint64_t>(i) * 100 * kMs, out);
  EXPECT_EQ(out.samples.size(), 11u);  // up to t = 1.333, held
  for (int i = 5; i <= 8; ++i) grid.advance(kSecond + static_cast<uint64_t>(i) * 100 * kMs, out);
  EXPECT_EQ(grid.gaps(), 1u);
  EXPECT_EQ(out.restarts, 1);
  grid.frame(1810 * kMs, 33 * kMs, false, out);
  EXPECT_EQ(out.restarts, 2);
}

TEST(SamplingGrid, BackwardsTimeRestarts) {
  SamplingGrid grid(kinetics());
  Recorder out;
  EXPECT_TRUE(grid.frame(kSecond, 33 * kMs, false, out));
  EXPECT_TRUE(grid.frame(kSecond, 33 * kMs, false, out));  // a duplicate is not backwards
  EXPECT_FALSE(grid.frame(kSecond - 1, 33 * kMs, false, out));
  EXPECT_EQ(out.restarts, 2);
}

TEST(SamplingGrid, SlowSourceWithDurationsIsNoGap) {
  SamplingGrid grid(kinetics());
  Recorder out;
  play(grid, out, 4, 1, 1, true);
  EXPECT_EQ(out.restarts, 1);
  EXPECT_EQ(out.samples.size(), 27u);  // up to 3.5 s: a successor may come early
  grid.finish(out);
  EXPECT_EQ(out.samples.size(), 30u);  // up to 4 s
  EXPECT_EQ(out.windows.size(), 5u);   // the last one is the tail
}

TEST(SamplingGrid, EndlessDurationIsBounded) {
  SamplingGrid grid(kinetics());
  Recorder out;
  grid.frame(0, 1'000'000 * kSecond, false, out);
  EXPECT_LE(out.samples.size(), 5u);
  grid.frame(900'000 * kSecond, 33 * kMs, false, out);
  EXPECT_EQ(out.restarts, 2);
  grid.frame(900'000 * kSecond + 33 * kMs, kTimeNone - 1, false, out);
  EXPECT_LE(out.samples.size(), 10u);
}

TEST(SamplingGrid, TailIsPaddedWhenHalfFull) {
  struct Case {
    int frames;
    bool pad;
    size_t windows;
    int samples;
  };
  // 30 fps: sample k at frame 4k. 29 frames = 8 samples = half a window.
  for (const Case &c :
       {Case{28, true, 0, 0}, Case{29, true, 1, 8}, Case{29, false, 0, 0}, Case{61, true, 1, 16}, Case{66, true, 2, 13}, Case{64, true, 1, 16}}) {
    GridSettings g = kinetics();
    g.pad_tail = c.pad;
    SamplingGrid grid(g);
    Recorder out;
    play(grid, out, c.frames, 30, 1, true);
    grid.finish(out);
    ASSERT_EQ(out.windows.size(), c.windows) << c.frames;
    if (c.windows == 0) continue;
    const WindowSpan &last = out.windows.back();
    EXPECT_EQ(last.num_samples, c.samples) << c.frames;
    EXPECT_EQ(last.tail, c.samples < 16) << c.frames;
    EXPECT_EQ(last.degraded, last.tail);
    EXPECT_EQ(last.end, last.start + g.spacing.times(last.first_sample + static_cast<uint64_t>(c.samples)) - g.spacing.times(last.first_sample));
  }
}

TEST(SamplingGrid, HopChangesAtTheNextWindow) {
  GridSettings g = kinetics();
  SamplingGrid grid(g);
  Recorder out;
  play(grid, out, 61, 30, 1, true);  // window 0 done, window 1 begins at sample 4
  g.hop = g.spacing.times(8);
  grid.configure(g);
  play(grid, out, 100, 30, 1, true, 61 * kSecond / 30);
  ASSERT_GE(out.windows.size(), 3u);
  EXPECT_EQ(out.windows[1].first_sample, 4u);
  EXPECT_EQ(out.windows[2].first_sample, 12u);
}

// ---- random streams against an oracle

TEST(SamplingGrid, TenThousandRandomStreams) {
  std::mt19937_64 random(20261124);
  auto pick = [&](uint64_t low, uint64_t high) { return low + random() % (high - low + 1); };
  size_t compared = 0;
  for (int trial = 0; trial < 10'000; ++trial) {
    GridSettings g;
    g.num_frames = static_cast<int>(pick(1, 8));
    g.spacing = {static_cast<int64_t>(pick(20 * kMs, 300 * kMs)), static_cast<int64_t>(pick(1, 3))};
    g.hop = pick(0, 3) == 0 ? 0 : pick(1, 900 * kMs);
    g.max_gap = pick(0, 2) == 0 ? 0 : pick(100 * kMs, 800 * kMs);
    const uint64_t period = pick(5 * kMs, 200 * kMs), jitter = pick(0, 1) == 0 ? 0 : period / pick(2, 20);
    const bool durations = pick(0, 2) != 0;
    std::vector<Frame> frames;
    uint64_t t = pick(0, kSecond);
    for (int i = 0; i < 80; ++i) {
      frames.push_back({t, durations && pick(0, 9) != 0 ? period : kTimeNone});
      const uint64_t kind = pick(0, 60);
      if (kind == 0)
        t += pick(period, 2 * kSecond);  // a gap, long or short
      else if (kind == 1 && t > kSecond)
        t -= pick(1, kSecond);  // a jump back
      else if (kind == 2)
        t += 0;  // a duplicate
      else
        t += period + (jitter ? pick(0, 2 * jitter) - jitter : 0);
    }
    SamplingGrid grid(g);
    Recorder out;
    for (const Frame &f : frames) grid.frame(f.time, f.duration, false, out);
    const auto want = oracle(frames, g);
    ASSERT_EQ(out.window_frames, want) << "trial " << trial;
    compared += want.size();
  }
  EXPECT_GT(compared, 50'000u);
}

// Two intervals of a config.json, each as exact as possible: the products of their parts have 70 bits.
TEST(Spacing, LongFractionsAreCompared) {
  const Spacing a{999'983'000'000'000, 999'979}, b{999'979'000'000'000, 999'983};
  EXPECT_TRUE(a == a);
  EXPECT_FALSE(a == b);
  EXPECT_TRUE((Spacing{400'000'000, 3} == Spacing{800'000'000, 6}));
}

}  // namespace
