// SPDX-License-Identifier: MIT
// Tests what happens to windows and labels when the stream is interrupted, ends, jumps, or loses its timestamps. The
// streams are 30 fps from running time 0 unless said otherwise: window j starts at j hops, and its last sample is on
// frame 60 + 16 j.
#include <gst/base/gstbasetransform.h>
#include <gst/check/gsttestclock.h>
#include <gtest/gtest.h>

#include "action_harness.h"

namespace sta::test {
namespace {

constexpr GstClockTime kFrame = GST_SECOND / 30;
constexpr int kFirst = 60;
constexpr GstClockTime kHopTime = kHop * kInterval;

bool labelled(const Buffer &buffer) {
  Window label;
  return buffer && parseMeta(buffer.get(), &label);
}

class Events : public testing::Test {
 protected:
  explicit Events() : action(fileMode()) { action.rgbCaps(64, 64, 30, 1); }

  // Frames from .. to - 1 of the stream, with timestamps shifted; returns the last one.
  Buffer frames(int from, int to, gint64 shift = 0) {
    Buffer out;
    for (int i = from; i < to; i++) out = action.push(i * kFrame + shift, kFrame, i);
    return out;
  }
  void segment(GstClockTime start, GstClockTime time, GstClockTime base, double rate = 1.0) {
    GstSegment s;
    gst_segment_init(&s, GST_FORMAT_TIME);
    s.rate = rate;
    s.start = start;
    s.time = time;
    s.base = base;
    if (rate < 0) s.stop = start + 1000 * GST_SECOND;
    action.event(gst_event_new_segment(&s));
  }

  ActionHarness action;
};

TEST_F(Events, EndOfStreamPublishesTheTailBeforeItIsForwarded) {
  frames(0, 41);  // samples 0 .. 10 of window 0: more than half
  EXPECT_TRUE(action.windows().empty());
  ASSERT_TRUE(action.event(gst_event_new_eos()));
  const auto windows = action.windows();
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_TRUE(windows[0].tail);
  EXPECT_TRUE(windows[0].degraded);
  EXPECT_EQ(windows[0].status, "ok");
  EXPECT_EQ(windows[0].start, 0u);
  EXPECT_EQ(windows[0].end, 11 * kInterval);
  bool eos = false;
  while (GstEvent *event = gst_harness_try_pull_event(action.harness())) {
    eos |= GST_EVENT_TYPE(event) == GST_EVENT_EOS;
    gst_event_unref(event);
  }
  EXPECT_TRUE(eos);
}

TEST_F(Events, ShortTailsAndTailPolicyDropPublishNothing) {
  frames(0, 28);  // 7 samples: less than half
  action.event(gst_event_new_eos());
  EXPECT_TRUE(action.windows().empty());

  ActionHarness dropping([] {
    Properties properties = fileMode();
    properties.push_back({"tail-policy", "drop"});
    return properties;
  }());
  dropping.rgbCaps(64, 64, 30, 1);
  for (int i = 0; i < 41; i++) dropping.push(i * kFrame, kFrame, i);
  dropping.event(gst_event_new_eos());
  EXPECT_TRUE(dropping.windows().empty());
}

TEST_F(Events, FlushForgetsTheWindowAndTheLabel) {
  EXPECT_TRUE(labelled(frames(0, 90)));
  const auto before = action.windows();
  ASSERT_EQ(before.size(), 2u);
  action.event(gst_event_new_flush_start());
  action.event(gst_event_new_flush_stop(TRUE));
  segment(0, 0, 0);
  for (int i = 0; i < kFirst; i++) EXPECT_FALSE(labelled(frames(i, i + 1))) << "frame " << i << " after the flush carries an old label";
  EXPECT_TRUE(labelled(frames(kFirst, kFirst + 1)));
  const auto after = action.windows();
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].start, 0u);
  EXPECT_EQ(after[0].id, before.back().id + 1);
}

TEST_F(Events, FlushForgetsTheLabelEvenIfTimeGoesOn) {
  EXPECT_TRUE(labelled(frames(0, 70)));
  action.event(gst_event_new_flush_start());
  action.event(gst_event_new_flush_stop(FALSE));
  segment(0, 0, 0);
  for (int i = 70; i < 70 + kFirst; i++) EXPECT_FALSE(labelled(frames(i, i + 1))) << "frame " << i;
  EXPECT_TRUE(labelled(frames(70 + kFirst, 71 + kFirst)));
}

