// SPDX-License-Identifier: MIT
// Tests region=objects: which detections get windows, what those windows show, where the labels go, and that tracks
// end. The windows of an object that stands still are compared with those of a video that shows only its crop.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "action_harness.h"
#include "gst-plugin/metadata/analytics_meta.h"

#ifdef HAVE_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

namespace sta::test {
namespace {

constexpr GstClockTime kFrame = GST_SECOND / 30;
constexpr int kWidth = 128, kHeight = 96;

struct Object {
  int id;
  guint x, y, width, height;
};

Properties objectMode() {
  Properties properties = fileMode();
  properties.push_back({"region", "objects"});
  return properties;
}

GstVideoRegionOfInterestMeta *addRegion(GstBuffer *buffer, const Object &object) {
  GstVideoRegionOfInterestMeta *roi = gst_buffer_add_video_region_of_interest_meta(buffer, "person", object.x, object.y, object.width, object.height);
  roi->id = object.id;
  return roi;
}

// The label that is on a region of interest, by object id.
std::map<guint64, Window> regionLabels(GstBuffer *buffer) {
  std::map<guint64, Window> labels;
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    auto *roi = reinterpret_cast<GstVideoRegionOfInterestMeta *>(meta);
    GstStructure *structure = gst_video_region_of_interest_meta_get_param(roi, "StaActionMeta");
    if (!structure) continue;
    guint64 id = 0;
    EXPECT_TRUE(gst_structure_get_uint64(structure, "object-id", &id));
    labels[id] = parseWindow(structure);
  }
  return labels;
}

class Objects : public testing::Test {
 protected:
  void start(const Properties &properties, const std::string &format = "RGB") {
    action = std::make_unique<ActionHarness>(properties);
    action->caps("video/x-raw, format=" + format + ", width=128, height=96, framerate=30/1");
  }
  Buffer push(const std::vector<Object> &objects) {
    GstBuffer *buffer = action->frame(next * kFrame, kFrame, next);
    for (const Object &object : objects) addRegion(buffer, object);
    next++;
    return action->push(buffer);
  }

  std::unique_ptr<ActionHarness> action;
  int next = 0;
};

// A part of a frame, copied component by component.
GstBuffer *cropped(GstBuffer *buffer, const GstVideoInfo &whole, const GstVideoInfo &part, int x, int y) {
  GstBuffer *copy = gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&part), nullptr);
  GstVideoFrame in, out;
  EXPECT_TRUE(gst_video_frame_map(&in, &whole, buffer, GST_MAP_READ));
  EXPECT_TRUE(gst_video_frame_map(&out, &part, copy, GST_MAP_WRITE));
  for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(&in); c++) {
    const int cx = x >> GST_VIDEO_FORMAT_INFO_W_SUB(whole.finfo, c), cy = y >> GST_VIDEO_FORMAT_INFO_H_SUB(whole.finfo, c);
    const int pixel = GST_VIDEO_FRAME_COMP_PSTRIDE(&in, c);
    for (int row = 0; row < GST_VIDEO_FRAME_COMP_HEIGHT(&out, c); row++)
      for (int column = 0; column < GST_VIDEO_FRAME_COMP_WIDTH(&out, c); column++)
        *(GST_VIDEO_FRAME_COMP_DATA(&out, c) + row * GST_VIDEO_FRAME_COMP_STRIDE(&out, c) + column * pixel) =
            *(GST_VIDEO_FRAME_COMP_DATA(&in, c) + (row + cy) * GST_VIDEO_FRAME_COMP_STRIDE(&in, c) + (column + cx) * pixel);
  }
  gst_video_frame_unmap(&in);
  gst_video_frame_unmap(&out);
  GST_BUFFER_PTS(copy) = GST_BUFFER_PTS(buffer);
  GST_BUFFER_DURATION(copy) = GST_BUFFER_DURATION(buffer);
  return copy;
}

