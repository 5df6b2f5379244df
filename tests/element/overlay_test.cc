// SPDX-License-Identifier: MIT
// Tests staoverlay. Its box must change pixels where it is and nowhere else, at any size and in any format. If
// downstream draws compositions, the box is attached instead. The tests put labels on frames through GStreamer's public
// functions, like any application.
#include <gst/check/gstharness.h>
#include <gst/video/video-overlay-composition.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include "action_harness.h"
#include "overlay_harness.h"

namespace sta::test {
namespace {

TEST(Overlay, WithoutALabelNothingIsTouched) {
  Overlay overlay;
  overlay.caps("RGB", 320, 240);
  const Buffer out = overlay.push(overlay.gray(100));
  ASSERT_TRUE(out);
  EXPECT_TRUE(overlay.changed(out.get(), 100).empty());
}

class OverlaySizes : public testing::TestWithParam<std::tuple<int, int>> {};

TEST_P(OverlaySizes, TheBoxLiesInsideAndIsSeen) {
  const auto [width, height] = GetParam();
  Overlay overlay("top-k=3");
  overlay.caps("RGB", width, height);
  GstBuffer *buffer = overlay.gray(200);
  addLabel(buffer, "picking up something from the floor");
  const Buffer out = overlay.push(buffer);
  ASSERT_TRUE(out);
  const Box box = overlay.changed(out.get(), 200);
  ASSERT_FALSE(box.empty());
  // Letters: both darker and lighter pixels than the background box.
  GstMapInfo map;
  gst_buffer_map(out.get(), &map, GST_MAP_READ);
  const auto [dark, light] = std::minmax_element(map.data, map.data + map.size);
  EXPECT_LT(*dark, 110);
  EXPECT_GE(*light, 200);
  gst_buffer_unmap(out.get(), &map);
  if (width >= 160 && height >= 120) {
    EXPECT_LT(box.width() * box.height(), width * height * 6 / 10) << "most of the picture stays free";
    EXPECT_GE(box.height(), 12) << "the letters have a readable size";
  }
}

INSTANTIATE_TEST_SUITE_P(All, OverlaySizes,
                         testing::Values(std::make_tuple(1, 1), std::make_tuple(16, 16), std::make_tuple(17, 33), std::make_tuple(64, 64),
                                         std::make_tuple(320, 24), std::make_tuple(20, 240), std::make_tuple(160, 120), std::make_tuple(640, 360),
                                         std::make_tuple(1920, 1080), std::make_tuple(1080, 1920)));

TEST(Overlay, LettersAreReadableOnBlackAndOnWhite) {
  for (int background : {0, 255}) {
    Overlay overlay;
    overlay.caps("GRAY8", 640, 360);
    GstBuffer *buffer = overlay.gray(background);
    addLabel(buffer, "falling");
    const Buffer out = overlay.push(buffer);
    GstMapInfo map;
    gst_buffer_map(out.get(), &map, GST_MAP_READ);
    const gsize stride = GST_VIDEO_INFO_PLANE_STRIDE(&overlay.info, 0);
    // In the box, the background is dark and the letters are light.
    int dark = 0, light = 0;
    for (int y = 14; y < 50; y++)
      for (int x = 14; x < 100; x++) {
        dark += map.data[y * stride + x] < 90;
        light += map.data[y * stride + x] > 220;
      }
    gst_buffer_unmap(out.get(), &map);
    EXPECT_GT(dark, 1000) << "on " << background;
    EXPECT_GT(light, 100) << "on " << background;
  }
}

TEST(Overlay, PositionPutsTheBoxWhereItSays) {
  const int width = 640, height = 360;
  for (const char *position : {"top-left", "top", "top-right", "bottom-left", "bottom", "bottom-right"}) {
    Overlay overlay((std::string("position=") + position).c_str());
    overlay.caps("RGB", width, height);
    GstBuffer *buffer = overlay.gray(128);
    addLabel(buffer, "walking");
    const Buffer out = overlay.push(buffer);
    const Box box = overlay.changed(out.get(), 128);
    ASSERT_FALSE(box.empty());
    const std::string where = position;
    if (where.find("left") != std::string::npos) {
      EXPECT_LT(box.right, width / 2) << where;
    }
    if (where.find("right") != std::string::npos) {
      EXPECT_GT(box.left, width / 2) << where;
    }
    if (where.find("top") != std::string::npos) {
      EXPECT_LT(box.bottom, height / 2) << where;
    }
    if (where.find("bottom") != std::string::npos) {
      EXPECT_GT(box.top, height / 2) << where;
    }
    if (where == "top" || where == "bottom") {
      EXPECT_NEAR(box.left + box.right, width, 10);
    }
  }
}

TEST(Overlay, PropertiesChangeTheBox) {
  auto boxOf = [](const char *properties) {
    Overlay overlay(properties);
    overlay.caps("RGB", 640, 360);
    GstBuffer *buffer = overlay.gray(128);
    addLabel(buffer, "walking");
    const Buffer out = overlay.push(buffer);
    return overlay.changed(out.get(), 128);
  };
  const Box normal = boxOf("");
  EXPECT_LT(boxOf("show-interval=false").height(), normal.height());
  EXPECT_GT(boxOf("top-k=1").height(), normal.height());
  EXPECT_GT(boxOf("font-scale=2").width(), normal.width() * 3 / 2);
}

class OverlayFormats : public testing::TestWithParam<const char *> {};

TEST_P(OverlayFormats, AreBlended) {
  Overlay overlay;
  overlay.caps(GetParam(), 322, 242);  // odd halves
  GstBuffer *buffer = overlay.gray(0x80);
  addLabel(buffer, "walking");
  const Buffer plain = overlay.push(overlay.gray(0x80)), out = overlay.push(buffer);
  ASSERT_TRUE(out);
  // All planes are compared: outside the box's rows not a byte may differ.
  GstVideoFrame before, after;
  ASSERT_TRUE(gst_video_frame_map(&before, &overlay.info, plain.get(), GST_MAP_READ));
  ASSERT_TRUE(gst_video_frame_map(&after, &overlay.info, out.get(), GST_MAP_READ));
  int changed_top = 0, changed_bottom = 0;
  for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(&before); plane++) {
    const int stride = GST_VIDEO_FRAME_PLANE_STRIDE(&before, plane);
    const int rows = GST_VIDEO_INFO_COMP_HEIGHT(&overlay.info, plane == 0 ? 0 : 1);
    for (int y = 0; y < rows; y++) {
      const bool differs = memcmp(static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(&before, plane)) + y * stride,
                                  static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(&after, plane)) + y * stride, stride) != 0;
      (y < rows / 2 ? changed_top : changed_bottom) += differs;
    }
  }
  gst_video_frame_unmap(&before);
  gst_video_frame_unmap(&after);
  EXPECT_GT(changed_top, 10);
  EXPECT_EQ(changed_bottom, 0);
}

