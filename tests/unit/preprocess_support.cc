// SPDX-License-Identifier: MIT
// Frames and the slow oracle of the preprocessing tests.
#include "preprocess_support.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace preprocess_test {

Frame::Frame(sta_pixel_format format, int width, int height, const Layout &layout) {
  frame.struct_size = sizeof(frame);
  frame.format = format;
  frame.width = width;
  frame.height = height;
  frame.matrix = is_yuv(format) ? STA_MATRIX_BT709 : STA_MATRIX_RGB;
  frame.duration = STA_TIME_NONE;
  const int cw = (width + 1) / 2, ch = (height + 1) / 2;
  std::vector<std::pair<int, int>> planes;  // bytes a row, rows
  switch (format) {
    case STA_FORMAT_I420:
    case STA_FORMAT_YV12:
      planes = {{width, height}, {cw, ch}, {cw, ch}};
      break;
    case STA_FORMAT_I420_10LE:
      planes = {{2 * width, height}, {2 * cw, ch}, {2 * cw, ch}};
      break;
    case STA_FORMAT_NV12:
      planes = {{width, height}, {2 * cw, ch}};
      break;
    case STA_FORMAT_P010_LE:
      planes = {{2 * width, height}, {4 * cw, ch}};
      break;
    case STA_FORMAT_YUY2:
    case STA_FORMAT_UYVY:
      planes = {{4 * cw, height}};
      break;
    case STA_FORMAT_RGB:
    case STA_FORMAT_BGR:
      planes = {{3 * width, height}};
      break;
    case STA_FORMAT_GRAY8:
      planes = {{width, height}};
      break;
    default:
      planes = {{4 * width, height}};
  }
  std::mt19937 random(layout.poison);
  for (size_t p = 0; p < planes.size(); ++p) {
    const int stride = planes[p].first + layout.padding, rows = planes[p].second;
    memory_[p].resize(static_cast<size_t>(stride) * (rows - 1) + planes[p].first);
    for (uint8_t &byte : memory_[p]) byte = static_cast<uint8_t>(random());
    frame.plane[p] = memory_[p].data() + (layout.bottom_up ? static_cast<ptrdiff_t>(stride) * (rows - 1) : 0);
    frame.stride[p] = layout.bottom_up ? -stride : stride;
  }
}

uint8_t *Frame::sample(int component, int x, int y) const {
  int plane = 0, offset = x;
  const int cx = x / 2;
  switch (frame.format) {
    case STA_FORMAT_I420:
    case STA_FORMAT_YV12:
    case STA_FORMAT_I420_10LE:
      if (component > 0) {
        plane = (component == 1) == (frame.format != STA_FORMAT_YV12) ? 1 : 2;
        offset = cx;
        y /= 2;
      }
      break;
    case STA_FORMAT_NV12:
    case STA_FORMAT_P010_LE:
      if (component > 0) {
        plane = 1;
        offset = 2 * cx + component - 1;
        y /= 2;
      }
      break;
    case STA_FORMAT_YUY2:  // Y U Y V
      offset = component == 0 ? 2 * x : 4 * cx + (component == 1 ? 1 : 3);
      break;
    case STA_FORMAT_UYVY:  // U Y V Y
      offset = component == 0 ? 2 * x + 1 : 4 * cx + (component == 1 ? 0 : 2);
      break;
    case STA_FORMAT_RGB:
      offset = 3 * x + component;
      break;
    case STA_FORMAT_BGR:
      offset = 3 * x + 2 - component;
      break;
    case STA_FORMAT_RGBX:
      offset = 4 * x + component;
      break;
    case STA_FORMAT_BGRX:
      offset = 4 * x + 2 - component;
      break;
    case STA_FORMAT_XRGB:
      offset = 4 * x + 1 + component;
      break;
    case STA_FORMAT_XBGR:
      offset = 4 * x + 3 - component;
      break;
    default:
      break;
  }
  return const_cast<uint8_t *>(frame.plane[plane]) + static_cast<ptrdiff_t>(y) * frame.stride[plane] + offset * (is_10bit(frame.format) ? 2 : 1);
}

void Frame::set(int component, int x, int y, int code) {
  uint8_t *s = sample(component, x, y);
  if (!is_10bit(frame.format)) {
    s[0] = static_cast<uint8_t>(code);
    return;
  }
  // The 6 bits that carry no value stay poisoned.
  const int old = s[0] | s[1] << 8;
  const int word = frame.format == STA_FORMAT_P010_LE ? (code << 6 | (old & 0x3f)) : (code | (old & 0xfc00));
  s[0] = static_cast<uint8_t>(word & 0xff);
  s[1] = static_cast<uint8_t>(word >> 8);
}