TEST_F(Objects, WindowsShowTheObjectAndNothingElse) {
  for (const char *format : {"RGB", "BGRx", "I420", "YV12", "NV12", "YUY2", "UYVY", "GRAY8"}) {
    const std::string rest = ", framerate=30/1, colorimetry=" + std::string(format[0] == 'R' || format[0] == 'B' ? "sRGB" : "bt601");
    const std::string whole_caps = "video/x-raw, format=" + std::string(format) + ", width=128, height=96" + rest;
    const std::string part_caps = "video/x-raw, format=" + std::string(format) + ", width=40, height=40" + rest;
    ActionHarness objects(objectMode()), crop(fileMode());
    objects.caps(whole_caps);
    crop.caps(part_caps);
    GstVideoInfo whole, part;
    GstCaps *caps = gst_caps_from_string(whole_caps.c_str());
    gst_video_info_from_caps(&whole, caps);
    gst_caps_unref(caps);
    caps = gst_caps_from_string(part_caps.c_str());
    gst_video_info_from_caps(&part, caps);
    gst_caps_unref(caps);
    for (int i = 0; i < 61 + 16; i++) {
      GstBuffer *buffer = objects.frame(i * kFrame, kFrame, i);
      GstBuffer *alone = cropped(buffer, whole, part, 20, 10);
      addRegion(buffer, {7, 20, 20, 40, 20});  // grows to 40x40 about its centre
      objects.push(buffer);
      crop.push(alone);
    }
    const auto a = objects.windows(), b = crop.windows();
    ASSERT_EQ(a.size(), 2u) << format;
    ASSERT_EQ(b.size(), 2u);
    for (int w = 0; w < 2; w++) {
      EXPECT_EQ(a[w].labels, b[w].labels) << format;
      EXPECT_EQ(a[w].confidences, b[w].confidences) << format;
      EXPECT_EQ(a[w].start, b[w].start);
    }
  }
}

TEST_F(Objects, EachTrackHasItsOwnWindowsAndLabels) {
  start(objectMode());
  const Object first{3, 0, 0, 40, 40}, second{9, 60, 30, 50, 50};
  std::map<guint64, int> begins;
  for (int i = 0; i < 130; i++) {
    std::vector<Object> shown{first};
    if (i >= 30) shown.push_back(second);
    const Buffer out = push(shown);
    Window frame_label;
    EXPECT_FALSE(parseMeta(out.get(), &frame_label)) << "the label is the object's, not the frame's";
    for (const auto &[id, window] : regionLabels(out.get()))
      if (!begins.count(id)) begins[id] = i;
  }
  EXPECT_EQ(begins, (std::map<guint64, int>{{3, 60}, {9, 90}})) << "each 16 samples after its object was first seen";
  EXPECT_EQ(action->stat("objects"), 2u);
  EXPECT_EQ(action->stat("frames"), 130u);
  bool other = false;
  const Buffer out = push({first, second});
  auto labels = regionLabels(out.get());
  ASSERT_EQ(labels.size(), 2u);
  other = labels[3].confidences != labels[9].confidences;
  EXPECT_TRUE(other) << "they show different pictures";
}

TEST_F(Objects, MessagesAndEventsNameTheObject) {
  Properties properties = objectMode();
  properties.push_back({"enter-threshold", "0.05"});
  properties.push_back({"exit-threshold", "0.05"});
  start(properties);
  for (int i = 0; i < 61; i++) push({{5, 10, 10, 40, 40}});
  std::set<std::string> names;
  for (const Message &message : action->messages(GST_MESSAGE_ELEMENT)) {
    const GstStructure *structure = gst_message_get_structure(message.get());
    guint64 id = 0;
    EXPECT_TRUE(gst_structure_get_uint64(structure, "object-id", &id)) << gst_structure_get_name(structure);
    EXPECT_EQ(id, 5u);
    names.insert(gst_structure_get_name(structure));
  }
  EXPECT_TRUE(names.count("sta-event"));
  EXPECT_EQ(action->windows().size(), 1u);
}

TEST_F(Objects, TrackersThatPutTheIdIntoAParameter) {
  start(objectMode());
  for (int i = 0; i < 61; i++) {
    GstBuffer *buffer = action->frame(i * kFrame, kFrame, i);
    GstVideoRegionOfInterestMeta *roi = addRegion(buffer, {1000 + i, 10, 10, 40, 40});  // an id that says nothing, another one in each frame
    gst_video_region_of_interest_meta_add_param(roi, gst_structure_new("object_id", "id", G_TYPE_INT, 4, nullptr));
    const Buffer out = action->push(buffer);
    if (i == 60) {
      EXPECT_EQ(regionLabels(out.get()).count(4), 1u);
    }
  }
}