INSTANTIATE_TEST_SUITE_P(All, OverlayFormats,
                         testing::Values("NV12", "I420", "YV12", "YUY2", "UYVY", "RGB", "BGR", "RGBx", "BGRx", "RGBA", "BGRA", "xRGB", "ARGB", "xBGR",
                                         "ABGR", "GRAY8", "P010_10LE", "I420_10LE", "Y444", "AYUV"),
                         [](const testing::TestParamInfo<const char *> &info) { return info.param; });

// A byte of subsampled chroma colours four pixels; none of them may lie outside the box.
TEST(Overlay, ChromaOutsideTheBoxIsUntouched) {
  int boxes = 0;
  for (int width = 301; width < 340; width += 3)
    for (const char *position : {"position=top-left", "position=bottom-right", "position=top"}) {
      const int height = width * 3 / 4 + 1;
      gint x = 0, y = 0;
      guint w = 0, h = 0;
      {
        Overlay attached(position, true);
        attached.caps("I420", width, height);
        GstBuffer *buffer = attached.gray(0x80);
        addLabel(buffer, "walking");
        const Buffer out = attached.push(buffer);
        auto *meta = gst_buffer_get_video_overlay_composition_meta(out.get());
        ASSERT_NE(meta, nullptr);
        gst_video_overlay_rectangle_get_render_rectangle(gst_video_overlay_composition_get_rectangle(meta->overlay, 0), &x, &y, &w, &h);
      }
      Overlay overlay(position);
      overlay.caps("I420", width, height);
      GstBuffer *buffer = overlay.gray(0x40);  // chroma of a strong colour, so that the dark box changes it
      addLabel(buffer, "walking");
      const Buffer out = overlay.push(buffer);
      GstVideoFrame frame;
      ASSERT_TRUE(gst_video_frame_map(&frame, &overlay.info, out.get(), GST_MAP_READ));
      for (int plane = 1; plane < 3; plane++)
        for (int row = 0; row < GST_VIDEO_FRAME_COMP_HEIGHT(&frame, plane); row++)
          for (int column = 0; column < GST_VIDEO_FRAME_COMP_WIDTH(&frame, plane); column++) {
            const guint8 *data = static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(&frame, plane));
            if (data[row * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane) + column] == 0x40) continue;
            boxes++;
            const bool inside = 2 * column >= x && 2 * row >= y && std::min(2 * column + 2, width) <= x + static_cast<int>(w) &&
                                std::min(2 * row + 2, height) <= y + static_cast<int>(h);
            EXPECT_TRUE(inside) << width << " " << position << ": chroma " << column << "," << row << " of box " << x << "," << y << " " << w << "x"
                                << h;
            if (!inside) {
              gst_video_frame_unmap(&frame);
              return;
            }
          }
      gst_video_frame_unmap(&frame);
    }
  EXPECT_GT(boxes, 0);
}