TEST_F(Events, ChangedSizeResetsAndChangedFrameRateDoesNot) {
  frames(0, 30);
  action.rgbCaps(96, 64, 30, 1);
  EXPECT_FALSE(labelled(frames(30, 30 + kFirst)));
  EXPECT_TRUE(labelled(frames(30 + kFirst, 31 + kFirst)));
  auto windows = action.windows();
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_EQ(windows[0].start, 30 * kFrame);

  action.rgbCaps(96, 64, 25, 1);
  EXPECT_TRUE(labelled(frames(91, 92)));
  frames(92, 31 + kFirst + 16);
  windows = action.windows();
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_EQ(windows[0].start, 30 * kFrame + kHopTime) << "the grid went on";
}

TEST_F(Events, ChangedColorimetryResets) {
  const std::string caps = "video/x-raw, format=I420, width=64, height=64, framerate=30/1, colorimetry=";
  action.caps(caps + "bt601");
  EXPECT_TRUE(labelled(frames(0, kFirst + 1)));
  action.caps(caps + "bt601");
  EXPECT_TRUE(labelled(frames(kFirst + 1, kFirst + 2)));
  action.caps(caps + "bt709");
  EXPECT_FALSE(labelled(frames(kFirst + 2, kFirst + 3)));
}

TEST_F(Events, SegmentThatContinuesKeepsTheWindow) {
  frames(0, 30);
  segment(0, 0, 0);  // the same again
  frames(30, 45);
  segment(100 * GST_SECOND, 45 * kFrame, 45 * kFrame);  // other timestamps, the same content at the same running time
  EXPECT_FALSE(labelled(frames(45, kFirst, 100 * GST_SECOND - 45 * kFrame)));
  EXPECT_TRUE(labelled(frames(kFirst, kFirst + 1, 100 * GST_SECOND - 45 * kFrame)));
  const auto windows = action.windows();
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_EQ(windows[0].start, 0u);
}

TEST_F(Events, SegmentSeekResets) {
  EXPECT_TRUE(labelled(frames(0, 70)));
  segment(0, 0, 70 * kFrame);  // a loop without flush: running time goes on, the content begins anew
  for (int i = 0; i < kFirst; i++) EXPECT_FALSE(labelled(frames(i, i + 1))) << i;
  EXPECT_TRUE(labelled(frames(kFirst, kFirst + 1)));
  const auto windows = action.windows();
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[1].start, 70 * kFrame);
}

TEST_F(Events, NewStreamResetsAndTheSameStreamDoesNot) {
  action.event(gst_event_new_stream_start("camera/1"));
  segment(0, 0, 0);
  frames(0, 30);
  action.event(gst_event_new_stream_start("camera/1"));
  EXPECT_TRUE(labelled(frames(30, kFirst + 1)));
  EXPECT_EQ(action.windows().at(0).stream_id, "camera/1");
  action.event(gst_event_new_stream_start("camera/2"));
  segment(0, 0, 0);
  EXPECT_FALSE(labelled(frames(kFirst + 1, kFirst + 2)));
  frames(kFirst + 2, 2 * kFirst + 2);
  const auto windows = action.windows();
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_EQ(windows[0].stream_id, "camera/2");
  EXPECT_EQ(windows[0].start, (kFirst + 1) * kFrame);
}

TEST_F(Events, BackwardPlaybackIsNotLookedAt) {
  EXPECT_TRUE(labelled(frames(0, 70)));
  segment(0, 0, 70 * kFrame, -1.0);
  for (int i = 70; i > 0; i--) {
    const Buffer out = action.push(i * kFrame, kFrame, i);
    ASSERT_TRUE(out);
    EXPECT_FALSE(labelled(out));
  }
  EXPECT_EQ(action.windows().size(), 1u);
  EXPECT_EQ(action.stat("frames"), 70u);
}

/* ------------------------------------------------------------------------------------------------- gaps */

TEST_F(Events, LongGapResetsByDefault) {
  frames(0, 30);
  frames(30, 30 + kFirst + 1, 2 * GST_SECOND);
  const auto windows = action.windows();
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_EQ(windows[0].start, 30 * kFrame + 2 * GST_SECOND);
  EXPECT_FALSE(windows[0].degraded);
  EXPECT_EQ(action.stat("gaps"), 1u);
}

