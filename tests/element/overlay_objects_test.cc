// SPDX-License-Identifier: MIT
// Tests that staoverlay draws labelled objects: a frame around each, its label on top, and not a pixel elsewhere. The
// tests put labels on objects through GStreamer's public functions, like a detector, and once through staaction itself.
#include <gst/video/video-overlay-composition.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "action_harness.h"
#include "overlay_harness.h"

#ifdef HAVE_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

namespace sta::test {
namespace {

constexpr guint8 kGray = 100;

GstVideoRegionOfInterestMeta *addRegion(GstBuffer *buffer, guint x, guint y, guint width, guint height) {
  return gst_buffer_add_video_region_of_interest_meta(buffer, "person", x, y, width, height);
}

void label(GstVideoRegionOfInterestMeta *roi, const std::string &text, guint64 id = 1) {
  gst_video_region_of_interest_meta_add_param(
      roi, gst_structure_new("StaActionMeta", "label", G_TYPE_STRING, text.c_str(), "confidence", G_TYPE_DOUBLE, 0.87, "class-id", G_TYPE_INT, 0,
                             "object-id", G_TYPE_UINT64, id, nullptr));
}

// RGB; the picture was kGray everywhere.
bool changedAt(const Overlay &overlay, const std::vector<guint8> &pixels, int x, int y) {
  const guint8 *pixel = pixels.data() + y * GST_VIDEO_INFO_PLANE_STRIDE(&overlay.info, 0) + x * 3;
  return pixel[0] != kGray || pixel[1] != kGray || pixel[2] != kGray;
}

std::vector<guint8> bytes(GstBuffer *buffer) {
  std::vector<guint8> out(gst_buffer_get_size(buffer));
  gst_buffer_extract(buffer, 0, out.data(), out.size());
  return out;
}

TEST(OverlayObjects, AFrameAndALabelAboveIt) {
  for (const auto &[width, height, line] : {std::array<int, 3>{640, 360, 2}, std::array<int, 3>{1280, 720, 4}}) {
    Overlay overlay;
    overlay.caps("RGB", width, height);
    GstBuffer *buffer = overlay.gray(kGray);
    label(addRegion(buffer, 200, 160, 120, 100), "falling");  // edges are multiples of four
    const Buffer out = overlay.push(buffer);
    const auto pixels = bytes(out.get());
    int label_pixels = 0, dark = 0;
    for (int y = 0; y < height; y++)
      for (int x = 0; x < width; x++) {
        const bool within = x >= 200 && x < 320 && y >= 160 && y < 260;
        const bool inner = x >= 200 + line && x < 320 - line && y >= 160 + line && y < 260 - line;
        const bool changed = changedAt(overlay, pixels, x, y);
        if (within) {
          ASSERT_EQ(changed, !inner) << x << "," << y << " of " << width << "x" << height;
        }
        if (!within && changed) {
          ASSERT_LT(y, 160) << "the label is above";
          ASSERT_GE(x, 200) << "and begins where the object does";
          label_pixels++;
          dark += pixels[static_cast<size_t>(y) * GST_VIDEO_INFO_PLANE_STRIDE(&overlay.info, 0) + x * 3] < 60;
        }
      }
    EXPECT_GT(label_pixels, 300);
    EXPECT_GT(dark, label_pixels / 3) << "light letters on a dark box";
    const size_t corner = 160u * GST_VIDEO_INFO_PLANE_STRIDE(&overlay.info, 0) + 200 * 3;
    EXPECT_GT(pixels[corner + 2], pixels[corner]) << "the frame is blue";
  }
}

TEST(OverlayObjects, WithoutALabelNothingIsDrawn) {
  Overlay overlay;
  overlay.caps("RGB", 320, 240);
  GstBuffer *buffer = overlay.gray(kGray);
  addRegion(buffer, 40, 40, 80, 80);
  gst_video_region_of_interest_meta_add_param(addRegion(buffer, 80, 80, 80, 80), gst_structure_new("other", "label", G_TYPE_STRING, "x", nullptr));
  gst_video_region_of_interest_meta_add_param(addRegion(buffer, 90, 90, 80, 80), gst_structure_new_empty("StaActionMeta"));
  const Buffer out = overlay.push(buffer);
  EXPECT_TRUE(overlay.changed(out.get(), kGray).empty());
}

TEST(OverlayObjects, EveryObjectIsDrawnWhereItIs) {
  Overlay overlay;
  overlay.caps("RGB", 640, 360);
  for (int step = 0; step < 3; step++) {
    GstBuffer *buffer = overlay.gray(kGray);
    const std::vector<std::array<int, 2>> corners = {{40 + 20 * step, 100}, {240, 200 - 20 * step}, {440, 120}};
    guint64 id = 0;
    for (const auto &[x, y] : corners) {
      id++;
      label(addRegion(buffer, x, y, 80, 80), id == 3 ? "other" : "walking", id);
    }
    const Buffer out = overlay.push(buffer);
    const auto pixels = bytes(out.get());
    for (const auto &[x, y] : corners) {
      EXPECT_TRUE(changedAt(overlay, pixels, x, y + 40)) << "left side";
      EXPECT_TRUE(changedAt(overlay, pixels, x + 79, y + 40)) << "right side";
      EXPECT_TRUE(changedAt(overlay, pixels, x + 40, y + 79)) << "lower side";
      EXPECT_TRUE(changedAt(overlay, pixels, x + 4, y - 8)) << "label";
      EXPECT_FALSE(changedAt(overlay, pixels, x + 40, y + 40)) << "inside";
    }
  }
}

// Detectors report boxes that reach out of the picture, and objects that fill it.
TEST(OverlayObjects, ThePicturesEdgesAreKept) {
  for (const auto &[width, height] :
       {std::array<int, 2>{320, 240}, std::array<int, 2>{321, 243}, std::array<int, 2>{3, 2}, std::array<int, 2>{1, 1}}) {
    for (const auto &box : std::vector<std::array<guint, 4>>{{0, 0, 320, 240},
                                                             {0, 0, 4000000000u, 4000000000u},
                                                             {300, 200, 500, 500},
                                                             {0, 0, 1, 1},
                                                             {317, 238, 1, 1},
                                                             {2, 0, 3, 7},
                                                             {4000000000u, 4000000000u, 4000000000u, 4000000000u},
                                                             {10, 10, 0, 50}}) {
      Overlay overlay;
      overlay.caps("RGB", width, height);
      GstBuffer *buffer = overlay.gray(kGray);
      label(addRegion(buffer, box[0], box[1], box[2], box[3]), "picking up something from the floor");
      const Buffer out = overlay.push(buffer);
      ASSERT_TRUE(out);
      const bool seen = box[0] < static_cast<guint>(width) && box[1] < static_cast<guint>(height) && box[2] > 0;
      EXPECT_EQ(overlay.changed(out.get(), kGray).empty(), !seen) << width << "x" << height << " box " << box[0] << "," << box[1];
    }
  }
}

TEST(OverlayObjects, TheLabelIsInsideWhereThereIsNoRoomAbove) {
  Overlay overlay;
  overlay.caps("RGB", 640, 360);
  GstBuffer *buffer = overlay.gray(kGray);
  label(addRegion(buffer, 560, 0, 80, 120), "picking up something");
  const Buffer out = overlay.push(buffer);
  const Box box = overlay.changed(out.get(), kGray);
  EXPECT_EQ(box.top, 0);
  EXPECT_EQ(box.right, 639) << "the label ends at the picture's edge";
  EXPECT_LT(box.left, 540) << "and is wider than the object";
  EXPECT_EQ(box.bottom, 119);
}

// Subsampled chroma is shared with pixels outside: none of them may change.
TEST(OverlayObjects, ChromaOutsideIsUntouched) {
  for (const char *format : {"I420", "NV12", "YUY2"})
    for (guint x = 61; x < 66; x++) {
      Overlay overlay;
      overlay.caps(format, 322, 242);
      GstBuffer *buffer = overlay.gray(0x40);
      label(addRegion(buffer, x, 101, 90, 90), "a");
      const Buffer out = overlay.push(buffer);
      GstVideoFrame frame;
      ASSERT_TRUE(gst_video_frame_map(&frame, &overlay.info, out.get(), GST_MAP_READ));
      int inside = 0;
      for (guint c = 0; c < 3; c++) {
        const int w_sub = GST_VIDEO_FORMAT_INFO_W_SUB(overlay.info.finfo, c), h_sub = GST_VIDEO_FORMAT_INFO_H_SUB(overlay.info.finfo, c);
        for (int row = 104 >> h_sub; row < GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c); row++)  // below the label
          for (int column = 0; column < GST_VIDEO_FRAME_COMP_WIDTH(&frame, c); column++) {
            const guint8 value =
                GST_VIDEO_FRAME_COMP_DATA(&frame, c)[row * GST_VIDEO_FRAME_COMP_STRIDE(&frame, c) + column * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c)];
            if (value == 0x40) continue;
            inside++;
            const int left = (static_cast<int>(x) / 4 * 4) >> w_sub, right = ((static_cast<int>(x) + 90 + 3) / 4 * 4) >> w_sub;
            ASSERT_TRUE(column >= left && column < right && row < 192 >> h_sub) << format << " component " << c << ": " << column << "," << row;
          }
      }
      gst_video_frame_unmap(&frame);
      EXPECT_GT(inside, 500) << format;
    }
}