TEST(Overlay, IsBlendedWhereAnythingIsAcceptedButNothingDrawn) {
  Overlay overlay;  // the harness takes any caps, as fakesink and appsink do
  overlay.caps("RGB", 320, 240);
  GstBuffer *buffer = overlay.gray(100);
  addLabel(buffer, "walking");
  const Buffer out = overlay.push(buffer);
  EXPECT_EQ(overlay.outputCaps().find("OverlayComposition"), std::string::npos) << overlay.outputCaps();
  EXPECT_FALSE(overlay.changed(out.get(), 100).empty());
  EXPECT_EQ(gst_buffer_get_video_overlay_composition_meta(out.get()), nullptr);
}

TEST(Overlay, IsAttachedWhereDownstreamDraws) {
  Overlay overlay("", true);
  overlay.caps("RGB", 320, 240);
  std::vector<Buffer> outs;
  for (const char *label : {"walking", "walking", "falling"}) {
    GstBuffer *buffer = overlay.gray(100);
    addLabel(buffer, label);
    outs.push_back(overlay.push(buffer));
    ASSERT_TRUE(outs.back());
    EXPECT_TRUE(overlay.changed(outs.back().get(), 100).empty()) << "the pixels are downstream's";
  }
  EXPECT_NE(overlay.outputCaps().find("OverlayComposition"), std::string::npos) << overlay.outputCaps();
  GstVideoOverlayComposition *drawn[3];
  for (int i = 0; i < 3; i++) {
    auto *meta = gst_buffer_get_video_overlay_composition_meta(outs[i].get());
    ASSERT_NE(meta, nullptr);
    drawn[i] = meta->overlay;
    EXPECT_EQ(gst_video_overlay_composition_n_rectangles(meta->overlay), 1u);
  }
  EXPECT_EQ(drawn[0], drawn[1]) << "the same text is drawn once";
  EXPECT_NE(drawn[1], drawn[2]);
}

TEST(Overlay, KeepsWhatUpstreamHasAttached) {
  Overlay overlay("", true);
  overlay.caps("RGB", 320, 240);
  GstBuffer *buffer = overlay.gray(100);
  GstBuffer *pixels = gst_buffer_new_allocate(nullptr, 8 * 8 * 4, nullptr);
  gst_buffer_add_video_meta(pixels, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, 8, 8);
  GstVideoOverlayRectangle *rectangle = gst_video_overlay_rectangle_new_raw(pixels, 100, 100, 8, 8, GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE);
  GstVideoOverlayComposition *composition = gst_video_overlay_composition_new(rectangle);
  gst_buffer_add_video_overlay_composition_meta(buffer, composition);
  gst_video_overlay_composition_unref(composition);
  gst_video_overlay_rectangle_unref(rectangle);
  gst_buffer_unref(pixels);
  addLabel(buffer, "walking");
  const Buffer out = overlay.push(buffer);
  auto *meta = gst_buffer_get_video_overlay_composition_meta(out.get());
  ASSERT_NE(meta, nullptr);
  EXPECT_EQ(gst_video_overlay_composition_n_rectangles(meta->overlay), 2u);
}

TEST(Overlay, FollowsCapsThatChange) {
  Overlay overlay;
  for (int width : {320, 640, 64}) {
    overlay.caps("RGB", width, 240);
    GstBuffer *buffer = overlay.gray(100);
    addLabel(buffer, "walking");
    const Buffer out = overlay.push(buffer);
    ASSERT_TRUE(out);
    EXPECT_FALSE(overlay.changed(out.get(), 100).empty()) << width;
  }
}

TEST(Overlay, NonSquarePixelsKeepTheLettersShape) {
  auto widthOf = [](const char *more) {
    Overlay overlay("show-interval=false");
    overlay.caps("RGB", 640, 360, more);
    GstBuffer *buffer = overlay.gray(128);
    addLabel(buffer, "walking");
    const Buffer out = overlay.push(buffer);
    return overlay.changed(out.get(), 128).width();
  };
  // Pixels twice as wide as high need half as many.
  EXPECT_NEAR(widthOf(", pixel-aspect-ratio=2/1"), widthOf("") / 2.0, 8);
}

TEST(Overlay, DrawsWhatStaActionSays) {
  const std::string line =
      "videotestsrc num-buffers=64 pattern=black ! video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! staaction model=" + microModel() +
      " device=cpu sync=true inference-threads=1 sample-interval=" + std::to_string(kInterval) +
      " ! staoverlay ! appsink name=sink sync=false max-buffers=100";
  GstElement *pipeline = gst_parse_launch(line.c_str(), nullptr);
  ASSERT_NE(pipeline, nullptr);
  GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  std::vector<int> brightest;
  for (;;) {
    GstSample *sample = nullptr;
    g_signal_emit_by_name(sink, "pull-sample", &sample);
    if (!sample) break;
    GstMapInfo map;
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    gst_buffer_map(buffer, &map, GST_MAP_READ);
    brightest.push_back(*std::max_element(map.data, map.data + 320 * 240));
    gst_buffer_unmap(buffer, &map);
    gst_sample_unref(sample);
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  ASSERT_EQ(brightest.size(), 64u);
  EXPECT_LT(brightest[30], 40) << "no label yet";
  EXPECT_GT(brightest[63], 200) << "white letters";
}

}  // namespace
}  // namespace sta::test
