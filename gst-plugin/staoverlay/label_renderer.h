// SPDX-License-Identifier: MIT
// Draws a label box with Pango and Cairo into a GstVideoOverlayRectangle. It knows nothing of elements or the metadata
// of buffers. The caller keeps the rectangle, and draws again only when text, style or picture size change, which
// happens a few times a second at most.
#pragma once

#include <gst/video/video-overlay-composition.h>
#include <gst/video/video.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "metadata/action_record.h"

namespace sta::gst {

struct RectangleUnref {
  void operator()(GstVideoOverlayRectangle *rectangle) const { gst_video_overlay_rectangle_unref(rectangle); }
};
using Rectangle = std::unique_ptr<GstVideoOverlayRectangle, RectangleUnref>;

struct LabelText {
  struct Bar {
    std::string label;
    gdouble confidence;  // 0 .. 1
    bool operator==(const Bar &other) const { return label == other.label && confidence == other.confidence; }
  };
  std::string title;      // first line: label and confidence
  std::string subtitle;   // second line, may be empty
  std::vector<Bar> bars;  // below, may be empty
  bool operator==(const LabelText &other) const { return title == other.title && subtitle == other.subtitle && bars == other.bars; }
};

enum LabelPosition { kTopLeft, kTop, kTopRight, kBottomLeft, kBottom, kBottomRight };

struct LabelStyle {
  gint position = kTopLeft;
  gdouble font_scale = 1.0;  // relative to a font that is 1/18 of the picture's height
  bool operator==(const LabelStyle &other) const { return position == other.position && font_scale == other.font_scale; }
};

// A dark translucent box with light text, which is readable on any picture. It lies inside the picture, whatever its
// size: text that does not fit is first made smaller, then loses bars and subtitle, then is cut with an ellipsis.
// nullptr: out of memory.
Rectangle renderLabel(const LabelText &text, const LabelStyle &style, const GstVideoInfo &info);

// Drawn text that has no place yet.
struct DrawnLabel {
  GstBuffer *pixels = nullptr;  // premultiplied ARGB with a GstVideoMeta, the caller owns it; nullptr: out of memory
  gint width = 0, height = 0;   // pixels of the picture, multiples of kEdge or as large as the picture
  gdouble font = 0;             // px
};
DrawnLabel drawLabel(const LabelText &text, gdouble font_scale, const GstVideoInfo &info);

// A drawing begins and ends at multiples of this many pixels (or at the picture's edge), so subsampled chroma of pixels
// outside stays untouched.
inline constexpr gint kEdge = 4;
constexpr gint edgeBelow(gint value) { return value / kEdge * kEdge; }
constexpr gint edgeAbove(gint value, gint limit) { return std::min(limit, (value + kEdge - 1) / kEdge * kEdge); }

// Places the pixels at x, y of the picture. The rectangle keeps its own reference to them.
Rectangle placeLabel(const DrawnLabel &label, gint x, gint y);

// The record's first label with its confidence, as in "walking 87 %".
std::string labelTitle(const ActionRecord &record);

// "12.3 s", "1:02.3", "1:00:02.3": tenths of seconds, the same in every locale.
std::string formatTime(GstClockTime time);

}  // namespace sta::gst
