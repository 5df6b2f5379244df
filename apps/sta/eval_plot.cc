// SPDX-License-Identifier: MIT
// See eval_plot.h.
#include "eval_plot.h"

#include <cairo.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>

#include "options.h"

namespace cli {
namespace {

constexpr double kWidth = 800, kHeight = 520, kLeft = 80, kRight = 30, kTop = 50, kBottom = 70;

struct Surface {
  void operator()(cairo_surface_t *s) const { cairo_surface_destroy(s); }
};
struct Context {
  void operator()(cairo_t *c) const { cairo_destroy(c); }
};

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof(text), "%g", std::round(value * 1e6) / 1e6);
  return text;
}

// ax, ay: the part of the text that lies on the point: 0 begin, 0.5 middle, 1 end.
void draw_text(cairo_t *cr, double x, double y, const std::string &text, double ax, double ay) {
  cairo_text_extents_t e;
  cairo_text_extents(cr, text.c_str(), &e);
  cairo_move_to(cr, x - ax * e.width - e.x_bearing, y - ay * e.height - e.y_bearing);
  cairo_show_text(cr, text.c_str());
}

struct Axis {
  std::vector<double> ticks;
  double from, to;  // pixels of the first and the last tick
  double at(double value) const { return from + (value - ticks.front()) / (ticks.back() - ticks.front()) * (to - from); }
};

void draw_axes(cairo_t *cr, const Axis &x, const Axis &y, const std::string &title) {
  cairo_set_line_width(cr, 1);
  for (const double tick : x.ticks) {
    cairo_set_source_rgb(cr, 0.88, 0.88, 0.88);
    cairo_move_to(cr, x.at(tick), y.from);
    cairo_line_to(cr, x.at(tick), y.to);
    cairo_stroke(cr);
    cairo_set_source_rgb(cr, 0.2, 0.2, 0.2);
    draw_text(cr, x.at(tick), y.from + 10, number(tick), 0.5, 0);
  }
  for (const double tick : y.ticks) {
    cairo_set_source_rgb(cr, 0.88, 0.88, 0.88);
    cairo_move_to(cr, x.from, y.at(tick));
    cairo_line_to(cr, x.to, y.at(tick));
    cairo_stroke(cr);
    cairo_set_source_rgb(cr, 0.2, 0.2, 0.2);
    draw_text(cr, x.from - 10, y.at(tick), number(tick), 1, 0.5);
  }
  draw_text(cr, (x.from + x.to) / 2, kHeight - 18, "GMACs of one view", 0.5, 1);
  draw_text(cr, (x.from + x.to) / 2, 18, title, 0.5, 0);
  cairo_save(cr);
  cairo_translate(cr, 22, (y.from + y.to) / 2);
  cairo_rotate(cr, -1.5707963267948966);
  draw_text(cr, 0, 0, "top-1 [%]", 0.5, 0.5);
  cairo_restore(cr);
}

}  // namespace

std::vector<double> axis_ticks(double low, double high, int wanted) {
  if (!(high - low > 1e-9 * std::max(1.0, std::abs(high)))) {  // only one value: makes room around it
    const double room = std::max(1.0, std::abs(high) * 0.05);
    low -= room;
    high += room;
  }
  const double rough = (high - low) / std::max(1, wanted), power = std::pow(10.0, std::floor(std::log10(rough)));
  const double digit = rough / power, step = power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
  const long first = static_cast<long>(std::floor(low / step + 1e-9)), last = static_cast<long>(std::ceil(high / step - 1e-9));
  std::vector<double> ticks;
  for (long i = first; i <= std::max(last, first + 1); ++i) ticks.push_back(static_cast<double>(i) * step);
  return ticks;
}

void write_plot(const EvalReport &report, const std::string &path) {
  std::vector<EvalPoint> points = report.points;
  std::sort(points.begin(), points.end(), [](const EvalPoint &a, const EvalPoint &b) { return a.gmacs < b.gmacs; });
  const auto by_top1 = [](const EvalPoint &a, const EvalPoint &b) { return a.tally.top1() < b.tally.top1(); };
  const auto [low, high] = std::minmax_element(points.begin(), points.end(), by_top1);
  const Axis x{axis_ticks(points.front().gmacs, points.back().gmacs, 6), kLeft, kWidth - kRight};
  const Axis y{axis_ticks(100 * low->tally.top1(), 100 * high->tally.top1(), 5), kHeight - kBottom, kTop};

  const std::unique_ptr<cairo_surface_t, Surface> surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(kWidth), static_cast<int>(kHeight)));
  const std::unique_ptr<cairo_t, Context> context(cairo_create(surface.get()));
  cairo_t *cr = context.get();
  cairo_set_source_rgb(cr, 1, 1, 1);
  cairo_paint(cr);
  cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cr, 15);
  draw_axes(cr, x, y, report.model + ", " + std::to_string(points[0].tally.videos) + " videos");

  cairo_set_source_rgb(cr, 0.1, 0.35, 0.75);
  cairo_set_line_width(cr, 2);
  std::map<double, std::vector<const EvalPoint *>> lines;
  for (const EvalPoint &p : points) lines[p.still_threshold].push_back(&p);
  for (const auto &[threshold, line] : lines) {
    cairo_new_path(cr);  // the last text has left a current point
    for (const EvalPoint *p : line) cairo_line_to(cr, x.at(p->gmacs), y.at(100 * p->tally.top1()));
    cairo_stroke(cr);
  }
  for (const EvalPoint &p : points) {
    const double px = x.at(p.gmacs), py = y.at(100 * p.tally.top1());
    cairo_new_path(cr);
    cairo_arc(cr, px, py, 5, 0, 6.283185307179586);
    cairo_fill(cr);
    const std::string name = "r = " + std::to_string(p.drop_number) + (lines.size() > 1 ? ", still " + number(p.still_threshold) : "");
    // Puts the label on the side towards the plot's middle, so that no label leaves the plot.
    draw_text(cr, px, py + (py < (y.from + y.to) / 2 ? 12 : -12), name, px > (x.from + x.to) / 2 ? 1 : 0, py < (y.from + y.to) / 2 ? 0 : 1);
  }
  cairo_surface_flush(surface.get());
  const cairo_status_t status = cairo_surface_write_to_png(surface.get(), path.c_str());
  if (status != CAIRO_STATUS_SUCCESS) throw RunError(path + ": cannot be written: " + cairo_status_to_string(status));
}

}  // namespace cli
