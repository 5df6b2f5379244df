// SPDX-License-Identifier: MIT
// The layout has two steps: measure the lines at a font size until they fit, then draw. Units are square pixels. If a
// picture's pixels are not square, the drawing is stretched, so that letters keep their shape on the screen.
#include "label_renderer.h"

#include <pango/pangocairo.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace sta::gst {
namespace {

constexpr double kFontsPerHeight = 18.0;
constexpr double kPreferredMinimum = 10.0;  // px; smaller text is hard to read, so small pictures get larger letters than their share
constexpr double kAbsoluteMinimum = 6.0;    // px; smaller letters are unreadable
constexpr double kBarLength = 6.0;          // in font sizes

struct Unref {
  void operator()(PangoLayout *layout) const { g_object_unref(layout); }
  void operator()(cairo_t *context) const { cairo_destroy(context); }
  void operator()(cairo_surface_t *surface) const { cairo_surface_destroy(surface); }
};
using Layout = std::unique_ptr<PangoLayout, Unref>;
using Context = std::unique_ptr<cairo_t, Unref>;
using Surface = std::unique_ptr<cairo_surface_t, Unref>;

Layout makeLayout(cairo_t *context, const std::string &text, double font_px, bool bold) {
  Layout layout(pango_cairo_create_layout(context));
  PangoFontDescription *font = pango_font_description_from_string(bold ? "Sans Bold" : "Sans");
  pango_font_description_set_absolute_size(font, font_px * PANGO_SCALE);
  pango_layout_set_font_description(layout.get(), font);
  pango_font_description_free(font);
  pango_layout_set_single_paragraph_mode(layout.get(), TRUE);
  pango_layout_set_text(layout.get(), text.c_str(), static_cast<int>(text.size()));
  return layout;
}

struct Extent {
  int width = 0, height = 0;
};

Extent measure(PangoLayout *layout) {
  Extent extent;
  pango_layout_get_pixel_size(layout, &extent.width, &extent.height);
  return extent;
}

// All parts placed, at one font size; sizes in square pixels.
struct Plan {
  double font = 0, padding = 0;
  Layout title, subtitle;
  struct Row {
    Layout label, percent;
    double fraction;
    int height;
  };
  std::vector<Row> rows;
  int label_column = 0, percent_column = 0;
  double width = 0, height = 0;
};

Plan makePlan(cairo_t *context, const LabelText &text, double font) {
  Plan plan;
  plan.font = font;
  plan.padding = std::max(1.0, std::round(font * 0.35));
  plan.title = makeLayout(context, text.title, font, true);
  Extent extent = measure(plan.title.get());
  double width = extent.width, height = extent.height;
  if (!text.subtitle.empty()) {
    plan.subtitle = makeLayout(context, text.subtitle, font * 0.75, false);
    extent = measure(plan.subtitle.get());
    width = std::max<double>(width, extent.width);
    height += extent.height;
  }
  for (const LabelText::Bar &bar : text.bars) {
    Plan::Row row;
    row.label = makeLayout(context, bar.label, font * 0.75, false);
    row.percent = makeLayout(context, std::to_string(std::lround(bar.confidence * 100)) + " %", font * 0.75, false);
    row.fraction = std::clamp(bar.confidence, 0.0, 1.0);
    const Extent label = measure(row.label.get()), percent = measure(row.percent.get());
    row.height = std::max(label.height, percent.height);
    plan.label_column = std::max(plan.label_column, label.width);
    plan.percent_column = std::max(plan.percent_column, percent.width);
    height += row.height;
    plan.rows.push_back(std::move(row));
  }
  if (!plan.rows.empty()) width = std::max(width, plan.label_column + plan.percent_column + kBarLength * font + 2 * plan.padding);
  plan.width = width + 2 * plan.padding;
  plan.height = height + 2 * plan.padding;
  return plan;
}

// The largest plan that fits: first tries the wanted font, then smaller fonts, then less text.
Plan fit(cairo_t *context, const LabelText &wanted, double font_scale, double width, double height) {
  LabelText text = wanted;
  const double preferred = std::max(kPreferredMinimum, height / kFontsPerHeight) * font_scale;
  double font = std::max(kAbsoluteMinimum, preferred);
  for (;;) {
    Plan plan = makePlan(context, text, font);
    if (plan.width <= width && plan.height <= height) return plan;
    if (font > kAbsoluteMinimum) {
      const double ratio = std::min(width / plan.width, height / plan.height);
      font = std::max(kAbsoluteMinimum, std::min(font * ratio, font - 0.5));
    } else if (!text.bars.empty()) {  // back to the wanted font: there is room without the bars
      text.bars.clear();
      font = std::max(kAbsoluteMinimum, preferred);
    } else if (!text.subtitle.empty()) {
      text.subtitle.clear();
      font = std::max(kAbsoluteMinimum, preferred);
    } else {  // one line with the smallest letters: cut it
      plan.padding = 0;
      plan.width = std::min(plan.width, width);
      plan.height = std::min(plan.height, height);
      pango_layout_set_width(plan.title.get(), static_cast<int>(plan.width * PANGO_SCALE));
      pango_layout_set_ellipsize(plan.title.get(), PANGO_ELLIPSIZE_END);
      return plan;
    }
  }
}

void roundedBox(cairo_t *context, double width, double height, double radius) {
  radius = std::min({radius, width / 2, height / 2});
  cairo_new_sub_path(context);
  cairo_arc(context, width - radius, radius, radius, -G_PI / 2, 0);
  cairo_arc(context, width - radius, height - radius, radius, 0, G_PI / 2);
  cairo_arc(context, radius, height - radius, radius, G_PI / 2, G_PI);
  cairo_arc(context, radius, radius, radius, G_PI, 3 * G_PI / 2);
  cairo_close_path(context);
}

void draw(cairo_t *context, const Plan &plan) {
  roundedBox(context, plan.width, plan.height, plan.padding);
  cairo_set_source_rgba(context, 0.04, 0.05, 0.07, 0.72);
  cairo_fill(context);

  const double x = plan.padding;
  double y = plan.padding;
  cairo_set_source_rgba(context, 1, 1, 1, 1);
  cairo_move_to(context, x, y);
  pango_cairo_show_layout(context, plan.title.get());
  y += measure(plan.title.get()).height;
  if (plan.subtitle) {
    cairo_set_source_rgba(context, 0.85, 0.88, 0.92, 1);
    cairo_move_to(context, x, y);
    pango_cairo_show_layout(context, plan.subtitle.get());
    y += measure(plan.subtitle.get()).height;
  }
  for (const Plan::Row &row : plan.rows) {
    const double bar_x = x + plan.label_column + plan.padding, bar_length = kBarLength * plan.font;
    cairo_set_source_rgba(context, 1, 1, 1, 1);
    cairo_move_to(context, x, y);
    pango_cairo_show_layout(context, row.label.get());
    cairo_set_source_rgba(context, 1, 1, 1, 0.18);
    cairo_rectangle(context, bar_x, y + row.height * 0.25, bar_length, row.height * 0.5);
    cairo_fill(context);
    cairo_set_source_rgba(context, 0.35, 0.75, 1, 1);
    cairo_rectangle(context, bar_x, y + row.height * 0.25, bar_length * row.fraction, row.height * 0.5);
    cairo_fill(context);
    cairo_set_source_rgba(context, 1, 1, 1, 1);
    cairo_move_to(context, bar_x + bar_length + plan.padding, y);
    pango_cairo_show_layout(context, row.percent.get());
    y += row.height;
  }
}

// The upper left corner of a box in a picture.
void place(gint position, int margin, int width, int height, int picture_width, int picture_height, int *x, int *y) {
  const int free_x = picture_width - width, free_y = picture_height - height;
  const int right = std::max(0, free_x - margin), bottom = std::max(0, free_y - margin);
  switch (position) {
    case kTop:
    case kBottom:
      *x = free_x / 2;
      break;
    case kTopRight:
    case kBottomRight:
      *x = right;
      break;
    default:
      *x = std::min(margin, free_x);
  }
  *y = position >= kBottomLeft ? bottom : std::min(margin, free_y);
  *x = edgeBelow(*x);
  *y = edgeBelow(*y);
}

}  // namespace