TEST(OverlayObjects, AreAttachedWhereDownstreamDraws) {
  Overlay overlay("", true);
  overlay.caps("RGB", 640, 360);
  GstBuffer *buffer = overlay.gray(kGray);
  label(addRegion(buffer, 200, 160, 120, 100), "falling");
  addLabel(buffer, "walking");
  const Buffer out = overlay.push(buffer);
  EXPECT_TRUE(overlay.changed(out.get(), kGray).empty()) << "the pixels are downstream's";
  auto *meta = gst_buffer_get_video_overlay_composition_meta(out.get());
  ASSERT_NE(meta, nullptr);
  EXPECT_EQ(gst_video_overlay_composition_n_rectangles(meta->overlay), 6u) << "four sides, the object's label, the frame's label";
}

TEST(OverlayObjects, FollowsTheFontScale) {
  auto heightOf = [](const char *properties) {
    Overlay overlay(properties);
    overlay.caps("RGB", 640, 360);
    GstBuffer *buffer = overlay.gray(kGray);
    label(addRegion(buffer, 200, 200, 120, 100), "falling");
    const Buffer out = overlay.push(buffer);
    return overlay.changed(out.get(), kGray).height();
  };
  EXPECT_GT(heightOf("font-scale=3"), heightOf("") + 10);
}