TEST_F(Events, LongGapIsHeldIfAsked) {
  action.set("gap-policy", "hold");
  frames(0, 30);
  frames(30, 50, GST_SECOND);  // one second is missing: frames 30 .. 59 of the grid
  const auto windows = action.windows();
  ASSERT_GE(windows.size(), 1u);
  EXPECT_EQ(windows[0].start, 0u);
  EXPECT_EQ(windows[0].end, kFrames * kInterval);
  EXPECT_TRUE(windows[0].degraded);
}

TEST_F(Events, MaxGapDecidesWhatALongGapIs) {
  action.set("max-gap", "3000000000");
  frames(0, 30);
  frames(30, 50, GST_SECOND);
  const auto windows = action.windows();
  ASSERT_GE(windows.size(), 1u);
  EXPECT_EQ(windows[0].start, 0u) << "one second is no gap any more";
}

TEST_F(Events, GapEventMovesTimeOn) {
  frames(0, 50);
  action.event(gst_event_new_gap(50 * kFrame, 11 * kFrame));  // up to frame 61: short, so the last frame is held
  const auto windows = action.windows();
  ASSERT_EQ(windows.size(), 1u) << "the window is complete although no frame came";
  EXPECT_EQ(windows[0].start, 0u);
  EXPECT_TRUE(labelled(frames(61, 62))) << "the next frame carries its label";
}

TEST_F(Events, LongGapEventResets) {
  frames(0, 30);
  action.event(gst_event_new_gap(30 * kFrame, 2 * GST_SECOND));
  EXPECT_EQ(action.stat("gaps"), 1u);
  frames(30, 30 + kFirst + 1, 2 * GST_SECOND);
  const auto windows = action.windows();
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_EQ(windows[0].start, 30 * kFrame + 2 * GST_SECOND);
}

TEST_F(Events, GapFlagOfBuffersStays) {
  GstBuffer *buffer = action.frame(0, kFrame, 0);
  GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP);
  const Buffer out = action.push(buffer);
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(out.get(), GST_BUFFER_FLAG_GAP));
}

// The base class may make its own buffers (1.22 does so for elements that do not work in place). Then it clears the gap
// flag unless it knows that the element can cope with it. But a label is as right for frames that come with the flag as
// for others.
TEST(BaseClass, CopiesTheGapFlagOfBuffers) {
  for (const char *name : {"staaction", "staoverlay"}) {
    GstElement *element = gst_element_factory_make(name, nullptr);
    gst_object_ref_sink(element);
    GstBuffer *in = gst_buffer_new(), *out = gst_buffer_new();
    GST_BUFFER_FLAG_SET(in, GST_BUFFER_FLAG_GAP);
    GstBaseTransform *transform = GST_BASE_TRANSFORM(element);
    EXPECT_TRUE(GST_BASE_TRANSFORM_GET_CLASS(transform)->copy_metadata(transform, in, out)) << name;
    EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_GAP)) << name;
    gst_buffer_unref(in);
    gst_buffer_unref(out);
    gst_object_unref(element);
  }
}

/* ------------------------------------------------------------------------------------------- timestamps */

TEST_F(Events, MissingTimestampsFollowThePreviousFrame) {
  frames(0, 1);
  for (int i = 1; i < kFirst + 1; i++) {
    const Buffer out = action.push(GST_CLOCK_TIME_NONE, kFrame, i);
    EXPECT_FALSE(GST_BUFFER_PTS_IS_VALID(out.get())) << "timestamps are not made up for others";
    EXPECT_EQ(labelled(out), i == kFirst) << i;
  }
  // Durations from the caps' frame rate where buffers have none.
  ActionHarness other(fileMode());
  other.rgbCaps(64, 64, 30, 1);
  other.push(GST_SECOND, GST_CLOCK_TIME_NONE, 0);
  for (int i = 1; i < kFirst + 2; i++) other.push(GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, i);
  const auto windows = other.windows();
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_EQ(windows[0].start, GST_SECOND);
}