TEST_F(Objects, ATrackEndsWhenItIsNotSeenForLongerThanAGap) {
  Properties properties = objectMode();
  properties.push_back({"enter-threshold", "0.05"});
  properties.push_back({"exit-threshold", "0.05"});
  start(properties);
  const Object object{3, 0, 0, 40, 40};
  for (int i = 0; i < 61; i++) push({object});
  action->messages(GST_MESSAGE_ELEMENT);
  for (int i = 0; i < 14; i++) push({});  // 467 ms
  EXPECT_EQ(action->stat("objects"), 1u) << "a detector may miss some frames";
  for (int i = 0; i < 4; i++) push({});
  EXPECT_EQ(action->stat("objects"), 0u);
  bool ended = false;
  for (const Message &message : action->messages(GST_MESSAGE_ELEMENT)) {
    const GstStructure *structure = gst_message_get_structure(message.get());
    ended |= gst_structure_has_name(structure, "sta-event") && std::string(gst_structure_get_string(structure, "state")) == "end";
  }
  EXPECT_TRUE(ended) << "its event ends with it";
  // When the same id comes later, it is another object: it has to fill a window first.
  const Buffer out = push({object});
  EXPECT_TRUE(regionLabels(out.get()).empty());
}

TEST_F(Objects, MissedFramesAreHeldOver) {
  start(objectMode());
  Buffer out;
  for (int i = 0; i < 61; i++) out = push(i % 5 == 0 ? std::vector<Object>{{3, 0, 0, 40, 40}} : std::vector<Object>{});
  EXPECT_EQ(regionLabels(out.get()).count(3), 1u);
  const auto windows = action->windows();
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_FALSE(windows[0].degraded);
}

TEST_F(Objects, BeyondMaxObjectsTheOneNotSeenForLongestGoes) {
  Properties properties = objectMode();
  properties.push_back({"max-objects", "2"});
  start(properties);
  const Object a{1, 0, 0, 30, 30}, b{2, 40, 0, 30, 30}, c{3, 80, 0, 30, 30};
  push({a, b, c});
  EXPECT_EQ(action->stat("objects"), 2u);
  EXPECT_EQ(action->stat("objects-ignored"), 1u);
  EXPECT_EQ(action->stat("objects-evicted"), 0u);
  for (int i = 1; i < 60; i++) push({a, b, c});
  Buffer out = push({a, b, c});
  auto labels = regionLabels(out.get());
  EXPECT_EQ(labels.count(1) + labels.count(2), 2u) << "objects that are seen keep their places";
  push({b});
  out = push({c, b});
  EXPECT_EQ(action->stat("objects-evicted"), 1u) << "a was not seen for longest";
  EXPECT_EQ(regionLabels(out.get()).count(2), 1u);
  out = push({a, b, c});
  labels = regionLabels(out.get());
  EXPECT_EQ(labels.count(1), 0u);
  EXPECT_EQ(action->stat("objects"), 2u);
  action->set("max-objects", "1");
  push({b, c});
  EXPECT_EQ(action->stat("objects"), 1u);
}

TEST_F(Objects, DetectionsWithoutTracksAreOneWarning) {
  start(objectMode());
  for (int i = 0; i < 70; i++) push({{0, 10, 10, 40, 40}});
  const auto warnings = action->messages(GST_MESSAGE_WARNING);
  ASSERT_EQ(warnings.size(), 1u);
  GError *error = nullptr;
  gst_message_parse_warning(warnings[0].get(), &error, nullptr);
  EXPECT_NE(std::string(error->message).find("tracker"), std::string::npos) << error->message;
  g_error_free(error);
  EXPECT_TRUE(action->windows().empty());
}

TEST_F(Objects, BoxesOutsideTheFrameOrWithoutAreaDoNoHarm) {
  start(objectMode());
  for (int i = 0; i < 70; i++)
    ASSERT_TRUE(
        push({{1, 500, 500, 40, 40}, {2, 10, 10, 0, 0}, {3, 127, 95, 1, 1}, {4, 0, 0, 4000, 4000}, {5, G_MAXINT, G_MAXINT, G_MAXINT, G_MAXINT}}));
  std::set<guint64> labelled;
  const Buffer out = push({{3, 127, 95, 1, 1}, {4, 0, 0, 4000, 4000}});
  for (const auto &[id, window] : regionLabels(out.get())) labelled.insert(id);
  EXPECT_EQ(labelled, (std::set<guint64>{3, 4}));
}

