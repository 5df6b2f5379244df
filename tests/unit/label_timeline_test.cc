// SPDX-License-Identifier: MIT
// Tests how windows become events: by hand, then random score sequences against an oracle that looks at the whole
// sequence at once.
#include "events/label_timeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <tuple>

namespace {

using sta::LabelTimeline;
using sta::TimelineEvent;
using sta::TimelineSettings;
using Kind = TimelineEvent::Kind;

constexpr uint64_t kHop = 500;  // any unit of time: the timeline has none of its own

// Two classes; the second one is the rest. Window i is credited with [i, i+1) hops.
struct Player {
  explicit Player(const TimelineSettings &settings) : timeline(2, settings) {}
  void play(const std::vector<double> &scores) {
    for (double s : scores) {
      const float p[] = {static_cast<float>(s), static_cast<float>(1 - s)};
      timeline.window(now, now + kHop, p, [&](const TimelineEvent &e) {
        if (e.class_id == 0) events.push_back(e);
      });
      now += kHop;
    }
  }
  void close() {
    timeline.close([&](const TimelineEvent &e) {
      if (e.class_id == 0) events.push_back(e);
    });
  }
  LabelTimeline timeline;
  std::vector<TimelineEvent> events;
  uint64_t now = 0;
};

TimelineSettings settings() {
  TimelineSettings s;
  s.update_interval = 1'000'000;  // none, unless a test asks for them
  return s;
}

TEST(LabelTimeline, OneEventWithItsTimes) {
  Player p(settings());
  p.play({0.1, 0.9, 0.8, 0.45, 0.7, 0.1, 0.1});
  ASSERT_EQ(p.events.size(), 2u);
  EXPECT_EQ(p.events[0].kind, Kind::kStart);
  EXPECT_EQ(p.events[0].onset, 1 * kHop);
  EXPECT_EQ(p.events[1].kind, Kind::kEnd);
  EXPECT_EQ(p.events[1].onset, 1 * kHop);
  EXPECT_EQ(p.events[1].offset, 5 * kHop);  // 0.45 is above the exit threshold
  EXPECT_NEAR(p.events[1].confidence, (0.9 + 0.8 + 0.45 + 0.7) / 4, 1e-6);
  EXPECT_NEAR(p.events[1].peak, 0.9, 1e-6);
  EXPECT_EQ(p.events[0].id, p.events[1].id);
}

TEST(LabelTimeline, DebounceDelaysButDoesNotShift) {
  TimelineSettings s = settings();
  s.min_duration = 3 * kHop;
  s.release_duration = 2 * kHop;
  Player p(s);
  p.play({0.9, 0.9, 0.1, 0.9, 0.9});
  EXPECT_TRUE(p.events.empty());  // never three in a row
  p.play({0.9});
  ASSERT_EQ(p.events.size(), 1u);
  EXPECT_EQ(p.events[0].onset, 3 * kHop);
  p.play({0.1, 0.9, 0.1, 0.1});  // one dip is forgiven, two end it
  ASSERT_EQ(p.events.size(), 2u);
  EXPECT_EQ(p.events[1].offset, 8 * kHop);
}

TEST(LabelTimeline, SmoothingAverages) {
  TimelineSettings s = settings();
  s.smoothing = 3;
  Player p(s);
  p.play({0.0, 0.9, 0.0, 0.9, 0.9});  // means 0, .45, .3, .6, .6
  ASSERT_EQ(p.events.size(), 1u);
  EXPECT_EQ(p.events[0].onset, 3 * kHop);
}

TEST(LabelTimeline, OpenEventsEndAtClose) {
  Player p(settings());
  p.play({0.9, 0.9});
  uint64_t onset = 99;
  EXPECT_EQ(p.timeline.open_event(0, &onset), 1u);
  EXPECT_EQ(onset, 0u);
  p.close();
  ASSERT_EQ(p.events.size(), 2u);
  EXPECT_EQ(p.events[1].kind, Kind::kEnd);
  EXPECT_EQ(p.events[1].offset, 2 * kHop);
  EXPECT_EQ(p.timeline.open_event(0), 0u);
  p.close();
  EXPECT_EQ(p.events.size(), 2u);
  p.play({0.9});
  EXPECT_EQ(p.events.back().id, 2u);
}

TEST(LabelTimeline, UpdatesAtMostOncePerInterval) {
  TimelineSettings s = settings();
  s.update_interval = 2 * kHop;
  Player p(s);
  p.play({0.9, 0.9, 0.9, 0.9, 0.9, 0.9});
  ASSERT_EQ(p.events.size(), 3u);
  EXPECT_EQ(p.events[1].kind, Kind::kUpdate);
  EXPECT_EQ(p.events[1].offset, 3 * kHop);
  EXPECT_EQ(p.events[2].offset, 5 * kHop);
}

TEST(LabelTimeline, ClassesAndBackground) {
  TimelineSettings s = settings();
  s.classes = {1};
  Player p(s);
  p.play({0.9, 0.9, 0.1});
  EXPECT_TRUE(p.events.empty());
  EXPECT_EQ(p.timeline.open_event(1), 1u);
  s.classes = {};
  s.background = 1;
  p.timeline.configure(s);
  p.play({0.1});  // class 1 is open and no longer wanted: it ends
  EXPECT_EQ(p.timeline.open_event(1), 0u);
}

TEST(LabelTimeline, MalformedWindowsAreIgnored) {
  LabelTimeline timeline(3, settings());
  const float two[] = {0.9f, 0.1f}, three[] = {0.9f, 0.1f, 0.0f};
  const auto none = [](const TimelineEvent &) { ADD_FAILURE(); };
  timeline.window(0, 10, two, none);
  timeline.window(10, 10, three, none);
}

// ---- random sequences

using Interval = std::tuple<size_t, size_t>;  // first and one past the last supporting window

// The definition, applied to the whole sequence at once, without a state machine.
std::vector<Interval> oracle(const std::vector<double> &x, const TimelineSettings &s) {
  std::vector<Interval> events;
  size_t i = 0;
  while (i < x.size()) {
    if (x[i] < s.enter_threshold) {
      ++i;
      continue;
    }
    size_t run = i;
    while (run < x.size() && x[run] >= s.enter_threshold) ++run;
    // The start is published with the window after which the run has lasted long enough.
    if ((run - i) * kHop < s.min_duration) {
      i = run;
      continue;
    }
    const size_t start = std::max<size_t>(i + 1, i + (s.min_duration + kHop - 1) / kHop);  // windows seen when it starts
    size_t last = start, below = 0, k = start;
    for (; k < x.size(); ++k) {
      if (x[k] >= s.exit_threshold) {
        last = k + 1;
        below = 0;
      } else if (++below * kHop >= s.release_duration) {
        ++k;
        break;
      }
    }
    events.emplace_back(i, last);
    i = k;
  }
  return events;
}

TEST(LabelTimeline, RandomSequencesAgainstTheDefinition) {
  std::mt19937 random(7);
  auto uniform = [&] { return std::uniform_real_distribution<double>(0, 1)(random); };
  size_t compared = 0;
  for (int trial = 0; trial < 10'000; ++trial) {
    TimelineSettings s = settings();
    s.enter_threshold = 0.3 + 0.5 * uniform();
    s.exit_threshold = s.enter_threshold * uniform();
    s.min_duration = static_cast<uint64_t>(uniform() * 4) * kHop + (uniform() < 0.3 ? 120 : 0);
    s.release_duration = static_cast<uint64_t>(uniform() * 4) * kHop + (uniform() < 0.3 ? 120 : 0);
    std::vector<double> x;
    double v = uniform();
    for (int i = 0; i < 60; ++i) {
      v = uniform() < 0.3 ? uniform() : v;
      x.push_back(static_cast<double>(static_cast<float>(v)));
    }
    Player p(s);
    p.play(x);
    p.close();
    std::vector<Interval> got;
    for (const TimelineEvent &e : p.events)
      if (e.kind == Kind::kEnd) got.emplace_back(e.onset / kHop, e.offset / kHop);
    const auto want = oracle(x, s);
    ASSERT_EQ(got, want) << "trial " << trial;
    compared += want.size();
  }
  EXPECT_GT(compared, 10'000u);
}

}  // namespace
