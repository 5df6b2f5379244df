// SPDX-License-Identifier: MIT
// Tests the labels on frames: for how long, above which confidence, from which pixel format. Messages, signal and
// metadata must agree.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "action_harness.h"
#include "gst-plugin/metadata/analytics_meta.h"

namespace sta::test {
namespace {

constexpr GstClockTime kFrame = GST_SECOND / 30;

// The frame that completes the first window of a 30 fps stream from 0: sample 15, at 60 frames.
constexpr int kFirst = 60;

// A model whose classes do not exclude each other: each has its own probability, and every threshold holds for each
// class.
TEST(MultiLabel, SeveralLabelsAreOnAFrameAtOnce) {
  Properties properties = fileMode();
  for (auto &[name, value] : properties)
    if (name == "model") value = STA_TEST_GOLDEN "/hf_models/videomae_multilabel_nano";
  properties.push_back({"top-k", "6"});
  properties.push_back({"threshold", "0.5"});
  properties.push_back({"enter-threshold", "0.5"});
  ActionHarness action(properties);
  action.rgbCaps(48, 48, 30, 1);
  Window label;
  for (int i = 0; i < 120; i++) {
    const Buffer out = action.push(i * kFrame, kFrame, i);
    parseMeta(out.get(), &label);
  }
  action.event(gst_event_new_eos());
  const auto windows = action.windows();
  ASSERT_FALSE(windows.empty());
  const std::vector<double> &all = windows[0].confidences;
  ASSERT_EQ(all.size(), 6u);
  EXPECT_GT(std::abs(std::accumulate(all.begin(), all.end(), 0.0) - 1), 0.05) << "shares of one, as if classes excluded each other";
  const auto over = std::count_if(all.begin(), all.end(), [](double c) { return c >= 0.5; });
  ASSERT_GT(over, 1) << "the clip must give several labels, or nothing is tested";
  EXPECT_GT(label.labels.size(), 1u);
  for (const double c : label.confidences) EXPECT_GE(c, 0.5);
  // Each of them is a separate event, at the same time.
  std::set<std::string> begun;
  for (const Message &message : action.messages(GST_MESSAGE_ELEMENT))
    if (gst_message_has_name(message.get(), "sta-event") &&
        std::string(gst_structure_get_string(gst_message_get_structure(message.get()), "state")) == "start")
      begun.insert(gst_structure_get_string(gst_message_get_structure(message.get()), "label"));
  EXPECT_GE(begun.size(), static_cast<size_t>(over));
}

Buffer pushUntilLabelled(ActionHarness &action, int *next) {
  for (;; ++*next) {
    Buffer out = action.push(*next * kFrame, kFrame, *next);
    Window label;
    if (parseMeta(out.get(), &label)) {
      ++*next;
      return out;
    }
    if (*next > 200) return nullptr;
  }
}

TEST(Labels, EndAfterTheirTimeToLive) {
  Properties properties = fileMode();
  properties.push_back({"label-ttl", std::to_string(10 * kFrame)});
  properties.push_back({"hop", std::to_string(8 * kInterval)});  // the next window comes long after
  ActionHarness action(properties);
  action.rgbCaps(64, 64, 30, 1);
  for (int i = 0; i <= kFirst + 20; i++) {
    const Buffer out = action.push(i * kFrame, kFrame, i);
    Window label;
    EXPECT_EQ(parseMeta(out.get(), &label), i >= kFirst && i < kFirst + 10) << "frame " << i;
  }
}

TEST(Labels, LastUntilTheNextWindowAndTellTheirAge) {
  ActionHarness action(fileMode());
  action.rgbCaps(64, 64, 30, 1);
  for (int i = 0; i < 120; i++) {
    const Buffer out = action.push(i * kFrame, kFrame, i);
    Window label;
    ASSERT_EQ(parseMeta(out.get(), &label), i >= kFirst) << "frame " << i;
    if (i < kFirst) continue;
    EXPECT_EQ(label.id, static_cast<guint64>((i - kFirst) / 16)) << "frame " << i;  // 16 frames are one hop
    const GstClockTime time = i * kFrame;
    EXPECT_EQ(label.age, time > label.end ? time - label.end : 0);
    EXPECT_EQ(label.model, "micro_hf");
  }
}

TEST(Labels, BelowTheThresholdAreOnlyInMessages) {
  ActionHarness action(fileMode());
  action.rgbCaps(64, 64, 30, 1);
  action.set("threshold", "1.0");
  int i = 0;
  for (; i < 70; i++) {
    const Buffer out = action.push(i * kFrame, kFrame, i);
    Window label;
    EXPECT_FALSE(parseMeta(out.get(), &label));
  }
  auto windows = action.windows();
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_TRUE(windows[0].below_threshold);
  EXPECT_EQ(windows[0].labels.size(), 5u);

  // Between the first and the second confidence: one label is left.
  const double between = (windows[0].confidences[0] + windows[0].confidences[1]) / 2;
  action.set("threshold", std::to_string(between).c_str());
  action.set("hop", std::to_string(kInterval).c_str());
  for (int end = i + 40; i < end; i++) {
    const Buffer out = action.push(i * kFrame, kFrame, i);
    windows = action.windows();
    Window label;
    if (windows.empty()) continue;
    size_t above = 0;
    for (double confidence : windows.back().confidences) above += confidence >= between;
    EXPECT_EQ(windows.back().below_threshold, above == 0);
    ASSERT_EQ(parseMeta(out.get(), &label), above > 0);
    if (above > 0) {
      EXPECT_EQ(label.labels.size(), above);
      EXPECT_EQ(label.confidences.size(), above);
    }
  }
}

TEST(Labels, TopKAndStreamId) {
  Properties properties = fileMode();
  properties.push_back({"top-k", "3"});
  ActionHarness action(properties);
  action.rgbCaps(64, 64, 30, 1);
  int i = 0;
  Buffer out = pushUntilLabelled(action, &i);
  ASSERT_TRUE(out);
  Window label;
  parseMeta(out.get(), &label);
  EXPECT_EQ(label.labels.size(), 3u);
  EXPECT_EQ(label.labels[0], label.label);
  EXPECT_EQ(label.label, "class " + std::to_string(label.class_id));
  EXPECT_FALSE(label.stream_id.empty()) << "without the property it is upstream's stream id";

  action.set("stream-id", "gate 3");
  action.set("top-k", "1000");  // more than there are classes
  for (int end = i + 17; i < end; i++) out = action.push(i * kFrame, kFrame, i);
  parseMeta(out.get(), &label);
  EXPECT_EQ(label.stream_id, "gate 3");
  EXPECT_EQ(label.labels.size(), 10u);
  double sum = 0;
  for (double confidence : label.confidences) sum += confidence;
  EXPECT_NEAR(sum, 1.0, 1e-4);
}

TEST(Labels, SignalAndMessageSayTheSame) {
  ActionHarness action(fileMode());
  std::vector<Window> signalled;
  auto handler =
      +[](GstElement *, GstStructure *structure, gpointer data) { static_cast<std::vector<Window> *>(data)->push_back(parseWindow(structure)); };
  g_signal_connect(action.element(), "window", G_CALLBACK(handler), &signalled);
  action.rgbCaps(64, 64, 30, 1);
  for (int i = 0; i < 100; i++) action.push(i * kFrame, kFrame, i);
  const auto posted = action.windows();
  ASSERT_GE(posted.size(), 2u);
  ASSERT_EQ(posted.size(), signalled.size());
  for (size_t i = 0; i < posted.size(); i++) {
    EXPECT_EQ(posted[i].id, signalled[i].id);
    EXPECT_EQ(posted[i].labels, signalled[i].labels);
    EXPECT_EQ(posted[i].confidences, signalled[i].confidences);
  }
  // The signal does not depend on post-windows.
  action.set("post-windows", "false");
  for (int i = 100; i < 140; i++) action.push(i * kFrame, kFrame, i);
  EXPECT_TRUE(action.windows().empty());
  EXPECT_GT(signalled.size(), posted.size());
}

TEST(Labels, FileModeIsAFunctionOfTheInput) {
  std::vector<std::vector<double>> runs[2];
  for (auto &run : runs) {
    ActionHarness action(fileMode());
    action.rgbCaps(80, 64, 30, 1);
    for (int i = 0; i < 130; i++) action.push(i * kFrame, kFrame, i);
    for (const Window &window : action.windows()) run.push_back(window.confidences);
  }
  ASSERT_GE(runs[0].size(), 4u);
  EXPECT_EQ(runs[0], runs[1]);
}

TEST(Labels, GoOnSharedBuffersWithoutTouchingTheOtherOwner) {
  ActionHarness action(fileMode());
  action.rgbCaps(64, 64, 30, 1);
  for (int i = 0; i < kFirst; i++) action.push(i * kFrame, kFrame, i);
  GstBuffer *buffer = action.frame(kFirst * kFrame, kFrame, kFirst);
  const Buffer other(gst_buffer_ref(buffer));
  const Buffer out = action.push(buffer);
  Window label;
  EXPECT_TRUE(parseMeta(out.get(), &label));
  EXPECT_FALSE(parseMeta(other.get(), &label));
}

#ifdef HAVE_ANALYTICS
TEST(Labels, AreReadBackAsClassification) {
  ActionHarness action(fileMode());
  action.rgbCaps(64, 64, 30, 1);
  int i = 0;
  const Buffer out = pushUntilLabelled(action, &i);
  ASSERT_TRUE(out);
  Window label;
  parseMeta(out.get(), &label);
  gst::ActionRecord record;
  ASSERT_TRUE(gst::readAnalyticsMeta(out.get(), &record));
  EXPECT_EQ(record.labels, label.labels);
  ASSERT_EQ(record.confidences.size(), label.confidences.size());
  for (size_t k = 0; k < record.confidences.size(); k++) EXPECT_NEAR(record.confidences[k], label.confidences[k], 1e-6);
}
#endif

/* ------------------------------------------------------------------------------------------- pixel formats */

// A smooth picture (so that subsampled chroma loses nothing) in any format, made by GStreamer's own converter.
Buffer picture(const std::string &format, bool gray, bool swapped) {
  const int size = 64;
  GstVideoInfo rgb, target;
  gst_video_info_set_format(&rgb, GST_VIDEO_FORMAT_RGB, size, size);
  gst_video_info_set_format(&target, gst_video_format_from_string(format.c_str()), size, size);
  const Buffer source(gst_buffer_new_allocate(nullptr, rgb.size, nullptr));
  GstVideoFrame from, to;
  gst_video_frame_map(&from, &rgb, source.get(), GST_MAP_WRITE);
  for (int y = 0; y < size; y++)
    for (int x = 0; x < size; x++) {
      guint8 *pixel = static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(&from, 0)) + y * GST_VIDEO_FRAME_PLANE_STRIDE(&from, 0) + 3 * x;
      const guint8 red = 30 + 3 * x, green = 128, blue = 220 - 3 * y;
      pixel[0] = gray ? red : swapped ? blue : red;
      pixel[1] = gray ? red : green;
      pixel[2] = gray ? red : swapped ? red : blue;
    }
  gst_video_frame_unmap(&from);

