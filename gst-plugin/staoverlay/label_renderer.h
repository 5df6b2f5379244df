// SPDX-License-Identifier: MIT
// Draws a label box with Pango and Cairo into a GstVideoOverlayRectangle. Knows nothing of metadata or elements; the caller keeps the rectangle and
// draws again only when text, style or picture size change, which is a few times a second at most.
#pragma once

#include <gst/video/video-overlay-composition.h>
#include <gst/video/video.h>

#include <string>
#include <vector>

namespace sta::gst {

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
  gdouble font_scale = 1.0;  // of a font that is 1/18 of the picture's height
  bool operator==(const LabelStyle &other) const { return position == other.position && font_scale == other.font_scale; }
};

// A dark translucent box with light text, which is readable on any picture. It lies inside the picture whatever its size: text that does not fit is
// first made smaller, then loses bars and subtitle, then is cut with an ellipsis. nullptr: out of memory.
GstVideoOverlayRectangle *renderLabel(const LabelText &text, const LabelStyle &style, const GstVideoInfo &info);

// "12.3 s", "1:02.3", "1:00:02.3": tenths of seconds, the same in every locale.
std::string formatTime(GstClockTime time);

}  // namespace sta::gst