int Frame::get(int component, int x, int y) const {
  const uint8_t *s = sample(component, x, y);
  if (!is_10bit(frame.format)) return s[0];
  const int word = s[0] | s[1] << 8;
  return frame.format == STA_FORMAT_P010_LE ? word >> 6 : word & 0x3ff;
}

Frame &Frame::fill(const std::function<int(int, int, int)> &code) {
  for (int y = 0; y < frame.height; ++y)
    for (int x = 0; x < frame.width; ++x)
      for (int c = 0; c < components(); ++c) set(c, x, y, code(c, x, y));
  return *this;
}

Frame &Frame::fill_random(uint32_t seed) {
  const bool half_x = is_yuv(frame.format);
  const bool half_y = half_x && frame.format != STA_FORMAT_YUY2 && frame.format != STA_FORMAT_UYVY;
  const uint32_t mask = is_10bit(frame.format) ? 0x3ff : 0xff;
  for (int c = 0; c < components(); ++c) {
    std::mt19937 random(seed * 3 + static_cast<uint32_t>(c));
    const int step_x = c > 0 && half_x ? 2 : 1, step_y = c > 0 && half_y ? 2 : 1;
    for (int y = 0; y < frame.height; y += step_y)
      for (int x = 0; x < frame.width; x += step_x) set(c, x, y, static_cast<int>(random() & mask));
  }
  return *this;
}

Rgb Frame::rgb(int x, int y) const {
  const double first = get(0, x, y);
  if (is_rgb(frame.format)) return {first, static_cast<double>(get(1, x, y)), static_cast<double>(get(2, x, y))};
  const double unit = is_10bit(frame.format) ? 4 : 1, top = is_10bit(frame.format) ? 1023 : 255;
  const double luma = frame.full_range ? first / top : (first - 16 * unit) / (219 * unit);
  if (frame.format == STA_FORMAT_GRAY8) return {255 * luma, 255 * luma, 255 * luma};
  const double c_span = frame.full_range ? top : 224 * unit;
  const double cb = (get(1, x, y) - 128 * unit) / c_span, cr = (get(2, x, y) - 128 * unit) / c_span;
  double kr = 0, kb = 0;
  switch (frame.matrix) {
    case STA_MATRIX_BT601:
      kr = 0.299, kb = 0.114;
      break;
    case STA_MATRIX_BT709:
      kr = 0.2126, kb = 0.0722;
      break;
    case STA_MATRIX_BT2020:
      kr = 0.2627, kb = 0.0593;
      break;
    case STA_MATRIX_SMPTE240M:
      kr = 0.212, kb = 0.087;
      break;
    case STA_MATRIX_FCC:
      kr = 0.3, kb = 0.11;
      break;
    default:
      ADD_FAILURE() << "no matrix";
  }
  const double r = luma + 2 * (1 - kr) * cr, b = luma + 2 * (1 - kb) * cb;
  return {255 * r, 255 * (luma - kr * r - kb * b) / (1 - kr - kb), 255 * b};
}

Place place(const sta_frame &frame, const sta::PreprocessSpec &spec) {
  const long double wide = static_cast<long double>(frame.width) * (frame.par_n ? frame.par_n : 1) / (frame.par_d ? frame.par_d : 1);
  const long double tall = frame.height;
  auto whole = [](long double v) { return static_cast<long long>(std::floor(v + 1e-9L)); };
  long long rw = wide < tall ? spec.resize.short_side : whole(spec.resize.short_side * wide / tall);
  long long rh = wide < tall ? whole(spec.resize.short_side * tall / wide) : spec.resize.short_side;
  if (spec.resize.width > 0) rw = spec.resize.width, rh = spec.resize.height;
  if (rw < spec.width) rw = spec.width, rh = whole(spec.width * tall / wide);
  if (rh < spec.height) rh = spec.height, rw = whole(spec.height * wide / tall);
  return {static_cast<double>(frame.width) / static_cast<double>(rw), static_cast<double>(frame.height) / static_cast<double>(rh),
          (rw - spec.width) / 2, (rh - spec.height) / 2};
}

