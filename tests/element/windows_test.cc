// SPDX-License-Identifier: MIT
// Tests which windows come out, and on which frame their labels begin, for every kind of frame rate. They are compared
// with an oracle that is written from the definition (samples are the frames on screen at t_0 + k·Δ). The oracle knows
// nothing of how sta-core computes them.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "action_harness.h"

namespace sta::test {
namespace {

constexpr GstClockTime kTolerance = GST_MSECOND;

struct Source {
  std::string name;
  int fps_n, fps_d;                     // caps; 0/1: unknown
  std::vector<GstClockTime> times;      // ns
  std::vector<GstClockTime> durations;  // of the buffers; NONE: unset
};

std::vector<GstClockTime> regular(int count, guint64 n, guint64 d) {
  std::vector<GstClockTime> times;
  for (int i = 0; i < count; i++) times.push_back(gst_util_uint64_scale(i, d * GST_SECOND, n));
  return times;
}

Source make(const std::string &name, int fps_n, int fps_d, std::vector<GstClockTime> times, bool durations) {
  Source source{name, fps_n, fps_d, std::move(times), {}};
  for (size_t i = 0; i < source.times.size(); i++)
    source.durations.push_back(durations && i + 1 < source.times.size() ? source.times[i + 1] - source.times[i] : GST_CLOCK_TIME_NONE);
  return source;
}

std::vector<GstClockTime> variable(int count) {
  std::mt19937 random(7);
  std::vector<GstClockTime> times;
  GstClockTime time = 0;
  for (int i = 0; i < count; i++) {
    times.push_back(time);
    time += (5 + random() % 90) * GST_MSECOND + random() % GST_MSECOND;
  }
  return times;
}

// The end of frame i, as far as the frame says how long it is shown; its own time if it does not say.
GstClockTime endOf(const Source &source, size_t i) {
  if (GST_CLOCK_TIME_IS_VALID(source.durations[i])) return source.times[i] + source.durations[i];
  if (source.fps_n > 0) return source.times[i] + gst_util_uint64_scale(GST_SECOND, source.fps_d, source.fps_n);
  return source.times[i];
}

// The frame with which the sample at `point` is finally known.
size_t settledBy(const Source &source, GstClockTime point) {
  for (size_t i = 0; i < source.times.size(); i++)
    if (source.times[i] >= point || endOf(source, i) > point + kTolerance) return i;
  return source.times.size();
}

class Windows : public testing::TestWithParam<Source> {};

TEST_P(Windows, AreThoseOfTheDefinition) {
  const Source &source = GetParam();
  ActionHarness action(fileMode());
  action.rgbCaps(64, 64, source.fps_n, source.fps_d);

  std::vector<Window> windows;
  std::vector<size_t> completed_by;
  for (size_t i = 0; i < source.times.size(); i++) {
    const Buffer out = action.push(source.times[i], source.durations[i], static_cast<int>(i));
    ASSERT_TRUE(out);
    EXPECT_EQ(GST_BUFFER_PTS(out.get()), source.times[i]);
    EXPECT_EQ(GST_BUFFER_DURATION(out.get()), source.durations[i]);
    for (Window &window : action.windows()) {
      windows.push_back(window);
      completed_by.push_back(i);
      Window label;
      ASSERT_TRUE(parseMeta(out.get(), &label)) << "the frame that completed window " << window.id << " has no label";
      EXPECT_EQ(label.id, window.id);
      EXPECT_EQ(label.label, window.label);
    }
    if (windows.empty()) {
      Window label;
      EXPECT_FALSE(parseMeta(out.get(), &label)) << "frame " << i << " has a label before the first window";
    }
  }

  const GstClockTime origin = source.times[0];
  size_t expected = 0;
  for (;; expected++) {
    const GstClockTime first = origin + expected * kHop * kInterval;
    const size_t frame = settledBy(source, first + (kFrames - 1) * kInterval);
    if (frame == source.times.size()) break;
    ASSERT_LT(expected, windows.size()) << "window " << expected << " is missing";
    EXPECT_EQ(windows[expected].id, expected);
    EXPECT_EQ(windows[expected].start, first);
    EXPECT_EQ(windows[expected].end, first + kFrames * kInterval);
    EXPECT_EQ(completed_by[expected], frame) << "window " << expected;
    EXPECT_EQ(windows[expected].status, "ok");
    EXPECT_FALSE(windows[expected].degraded);
    EXPECT_EQ(windows[expected].labels.size(), 5u);
    EXPECT_TRUE(std::is_sorted(windows[expected].confidences.rbegin(), windows[expected].confidences.rend()));
  }
  EXPECT_EQ(windows.size(), expected);
  EXPECT_GE(expected, 4u) << "the test should see several windows";
  EXPECT_EQ(action.stat("windows-classified"), expected);
  EXPECT_EQ(action.stat("windows-skipped"), 0u);
  EXPECT_EQ(action.stat("frames"), source.times.size());
}

INSTANTIATE_TEST_SUITE_P(
    FrameRates, Windows,
    testing::Values(make("Fps30", 30, 1, regular(130, 30, 1), true), make("Fps25", 25, 1, regular(110, 25, 1), true),
                    make("Fps29_97", 30000, 1001, regular(130, 30000, 1001), true), make("Fps30WithoutDurations", 30, 1, regular(130, 30, 1), false),
                    make("Fps4SlowerThanTheGrid", 4, 1, regular(20, 4, 1), true), make("Fps60", 60, 1, regular(260, 60, 1), true),
                    make("Variable", 0, 1, variable(110), true), make("VariableWithoutDurations", 0, 1, variable(110), false),
                    make("UnknownFps30", 0, 1, regular(130, 30, 1), false), make("UnknownFps25", 0, 1, regular(110, 25, 1), false)),
    [](const testing::TestParamInfo<Source> &info) { return info.param.name; });

TEST(WindowTiming, StartsAtTheFirstFrameAndCountsRunningTime) {
  ActionHarness action(fileMode());
  action.rgbCaps(64, 64, 30, 1);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = segment.time = 10 * GST_SECOND;  // timestamps of 10 s are running time 0
  action.event(gst_event_new_segment(&segment));
  for (int i = 0; i < 70; i++) action.push(11 * GST_SECOND + i * GST_SECOND / 30, GST_SECOND / 30, i);
  const auto windows = action.windows();
  ASSERT_GE(windows.size(), 1u);
  EXPECT_EQ(windows[0].start, 1 * GST_SECOND);
}

TEST(WindowTiming, ActualValuesAreReadable) {
  Properties properties = fileMode();
  properties.push_back({"hop", std::to_string(kInterval + kInterval / 2)});  // is rounded up to two samples
  ActionHarness action(properties);
  guint64 hop = 0, interval = 0;
  g_object_get(action.element(), "actual-hop", &hop, "actual-sample-interval", &interval, nullptr);
  EXPECT_EQ(hop, 2 * kInterval);
  EXPECT_EQ(interval, kInterval);

  action.rgbCaps(64, 64, 30, 1);
  for (int i = 0; i < 80; i++) action.push(i * GST_SECOND / 30, GST_SECOND / 30, i);
  const auto windows = action.windows();
  ASSERT_GE(windows.size(), 2u);
  EXPECT_EQ(windows[1].start - windows[0].start, 2 * kInterval);
}

TEST(WindowTiming, ModelsOwnIntervalIsUsedWithoutTheProperty) {
  Properties properties = fileMode();
  std::erase_if(properties, [](const auto &p) { return p.first == "sample-interval"; });
  ActionHarness action(properties);
  guint64 hop = 0, interval = 0;
  g_object_get(action.element(), "actual-hop", &hop, "actual-sample-interval", &interval, nullptr);
  EXPECT_GT(interval, 0u);
  EXPECT_NEAR(static_cast<double>(hop), 4.0 * interval, 4.0);
}

}  // namespace
}  // namespace sta::test
