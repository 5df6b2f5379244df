// SPDX-License-Identifier: MIT
// The sampling grid by definition, for tests: a slow oracle that looks up every grid point on its own, over a whole
// stream at once, and a sink that records which frame each sample got.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "window/sampling_grid.h"

namespace sta::test {

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kSecond = 1'000'000'000;

// The number of the show() call is the name of a frame.
struct Recorder : GridSink {
  void restart() override {
    ++restarts;
    samples.clear();
  }
  void show() override { ++shown; }
  void settle(uint64_t k) override {
    ++calls;
    EXPECT_EQ(k, samples.size());
    samples.push_back(shown - 1);
  }
  void hold(uint64_t k, uint64_t count) override {
    ++calls;
    EXPECT_EQ(k, samples.size());
    samples.insert(samples.end(), count, shown - 1);
  }
  void pass_over(uint64_t count) override {
    ++calls;
    passed_over += count;
  }
  void window(const WindowSpan &span) override {
    ++calls;
    windows.push_back(span);
    std::vector<int> frames;
    for (int i = 0; i < span.num_samples; ++i) frames.push_back(samples.at(span.first_sample + static_cast<uint64_t>(i)));
    window_frames.push_back(frames);
  }
  int restarts = 0, shown = 0;
  size_t calls = 0;  // without restart() and show()
  uint64_t passed_over = 0;
  std::vector<int> samples;
  std::vector<WindowSpan> windows;
  std::vector<std::vector<int>> window_frames;
};

struct Frame {
  uint64_t time, duration;
};

// The windows that frame() must make from these frames, as the frames of their samples. passed_over: how many windows
// it must leave out.
inline std::vector<std::vector<int>> oracle(const std::vector<Frame> &frames, const GridSettings &g, uint64_t *passed_over = nullptr) {
  std::vector<std::vector<int>> windows;
  size_t begin = 0;
  while (begin < frames.size()) {
    // A run: frames without a gap between them.
    size_t end = begin + 1;
    for (; end < frames.size(); ++end) {
      const Frame &last = frames[end - 1];
      if (frames[end].time < last.time) break;
      const uint64_t shown = last.duration == kTimeNone ? 0 : std::min(last.duration, g.spacing.times(g.num_frames));
      if (frames[end].time > last.time + shown && frames[end].time - (last.time + shown) > g.max_gap_ns()) break;
    }
    std::vector<int> samples;
    std::vector<bool> late;  // settled not by the frame itself but by its successor
    for (uint64_t k = 0;; ++k) {
      const uint64_t t = frames[begin].time + g.spacing.times(k);
      int found = -1;
      bool by_next = false;
      for (size_t i = begin; i < end && found < 0; ++i) {
        const Frame &f = frames[i];
        const uint64_t shown = f.duration == kTimeNone ? 0 : std::min({f.duration, g.spacing.times(g.num_frames), g.max_gap_ns()});
        const bool last = i + 1 == end;
        // A sample is settled by the first frame that arrives on the point or lasts past it. Otherwise it is settled by
        // the last frame before one that is later.
        if (f.time <= t + kOnGridTolerance && (t <= f.time || t + kOnGridTolerance < f.time + shown)) {
          found = static_cast<int>(i);
        } else if (!last && frames[i + 1].time > t + kOnGridTolerance && f.time <= t) {
          found = static_cast<int>(i);
          by_next = true;
        }
      }
      if (found < 0) break;
      samples.push_back(found);
      late.push_back(by_next);
    }
    // Windows that one call completes for one held frame. Windows that show one picture and begin after the frame's
    // first sample are made only up to the limit.
    const size_t n = static_cast<size_t>(g.num_frames);
    for (size_t first = 0; first + n <= samples.size();) {
      const int frame = samples[first + n - 1];
      const bool by_next = late[first + n - 1];
      std::vector<size_t> mixed, alike;
      for (; first + n <= samples.size() && samples[first + n - 1] == frame && late[first + n - 1] == by_next; first += g.hop_samples())
        (by_next && first > 0 && samples[first] == frame && samples[first - 1] == frame ? alike : mixed).push_back(first);
      const size_t most = g.held_windows > mixed.size() ? g.held_windows - mixed.size() : 1;
      if (alike.size() > most) {
        if (passed_over) *passed_over += alike.size() - most;
        alike.erase(alike.begin(), alike.end() - static_cast<ptrdiff_t>(most));
      }
      mixed.insert(mixed.end(), alike.begin(), alike.end());
      for (size_t w : mixed) windows.emplace_back(samples.begin() + static_cast<ptrdiff_t>(w), samples.begin() + static_cast<ptrdiff_t>(w + n));
    }
    begin = end;
  }
  return windows;
}

}  // namespace sta::test