DrawnLabel drawLabel(const LabelText &text, gdouble font_scale, const GstVideoInfo &info) {
  const int picture_width = GST_VIDEO_INFO_WIDTH(&info), picture_height = GST_VIDEO_INFO_HEIGHT(&info);
  const double stretch = info.par_n > 0 && info.par_d > 0 ? static_cast<double>(info.par_d) / info.par_n : 1.0;

  Surface scratch(cairo_image_surface_create(CAIRO_FORMAT_ARGB32, 1, 1));
  Context measuring(cairo_create(scratch.get()));
  const Plan plan = fit(measuring.get(), text, font_scale, picture_width / stretch, picture_height);

  DrawnLabel drawn;
  drawn.font = plan.font;
  drawn.width = edgeAbove(static_cast<int>(std::ceil(plan.width * stretch)), picture_width);
  drawn.height = edgeAbove(static_cast<int>(std::ceil(plan.height)), picture_height);
  const int stride = cairo_format_stride_for_width(CAIRO_FORMAT_ARGB32, drawn.width);
  GstBuffer *pixels = gst_buffer_new_allocate(nullptr, static_cast<gsize>(stride) * drawn.height, nullptr);
  if (!pixels) return drawn;
  gst_buffer_memset(pixels, 0, 0, static_cast<gsize>(stride) * drawn.height);
  GstMapInfo map;
  if (!gst_buffer_map(pixels, &map, GST_MAP_READWRITE)) {
    gst_buffer_unref(pixels);
    return drawn;
  }
  {
    Surface surface(cairo_image_surface_create_for_data(map.data, CAIRO_FORMAT_ARGB32, drawn.width, drawn.height, stride));
    Context context(cairo_create(surface.get()));
    cairo_scale(context.get(), stretch, 1);
    draw(context.get(), plan);
    cairo_surface_flush(surface.get());
  }
  gst_buffer_unmap(pixels, &map);

  gsize offsets[GST_VIDEO_MAX_PLANES] = {0};
  gint strides[GST_VIDEO_MAX_PLANES] = {stride};
  gst_buffer_add_video_meta_full(pixels, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, drawn.width, drawn.height, 1, offsets,
                                 strides);
  drawn.pixels = pixels;
  return drawn;
}