// staoverlay draws on an object what staaction says about it.
TEST(OverlayObjects, DrawsWhatStaActionPutsOnAnObject) {
  Properties properties = fileMode();
  properties.push_back({"region", "objects"});
  ActionHarness action(properties);
  action.caps("video/x-raw, format=RGB, width=128, height=96, framerate=30/1");
  Buffer labelled;
  for (int i = 0; i < 62; i++) {
    GstBuffer *buffer = action.frame(i * GST_SECOND / 30, GST_SECOND / 30, i);
    addRegion(buffer, 40, 40, 40, 40)->id = 7;
    labelled = action.push(buffer);
  }
  Overlay overlay;
  overlay.caps("RGB", 128, 96);
  GstBuffer *plain = overlay.gray(kGray);  // the same metadata on a plain picture
  gst_buffer_copy_into(plain, labelled.get(), GST_BUFFER_COPY_META, 0, -1);
  const Buffer out = overlay.push(plain);
  const auto pixels = bytes(out.get());
  EXPECT_TRUE(changedAt(overlay, pixels, 40, 60));
  EXPECT_TRUE(changedAt(overlay, pixels, 79, 60));
  EXPECT_FALSE(changedAt(overlay, pixels, 60, 60));
}

#ifdef HAVE_ANALYTICS

TEST(OverlayObjects, AnalyticsDetectionsThatContainAClassification) {
  Overlay overlay;
  overlay.caps("RGB", 640, 360);
  GstBuffer *buffer = overlay.gray(kGray);
  GstAnalyticsRelationMeta *relations = gst_buffer_add_analytics_relation_meta(buffer);
  GstAnalyticsODMtd labelled, plain;
  ASSERT_TRUE(gst_analytics_relation_meta_add_od_mtd(relations, g_quark_from_string("person"), 200, 160, 120, 100, 0.9f, &labelled));
  ASSERT_TRUE(gst_analytics_relation_meta_add_od_mtd(relations, g_quark_from_string("person"), 400, 160, 120, 100, 0.9f, &plain));
  GstAnalyticsClsMtd cls;
  ASSERT_TRUE(gst_analytics_relation_meta_add_one_cls_mtd(relations, 0.8f, g_quark_from_string("falling"), &cls));
  ASSERT_TRUE(gst_analytics_relation_meta_set_relation(relations, GST_ANALYTICS_REL_TYPE_CONTAIN, labelled.id, cls.id));
  const Buffer out = overlay.push(buffer);
  const auto pixels = bytes(out.get());
  EXPECT_TRUE(changedAt(overlay, pixels, 200, 200));
  EXPECT_TRUE(changedAt(overlay, pixels, 204, 152)) << "label";
  EXPECT_FALSE(changedAt(overlay, pixels, 400, 200)) << "has no label";
  EXPECT_FALSE(changedAt(overlay, pixels, 30, 30)) << "the classification is not the frame's";
}

// A detector that writes both forms means one object: there must be one frame, not two.
TEST(OverlayObjects, BothFormsAreOneObject) {
  Overlay overlay("", true);
  overlay.caps("RGB", 640, 360);
  GstBuffer *buffer = overlay.gray(kGray);
  label(addRegion(buffer, 200, 160, 120, 100), "falling", 77);
  GstAnalyticsRelationMeta *relations = gst_buffer_add_analytics_relation_meta(buffer);
  GstAnalyticsODMtd object;
  GstAnalyticsTrackingMtd track;
  GstAnalyticsClsMtd cls;
  ASSERT_TRUE(gst_analytics_relation_meta_add_od_mtd(relations, g_quark_from_string("person"), 200, 160, 120, 100, 0.9f, &object));
  ASSERT_TRUE(gst_analytics_relation_meta_add_tracking_mtd(relations, 77, 0, &track));
  ASSERT_TRUE(gst_analytics_relation_meta_set_relation(relations, GST_ANALYTICS_REL_TYPE_RELATE_TO, object.id, track.id));
  ASSERT_TRUE(gst_analytics_relation_meta_add_one_cls_mtd(relations, 0.8f, g_quark_from_string("falling"), &cls));
  ASSERT_TRUE(gst_analytics_relation_meta_set_relation(relations, GST_ANALYTICS_REL_TYPE_CONTAIN, object.id, cls.id));
  const Buffer out = overlay.push(buffer);
  auto *meta = gst_buffer_get_video_overlay_composition_meta(out.get());
  ASSERT_NE(meta, nullptr);
  EXPECT_EQ(gst_video_overlay_composition_n_rectangles(meta->overlay), 5u);
}

#endif

}  // namespace
}  // namespace sta::test
