// SPDX-License-Identifier: MIT
// A staoverlay in a harness, and helpers that find what it changed in a picture of one colour.
#pragma once

#include <gst/check/gstharness.h>
#include <gst/video/video-overlay-composition.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "action_harness.h"

namespace sta::test {

inline void addLabel(GstBuffer *buffer, const std::string &label, double confidence = 0.87) {
  GstStructure *structure = gst_custom_meta_get_structure(gst_buffer_add_custom_meta(buffer, "StaActionMeta"));
  gst_structure_set(structure, "label", G_TYPE_STRING, label.c_str(), "confidence", G_TYPE_DOUBLE, confidence, "class-id", G_TYPE_INT, 0,
                    "window-start", G_TYPE_UINT64, GST_SECOND, "window-end", G_TYPE_UINT64, 3 * GST_SECOND, nullptr);
}

struct Box {
  int left = 1 << 30, top = 1 << 30, right = -1, bottom = -1;
  bool empty() const { return right < 0; }
  int width() const { return right - left + 1; }
  int height() const { return bottom - top + 1; }
};

class Overlay {
 public:
  explicit Overlay(const char *properties = "", bool downstream_draws = false)
      : harness_(gst_harness_new_parse((std::string("staoverlay ") + properties).c_str())) {
    if (downstream_draws) gst_harness_add_propose_allocation_meta(harness_, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, nullptr);
  }
  ~Overlay() { gst_harness_teardown(harness_); }

  void caps(const std::string &format, int width, int height, const char *more = "") {
    GstCaps *caps = gst_caps_from_string(
        ("video/x-raw, format=" + format + ", width=" + std::to_string(width) + ", height=" + std::to_string(height) + ", framerate=30/1" + more)
            .c_str());
    gst_video_info_from_caps(&info, caps);
    gst_harness_set_src_caps(harness_, caps);
  }
  GstBuffer *gray(guint8 value) {
    GstBuffer *buffer = gst_buffer_new_allocate(nullptr, info.size, nullptr);
    gst_buffer_memset(buffer, 0, value, info.size);
    GST_BUFFER_PTS(buffer) = GST_SECOND;
    return buffer;
  }
  Buffer push(GstBuffer *buffer) {
    EXPECT_EQ(gst_harness_push(harness_, buffer), GST_FLOW_OK);
    return Buffer(gst_harness_try_pull(harness_));
  }
  // Pixels that differ from the value the picture is filled with; for one-plane formats, and for the first plane of
  // others.
  Box changed(GstBuffer *buffer, guint8 value) {
    Box box;
    GstVideoFrame frame;
    EXPECT_TRUE(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
    const int bytes = GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, 0);
    for (int y = 0; y < info.height; y++)
      for (int x = 0; x < info.width; x++) {
        const guint8 *pixel = static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)) + y * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0) + x * bytes;
        bool same = true;
        for (int b = 0; b < bytes; b++) same &= pixel[b] == value;
        if (same) continue;
        box = {std::min(box.left, x), std::min(box.top, y), std::max(box.right, x), std::max(box.bottom, y)};
      }
    gst_video_frame_unmap(&frame);
    return box;
  }
  std::string outputCaps() {
    GstCaps *caps = gst_pad_get_current_caps(harness_->sinkpad);
    gchar *text = gst_caps_to_string(caps);
    const std::string result = text;
    g_free(text);
    gst_caps_unref(caps);
    return result;
  }

  GstVideoInfo info{};
  GstHarness *harness_;
};

}  // namespace sta::test