  gst_video_frame_map(&from, &rgb, source.get(), GST_MAP_READ);
  Buffer result(gst_buffer_new_allocate(nullptr, target.size, nullptr));
  gst_video_frame_map(&to, &target, result.get(), GST_MAP_WRITE);
  GstVideoConverter *converter = gst_video_converter_new(&rgb, &target, nullptr);
  gst_video_converter_frame(converter, &from, &to);
  gst_video_converter_free(converter);
  gst_video_frame_unmap(&from);
  gst_video_frame_unmap(&to);
  return result;
}

std::map<std::string, double> classify(const std::string &format, bool gray, bool swapped = false) {
  Properties properties = fileMode();
  properties.push_back({"top-k", "10"});
  ActionHarness action(properties);
  action.caps("video/x-raw, format=" + format + ", width=64, height=64, framerate=30/1");
  const Buffer still = picture(format, gray, swapped);
  for (int i = 0; i <= kFirst; i++) {
    GstBuffer *buffer = gst_buffer_copy(still.get());
    GST_BUFFER_PTS(buffer) = i * kFrame;
    GST_BUFFER_DURATION(buffer) = kFrame;
    action.push(buffer);
  }
  const auto windows = action.windows();
  EXPECT_EQ(windows.size(), 1u) << format;
  std::map<std::string, double> result;
  if (!windows.empty())
    for (size_t i = 0; i < windows[0].labels.size(); i++) result[windows[0].labels[i]] = windows[0].confidences[i];
  return result;
}

double difference(const std::map<std::string, double> &a, const std::map<std::string, double> &b) {
  double largest = 0;
  for (const auto &[label, confidence] : a) largest = std::max(largest, std::abs(confidence - (b.count(label) ? b.at(label) : -1)));
  return largest;
}

std::string top(const std::map<std::string, double> &labels) {
  std::string best;
  for (const auto &[label, confidence] : labels)
    if (best.empty() || confidence > labels.at(best)) best = label;
  return best;
}

// Rounding in the conversion to YUV and back changes confidences a little. A wrong channel order, matrix or plane
// changes them far more (checked below).
constexpr double kClose = 0.02;

class Formats : public testing::TestWithParam<const char *> {};

TEST_P(Formats, GiveTheSameLabels) {
  const std::string format = GetParam();
  const bool gray = format == "GRAY8";
  const auto reference = classify("RGB", gray), labels = classify(format, gray);
  EXPECT_EQ(top(labels), top(reference));
  EXPECT_LT(difference(labels, reference), kClose);
}

INSTANTIATE_TEST_SUITE_P(All, Formats,
                         testing::Values("NV12", "I420", "YV12", "YUY2", "UYVY", "RGB", "BGR", "RGBx", "BGRx", "RGBA", "BGRA", "xRGB", "ARGB", "xBGR",
                                         "ABGR", "GRAY8", "P010_10LE", "I420_10LE"),
                         [](const testing::TestParamInfo<const char *> &info) { return info.param; });

TEST(Formats, ExchangedChannelsWouldBeNoticed) { EXPECT_GT(difference(classify("RGB", false), classify("RGB", false, true)), 3 * kClose); }

TEST(Formats, PaddedRowsAreReadThroughVideoMeta) {
  const auto reference = classify("NV12", false);
  Properties properties = fileMode();
  properties.push_back({"top-k", "10"});
  ActionHarness action(properties);
  action.caps("video/x-raw, format=NV12, width=64, height=64, framerate=30/1");
  const Buffer still = picture("NV12", false, false);
  const gsize stride = 160, rows = 70;  // luma rows and picture padded
  gsize offsets[GST_VIDEO_MAX_PLANES] = {0, stride * rows};
  gint strides[GST_VIDEO_MAX_PLANES] = {static_cast<gint>(stride), static_cast<gint>(stride)};
  for (int i = 0; i <= kFirst; i++) {
    GstBuffer *buffer = gst_buffer_new_allocate(nullptr, stride * rows * 2, nullptr);
    gst_buffer_memset(buffer, 0, 0xff, stride * rows * 2);
    GstMapInfo map;
    gst_buffer_map(still.get(), &map, GST_MAP_READ);
    for (gsize y = 0; y < 96; y++)  // 64 luma rows, 32 chroma rows
      gst_buffer_fill(buffer, y < 64 ? y * stride : offsets[1] + (y - 64) * stride, map.data + y * 64, 64);
    gst_buffer_unmap(still.get(), &map);
    gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_NV12, 64, 64, 2, offsets, strides);
    GST_BUFFER_PTS(buffer) = i * kFrame;
    GST_BUFFER_DURATION(buffer) = kFrame;
    action.push(buffer);
  }
  const auto windows = action.windows();
  ASSERT_EQ(windows.size(), 1u);
  std::map<std::string, double> labels;
  for (size_t i = 0; i < windows[0].labels.size(); i++) labels[windows[0].labels[i]] = windows[0].confidences[i];
  EXPECT_LT(difference(labels, reference), 1e-6);
}

