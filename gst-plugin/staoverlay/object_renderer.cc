// SPDX-License-Identifier: MIT
// See object_renderer.h. Strips begin and end at multiples of kEdge pixels, as labels do. If the line is thinner than
// its strip, the rest of the strip is transparent.
#include "object_renderer.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sta::gst {
namespace {

constexpr gdouble kTagScale = 0.6;        // relative to the frame's label
constexpr guint32 kColour = 0xff59bfffu;  // opaque ARGB, the blue of the bars
constexpr gint kThinBelow = 720;          // in smaller pictures (height) a line is thinner than its strip

struct Area {
  gint x = 0, y = 0, width = 0, height = 0;
};

// Draws a part of the picture that shows the lines along the box's sides, `line` px across, as far as they lie in it.
Rectangle strip(const Area &area, const Area &box, gint line) {
  const gsize stride = static_cast<gsize>(area.width) * 4;
  GstBuffer *pixels = gst_buffer_new_allocate(nullptr, stride * area.height, nullptr);
  if (!pixels) return nullptr;
  GstMapInfo map;
  if (!gst_buffer_map(pixels, &map, GST_MAP_WRITE)) {
    gst_buffer_unref(pixels);
    return nullptr;
  }
  auto *out = reinterpret_cast<guint32 *>(map.data);
  for (gint y = area.y; y < area.y + area.height; y++)
    for (gint x = area.x; x < area.x + area.width; x++) {
      const gint to_side = std::min({x - box.x, box.x + box.width - 1 - x, y - box.y, box.y + box.height - 1 - y});
      *out++ = to_side < line ? kColour : 0;
    }
  gst_buffer_unmap(pixels, &map);
  gst_buffer_add_video_meta(pixels, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, area.width, area.height);
  Rectangle rectangle(
      gst_video_overlay_rectangle_new_raw(pixels, area.x, area.y, area.width, area.height, GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA));
  gst_buffer_unref(pixels);
  return rectangle;
}

// The part of the box that is in the picture, with its edges at multiples of kEdge. Width 0 if there is none.
Area insideOf(const ObjectLabel &object, gint width, gint height) {
  const gint64 left = std::clamp<gint64>(object.x, 0, width), right = std::clamp<gint64>(object.x + object.width, 0, width);
  const gint64 top = std::clamp<gint64>(object.y, 0, height), bottom = std::clamp<gint64>(object.y + object.height, 0, height);
  if (left >= right || top >= bottom) return {};
  const gint x = edgeBelow(static_cast<gint>(left)), y = edgeBelow(static_cast<gint>(top));
  return {x, y, edgeAbove(static_cast<gint>(right), width) - x, edgeAbove(static_cast<gint>(bottom), height) - y};
}

void addStrips(const Area &box, gint line, std::vector<Rectangle> *out) {
  auto add = [&](const Area &area) {
    if (area.width <= 0 || area.height <= 0) return;
    if (Rectangle rectangle = strip(area, box, line)) out->push_back(std::move(rectangle));
  };
  // Strips on the far side also begin at a multiple of kEdge. At the picture's edge they may be narrower.
  const gint far_x = edgeBelow(box.x + box.width - 1), far_y = edgeBelow(box.y + box.height - 1);
  const gint near_width = std::min(kEdge, box.width), near_height = std::min(kEdge, box.height);
  add({box.x, box.y, box.width, near_height});
  if (far_y > box.y) add({box.x, far_y, box.width, box.y + box.height - far_y});
  add({box.x, box.y + near_height, near_width, far_y - box.y - near_height});
  if (far_x > box.x) add({far_x, box.y + near_height, box.x + box.width - far_x, far_y - box.y - near_height});
}

}  // namespace

ObjectRenderer::Tag *ObjectRenderer::tag(const std::string &title, gdouble font_scale, const GstVideoInfo &info) {
  Tag &tag = tags_[title];
  if (!tag.label.pixels) {
    LabelText text;
    text.title = title;
    tag.label = drawLabel(text, font_scale * kTagScale, info);
  }
  tag.used = true;
  return tag.label.pixels ? &tag : nullptr;
}

std::vector<Rectangle> ObjectRenderer::render(const std::vector<ObjectLabel> &objects, gdouble font_scale, const GstVideoInfo &info) {
  const gint width = GST_VIDEO_INFO_WIDTH(&info), height = GST_VIDEO_INFO_HEIGHT(&info);
  std::vector<Rectangle> strips, labels;
  if (font_scale != std::exchange(font_scale_, font_scale)) forget();
  for (auto &[title, tag] : tags_) tag.used = false;
  for (const ObjectLabel &object : objects) {
    const Area box = insideOf(object, width, height);
    if (box.width == 0) continue;
    addStrips(box, height < kThinBelow ? kEdge / 2 : kEdge, &strips);
    const Tag *drawn = tag(labelTitle(object.record), font_scale, info);
    if (!drawn) continue;
    // Above the box, so that the label does not cover the object; inside if there is no room above.
    const gint above = box.y - drawn->label.height;
    const gint x = edgeBelow(std::max(0, std::min(box.x, width - drawn->label.width)));
    const gint y = edgeBelow(above >= 0 ? above : std::max(0, std::min(box.y, height - drawn->label.height)));
    if (Rectangle rectangle = placeLabel(drawn->label, x, y)) labels.push_back(std::move(rectangle));
  }
  for (auto tag = tags_.begin(); tag != tags_.end();) {
    if (tag->second.used) {
      ++tag;
      continue;
    }
    gst_clear_buffer(&tag->second.label.pixels);
    tag = tags_.erase(tag);
  }
  std::move(labels.begin(), labels.end(), std::back_inserter(strips));
  return strips;
}

void ObjectRenderer::forget() {
  for (auto &[title, tag] : tags_) gst_clear_buffer(&tag.label.pixels);
  tags_.clear();
}

}  // namespace sta::gst