TEST_F(Events, WithoutAnyTimeTheClockOfArrivalCounts) {
  ActionHarness live(fileMode());
  gst_harness_use_testclock(live.harness());
  live.rgbCaps(64, 64, 0, 1);
  std::vector<Window> windows;
  for (int i = 0; i <= 25; i++) {  // 10 fps
    gst_harness_set_time(live.harness(), GST_SECOND + i * GST_SECOND / 10);
    live.push(GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, i);
  }
  windows = live.windows();
  ASSERT_GE(windows.size(), 1u);
  EXPECT_EQ(windows[0].start, GST_SECOND - gst_element_get_base_time(live.element()));
}

TEST_F(Events, BackwardRunningTimeResets) {
  EXPECT_TRUE(labelled(frames(0, 70)));
  EXPECT_FALSE(labelled(frames(0, kFirst)));
  EXPECT_TRUE(labelled(frames(kFirst, kFirst + 1)));
  const auto windows = action.windows();
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[1].start, 0u);
}

TEST_F(Events, OneFrameBackIsAlreadyAnotherScene) {
  EXPECT_TRUE(labelled(frames(0, 70)));
  EXPECT_FALSE(labelled(frames(68, 69)));
}

TEST_F(Events, RepeatedAndSlightlyEarlyTimestampsDoNot) {
  frames(0, 30);
  action.push(29 * kFrame, kFrame, 0);
  action.push(29 * kFrame - 500 * GST_USECOND, kFrame, 0);
  frames(30, kFirst + 1);
  const auto windows = action.windows();
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_EQ(windows[0].start, 0u);
}

TEST_F(Events, FramesOutsideTheSegmentBelongToNoWindow) {
  segment(GST_SECOND, 0, 0);
  const Buffer out = action.push(0, kFrame, 0);
  ASSERT_TRUE(out) << "it passes";
  EXPECT_EQ(action.stat("frames"), 0u);
  action.push(GST_SECOND - kFrame / 2, kFrame, 0);  // half of it is inside
  EXPECT_EQ(action.stat("frames"), 1u);
}

/* ---------------------------------------------------------------------------- properties while playing */

TEST_F(Events, DisabledFramesPassAndEnablingBeginsAnew) {
  EXPECT_TRUE(labelled(frames(0, 70)));
  action.set("enabled", "false");
  EXPECT_FALSE(labelled(frames(70, 100)));
  EXPECT_EQ(action.stat("frames"), 70u);
  action.set("enabled", "true");
  EXPECT_FALSE(labelled(frames(100, 100 + kFirst)));
  EXPECT_TRUE(labelled(frames(100 + kFirst, 101 + kFirst)));
  const auto windows = action.windows();
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[1].start, 100 * kFrame);
}

TEST_F(Events, DropNumberAndHopChangeWhilePlaying) {
  frames(0, kFirst + 1);
  action.set("drop-number", "5");
  action.set("hop", std::to_string(kInterval).c_str());
  frames(kFirst + 1, kFirst + 40);
  const auto windows = action.windows();
  ASSERT_GE(windows.size(), 4u);
  EXPECT_EQ(windows[0].drop_number, 0);
  EXPECT_EQ(windows.back().drop_number, 5);
  EXPECT_EQ(windows.back().start - windows[windows.size() - 2].start, kInterval);
}

TEST_F(Events, ImpossibleDropNumberWhilePlayingIsOneWarningAndTheOldOneStays) {
  frames(0, 10);
  action.set("drop-number", "9");  // 8 is the largest for 16 tokens in a group
  frames(10, kFirst + 1);
  const auto warnings = action.messages(GST_MESSAGE_WARNING);
  ASSERT_EQ(warnings.size(), 1u);
  GError *error = nullptr;
  gst_message_parse_warning(warnings[0].get(), &error, nullptr);
  EXPECT_TRUE(strstr(error->message, "8")) << error->message;
  g_error_free(error);
  const auto windows = action.windows();
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_EQ(windows[0].drop_number, 0);
}

TEST_F(Events, PruningNoneIgnoresTheDropNumber) {
  action.set("pruning", "none");
  action.set("drop-number", "1000");
  frames(0, kFirst + 1);
  EXPECT_EQ(action.windows().size(), 1u);
  EXPECT_TRUE(action.messages(GST_MESSAGE_WARNING).empty());
}

}  // namespace
}  // namespace sta::test
