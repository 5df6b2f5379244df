// SPDX-License-Identifier: MIT
// Tests live mode with a model that is far too slow: frames must not wait for it, and every window is accounted for.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "action_harness.h"

namespace sta::test {
namespace {

constexpr GstClockTime kFrame = GST_SECOND / 30;
constexpr int kSecondWindow = 76;  // the frame of its last sample: 19 intervals of 4 frames
using Clock = std::chrono::steady_clock;

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

// Generated weights of full size, in one thread: a forward pass takes hundreds of milliseconds at least.
Properties slowModel() {
  return {{"model", "arch:vit_small"}, {"device", "cpu"},        {"precision", "fp32"},
          {"inference-threads", "1"},  {"post-windows", "true"}, {"sample-interval", std::to_string(kInterval)}};
}

TEST(Live, FramesNeverWaitAndSkippedWindowsAreCounted) {
  ActionHarness action(slowModel());
  action.rgbCaps(320, 240, 30, 1);
  const int count = 400;  // 13 s of video, 21 windows
  double longest = 0;
  const auto begin = Clock::now();
  for (int i = 0; i < count; i++) {
    GstBuffer *buffer = action.frame(i * kFrame, kFrame, i);
    const auto before = Clock::now();
    const Buffer out = action.push(buffer);
    longest = std::max(longest, seconds(Clock::now() - before));
    ASSERT_TRUE(out);
    ASSERT_EQ(GST_BUFFER_PTS(out.get()), i * kFrame);
  }
  const double pushing = seconds(Clock::now() - begin);
  action.event(gst_event_new_eos());  // waits for the windows under way

  const double inference = static_cast<double>(action.stat("last-inference-time")) / GST_SECOND;
  const guint64 windows = action.stat("windows"), classified = action.stat("windows-classified"), skipped = action.stat("windows-skipped");
  RecordProperty("longest_push_ms", std::to_string(longest * 1000));
  printf("    %d frames in %.3f s, longest push %.1f ms, forward pass %.2f s; windows %d, classified %d, skipped %d\n", count, pushing, longest * 1e3,
         inference, int(windows), int(classified), int(skipped));
  ASSERT_GT(inference, 0.1) << "too fast to tell waiting from working";
  EXPECT_LT(longest, inference / 2) << "a frame waited for a forward pass";
  // 13 s of video hold 20 full windows; EOS adds a tail.
  EXPECT_GE(windows, 20u);
  EXPECT_EQ(classified + skipped, windows);
  EXPECT_GT(skipped, 0u);
  EXPECT_EQ(action.windows().size(), classified) << "each classified window is announced";
}

TEST(Live, SkippedWindowsArePostedAsQosAtMostOnceASecond) {
  ActionHarness action(slowModel());
  action.rgbCaps(64, 64, 30, 1);
  action.set("hop", std::to_string(kInterval).c_str());
  const auto begin = Clock::now();
  int i = 0;
  std::vector<Message> messages;
  // Long enough for a second window; on a very slow machine, until there is one at all.
  while (seconds(Clock::now() - begin) < 2.6 || (messages.empty() && seconds(Clock::now() - begin) < 60)) {
    action.push(i * kFrame, kFrame, i);
    i++;
    for (Message &message : action.messages(GST_MESSAGE_QOS)) messages.push_back(std::move(message));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const double elapsed = seconds(Clock::now() - begin);
  ASSERT_GE(messages.size(), 1u);
  EXPECT_LE(static_cast<double>(messages.size()), elapsed + 1);
  GstFormat format;
  guint64 processed = 0, dropped = 0;
  gst_message_parse_qos_stats(messages.back().get(), &format, &processed, &dropped);
  EXPECT_GT(dropped, 0u);
  EXPECT_LE(dropped, action.stat("windows-skipped"));
}

TEST(Live, ResultsOfBeforeAFlushAreNotAttachedAfterIt) {
  ActionHarness action(slowModel());
  action.rgbCaps(64, 64, 30, 1);
  for (int i = 0; i <= 60; i++) action.push(i * kFrame, kFrame, i);  // window 0 is being computed
  action.event(gst_event_new_flush_start());
  action.event(gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  action.event(gst_event_new_segment(&segment));
  // Waits until the forward pass of the old scene is over, according to its own statistics.
  const auto begin = Clock::now();
  int i = 0;
  while (action.stat("windows-discarded") == 0 && seconds(Clock::now() - begin) < 60) {
    if (i < 50) {
      const Buffer out = action.push(i * kFrame, kFrame, i);
      Window label;
      EXPECT_FALSE(parseMeta(out.get(), &label));
      i++;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const Buffer out = action.push(i * kFrame, kFrame, i);
  Window label;
  EXPECT_FALSE(parseMeta(out.get(), &label));
  EXPECT_TRUE(action.windows().empty());
}

// Pushes frames until just before the one that completes the second window. Returns how many seconds the first window's
// forward pass took.
double firstWindow(ActionHarness *action) {
  double longest = 0;
  for (int i = 0; i < kSecondWindow; i++) {
    const auto before = Clock::now();
    action->push(i * kFrame, kFrame, i);
    longest = std::max(longest, seconds(Clock::now() - before));
  }
  return longest;
}

// A flush or a state change must end a frame's wait for its forward pass. The wait must end within a part of that
// pass's time, whatever the machine.
TEST(FileMode, FlushStartEndsTheWait) {
  Properties properties = slowModel();
  properties.push_back({"sync", "true"});
  ActionHarness action(properties);
  action.rgbCaps(64, 64, 30, 1);
  const double pass = firstWindow(&action);
  std::atomic<bool> done{false};
  GstFlowReturn flow = GST_FLOW_OK;
  GstBuffer *last = action.frame(kSecondWindow * kFrame, kFrame, kSecondWindow);
  std::thread pusher([&] {
    flow = gst_harness_push(action.harness(), last);
    done = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(done) << "the frame should wait for its window";
  const auto begin = Clock::now();
  action.event(gst_event_new_flush_start());
  pusher.join();
  const double waited = seconds(Clock::now() - begin);
  EXPECT_EQ(flow, GST_FLOW_FLUSHING);
  EXPECT_LT(waited, 0.5 * pass);
  action.event(gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  action.event(gst_event_new_segment(&segment));
  EXPECT_TRUE(action.push(0, kFrame, 0)) << "the stream goes on after the flush";
}

TEST(FileMode, StateChangeEndsTheWait) {
  Properties properties = slowModel();
  properties.push_back({"sync", "true"});
  ActionHarness action(properties);
  action.rgbCaps(64, 64, 30, 1);
  const double pass = firstWindow(&action);
  GstBuffer *last = action.frame(kSecondWindow * kFrame, kFrame, kSecondWindow);
  GstFlowReturn flow = GST_FLOW_OK;
  std::thread pusher([&] { flow = gst_harness_push(action.harness(), last); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const auto begin = Clock::now();
  gst_element_set_state(action.element(), GST_STATE_READY);
  const double waited = seconds(Clock::now() - begin);
  pusher.join();
  EXPECT_EQ(flow, GST_FLOW_FLUSHING);
  EXPECT_LT(waited, 0.5 * pass);
}

}  // namespace
}  // namespace sta::test