Rectangle placeLabel(const DrawnLabel &label, gint x, gint y) {
  return Rectangle(
      gst_video_overlay_rectangle_new_raw(label.pixels, x, y, label.width, label.height, GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA));
}

Rectangle renderLabel(const LabelText &text, const LabelStyle &style, const GstVideoInfo &info) {
  const DrawnLabel drawn = drawLabel(text, style.font_scale, info);
  if (!drawn.pixels) return nullptr;
  int x = 0, y = 0;
  place(style.position, static_cast<int>(drawn.font * 0.6), drawn.width, drawn.height, GST_VIDEO_INFO_WIDTH(&info), GST_VIDEO_INFO_HEIGHT(&info), &x,
        &y);
  Rectangle rectangle = placeLabel(drawn, x, y);
  gst_buffer_unref(drawn.pixels);
  return rectangle;
}

std::string labelTitle(const ActionRecord &record) {
  return record.labels[0] + "\u2002" + std::to_string(std::lround(record.confidences[0] * 100)) + " %";
}

std::string formatTime(GstClockTime time) {
  const guint64 tenths = gst_util_uint64_scale_round(time, 10, GST_SECOND);
  const guint64 seconds = tenths / 10, minutes = seconds / 60, hours = minutes / 60;
  gchar text[64];
  if (hours)
    g_snprintf(text, sizeof text, "%u:%02u:%02u.%u", guint(hours), guint(minutes % 60), guint(seconds % 60), guint(tenths % 10));
  else if (minutes)
    g_snprintf(text, sizeof text, "%u:%02u.%u", guint(minutes), guint(seconds % 60), guint(tenths % 10));
  else
    g_snprintf(text, sizeof text, "%u.%u s", guint(seconds), guint(tenths % 10));
  return text;
}

}  // namespace sta::gst