Picture picture_of(const Frame &frame, const std::function<double(double)> &each) {
  Picture picture{frame.frame.width, frame.frame.height, {}};
  picture.pixels.reserve(static_cast<size_t>(picture.width) * picture.height);
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x) {
      Rgb rgb = frame.rgb(x, y);
      for (double &v : rgb) v = each(v);
      picture.pixels.push_back(rgb);
    }
  return picture;
}

namespace {

// Sums the source pixels within `support` of the centre with triangle weights. Pixels outside the picture are clamped
// to the edge, or left out.
std::vector<Rgb> resize(const Picture &picture, const Place &place, const sta::PreprocessSpec &spec, double support_x, double support_y, bool clamp) {
  struct Tap {
    int index;
    double weight;
  };
  auto taps_of = [&](double centre, double support, int size) {
    std::vector<Tap> taps;
    double total = 0;
    for (long long i = static_cast<long long>(std::floor(centre - support)) - 1; i <= static_cast<long long>(std::ceil(centre + support)) + 1; ++i) {
      const double weight = 1 - std::abs((static_cast<double>(i) + 0.5 - centre) / support);
      if (weight <= 0 || (!clamp && (i < 0 || i >= size))) continue;
      taps.push_back({static_cast<int>(std::clamp<long long>(i, 0, size - 1)), weight});
      total += weight;
    }
    for (Tap &tap : taps) tap.weight /= total;
    return taps;
  };
  std::vector<Rgb> out;
  for (int y = 0; y < spec.height; ++y) {
    const auto rows = taps_of((static_cast<double>(place.crop_y + y) + 0.5) * place.scale_y, support_y, picture.height);
    std::vector<Rgb> line(static_cast<size_t>(picture.width), Rgb{});
    for (const Tap &row : rows)
      for (int x = 0; x < picture.width; ++x)
        for (int c = 0; c < 3; ++c) line[x][c] += row.weight * picture.at(x, row.index)[c];
    for (int x = 0; x < spec.width; ++x) {
      Rgb sum{};
      for (const Tap &column : taps_of((static_cast<double>(place.crop_x + x) + 0.5) * place.scale_x, support_x, picture.width))
        for (int c = 0; c < 3; ++c) sum[c] += column.weight * line[column.index][c];
      out.push_back(sum);
    }
  }
  return out;
}

}  // namespace

std::vector<Rgb> slow_bilinear(const Picture &picture, const Place &place, const sta::PreprocessSpec &spec) {
  return resize(picture, place, spec, 1, 1, true);
}

std::vector<Rgb> slow_triangle(const Picture &picture, const Place &place, const sta::PreprocessSpec &spec) {
  return resize(picture, place, spec, std::max(1.0, place.scale_x), std::max(1.0, place.scale_y), false);
}

std::vector<uint8_t> run(const sta_frame &frame, const sta::PreprocessSpec &spec) {
  const size_t size = static_cast<size_t>(spec.height) * spec.width * 3;
  std::vector<uint8_t> rgb(size);
  sta::Preprocessor preprocessor(spec);
  auto status = preprocessor.run(frame, rgb.data());
  EXPECT_TRUE(status) << (status ? "" : status.error().message) << " " << describe(frame, spec);
  return rgb;
}

double clip(double v) { return std::clamp(v, 0.0, 255.0); }

double largest_error(const std::vector<uint8_t> &bytes, const std::vector<Rgb> &expected) {
  EXPECT_EQ(bytes.size(), expected.size() * 3);
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i)
    for (int c = 0; c < 3; ++c)
      largest = std::max(largest, std::abs(bytes[3 * i + static_cast<size_t>(c)] - clip(expected[i][static_cast<size_t>(c)])));
  return largest;
}

int largest_difference(const std::vector<uint8_t> &a, const std::vector<uint8_t> &b) {
  EXPECT_EQ(a.size(), b.size());
  int largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

std::string describe(const sta_frame &f, const sta::PreprocessSpec &s) {
  return "format " + std::to_string(f.format) + " " + std::to_string(f.width) + "x" + std::to_string(f.height) + " stride " +
         std::to_string(f.stride[0]) + " matrix " + std::to_string(f.matrix) + " full " + std::to_string(f.full_range) + " par " +
         std::to_string(f.par_n) + "/" + std::to_string(f.par_d) + " to " + std::to_string(s.width) + "x" + std::to_string(s.height) + " short " +
         std::to_string(s.resize.short_side) + (s.antialias ? " antialias" : " bilinear");
}

}  // namespace preprocess_test