TEST_F(Objects, FlushNewSizeAndRegionEndTheTracks) {
  start(objectMode());
  const Object object{3, 0, 0, 40, 40};
  for (int i = 0; i < 61; i++) push({object});
  action->event(gst_event_new_flush_start());
  action->event(gst_event_new_flush_stop(TRUE));
  EXPECT_EQ(action->stat("objects"), 0u);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  action->event(gst_event_new_segment(&segment));
  EXPECT_TRUE(regionLabels(push({object}).get()).empty());
  action->rgbCaps(64, 64, 30, 1);
  EXPECT_EQ(action->stat("objects"), 0u);
  push({object});
  EXPECT_EQ(action->stat("objects"), 1u);
  action->set("region", "frame");
  for (int i = 0; i < 61; i++) push({object});
  EXPECT_EQ(action->stat("objects"), 0u);
  Window label;
  const Buffer out = push({object});
  EXPECT_TRUE(parseMeta(out.get(), &label)) << "frames have labels again";
  EXPECT_TRUE(regionLabels(out.get()).empty());
}

TEST_F(Objects, EndOfStreamPublishesTheTailOfEachTrack) {
  start(objectMode());
  for (int i = 0; i < 41; i++) push({{1, 0, 0, 30, 30}, {2, 40, 0, 30, 30}});
  action->event(gst_event_new_eos());
  const auto windows = action->windows();
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_TRUE(windows[0].tail && windows[1].tail);
}

TEST_F(Objects, ManyTracksComeAndGoInLiveMode) {
  Properties properties = objectMode();
  for (auto &[name, value] : properties)
    if (name == "sync") value = "false";
  properties.push_back({"max-objects", "4"});
  start(properties);
  for (int i = 0; i < 1500; i++) {
    std::vector<Object> shown;
    for (int k = 0; k < 6; k++)
      if ((i / 40 + k) % 3) shown.push_back({1 + (i / 40 + k) % 50, static_cast<guint>(20 * k), static_cast<guint>(i % 50), 30, 40});
    ASSERT_TRUE(push(shown));
  }
  action->event(gst_event_new_eos());
  EXPECT_EQ(action->stat("objects"), 0u);
  EXPECT_GT(action->stat("objects-evicted") + action->stat("objects-ignored"), 0u);
  EXPECT_GT(action->stat("windows"), 0u);
}

#ifdef HAVE_ANALYTICS

TEST_F(Objects, AnalyticsDetectionsContainTheirLabels) {
  start(objectMode());
  Buffer out;
  for (int i = 0; i < 62; i++) {
    GstBuffer *buffer = action->frame(i * kFrame, kFrame, i);
    GstAnalyticsRelationMeta *relations = gst_buffer_add_analytics_relation_meta(buffer);
    GstAnalyticsODMtd tracked, untracked;
    GstAnalyticsTrackingMtd track;
    ASSERT_TRUE(gst_analytics_relation_meta_add_od_mtd(relations, g_quark_from_string("person"), 20, 10, 40, 40, 0.9f, &tracked));
    ASSERT_TRUE(gst_analytics_relation_meta_add_od_mtd(relations, g_quark_from_string("person"), 60, 10, 40, 40, 0.9f, &untracked));
    ASSERT_TRUE(gst_analytics_relation_meta_add_tracking_mtd(relations, 77, 0, &track));
    if (i == 61) gst_analytics_tracking_mtd_set_lost(&track);
    ASSERT_TRUE(gst_analytics_relation_meta_set_relation(relations, GST_ANALYTICS_REL_TYPE_RELATE_TO, tracked.id, track.id));
    out = action->push(buffer);
    if (i != 60) continue;
    gpointer state = nullptr;
    GstAnalyticsClsMtd cls;
    relations = gst_buffer_get_analytics_relation_meta(out.get());
    ASSERT_TRUE(gst_analytics_relation_meta_get_direct_related(relations, tracked.id, GST_ANALYTICS_REL_TYPE_CONTAIN,
                                                               gst_analytics_cls_mtd_get_mtd_type(), &state, &cls));
    EXPECT_EQ(gst_analytics_cls_mtd_get_length(&cls), 5u);
    state = nullptr;
    EXPECT_FALSE(gst_analytics_relation_meta_get_direct_related(relations, untracked.id, GST_ANALYTICS_REL_TYPE_CONTAIN,
                                                                gst_analytics_cls_mtd_get_mtd_type(), &state, &cls));
  }
  const auto windows = action->windows();
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_EQ(action->stat("objects"), 0u) << "a track that is lost ends at once";
}

#endif

}  // namespace
}  // namespace sta::test