// The buffers go on unchanged, so downstream's demands for padded rows must reach upstream.
TEST(Formats, AllocationIsAnsweredByDownstream) {
  for (const bool padded : {false, true}) {
    ActionHarness action(fileMode());
    if (padded) gst_harness_add_propose_allocation_meta(action.harness(), GST_VIDEO_META_API_TYPE, nullptr);
    action.rgbCaps(64, 64, 30, 1);
    GstCaps *caps = gst_pad_get_current_caps(action.harness()->srcpad);
    GstQuery *query = gst_query_new_allocation(caps, FALSE);
    EXPECT_TRUE(gst_pad_peer_query(action.harness()->srcpad, query));
    EXPECT_EQ(gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr), padded);
    gst_query_unref(query);
    gst_caps_unref(caps);
  }
}

TEST(Formats, RangeIsRespected) {
  // The same bytes, once as video range and once as full range, are different pictures.
  std::vector<double> confidences[2];
  const char *colorimetry[] = {"bt601", "1:4:0:0"};
  for (int run = 0; run < 2; run++) {
    ActionHarness action(fileMode());
    action.caps(std::string("video/x-raw, format=I420, width=64, height=64, framerate=30/1, colorimetry=") + colorimetry[run]);
    const Buffer still = picture("I420", false, false);
    for (int i = 0; i <= kFirst; i++) {
      GstBuffer *buffer = gst_buffer_copy(still.get());
      GST_BUFFER_PTS(buffer) = i * kFrame;
      action.push(buffer);
    }
    confidences[run] = action.windows().at(0).confidences;
  }
  double largest = 0;
  for (size_t i = 0; i < confidences[0].size(); i++) largest = std::max(largest, std::abs(confidences[0][i] - confidences[1][i]));
  EXPECT_GT(largest, 1e-4);
}

}  // namespace
}  // namespace sta::test
