// SPDX-License-Identifier: MIT
// Helpers of the preprocessing tests: frames of any format with chosen padding and row order, and a slow oracle in
// double precision. The oracle is written from the definitions of the formats, without the tables of
// sta-core/preprocess, so it does not repeat a mistake made there.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "preprocess/preprocess.h"

namespace preprocess_test {

using Rgb = std::array<double, 3>;

inline constexpr sta_pixel_format kAllFormats[] = {STA_FORMAT_I420, STA_FORMAT_YV12,  STA_FORMAT_NV12,    STA_FORMAT_YUY2,     STA_FORMAT_UYVY,
                                                   STA_FORMAT_RGB,  STA_FORMAT_BGR,   STA_FORMAT_RGBX,    STA_FORMAT_BGRX,     STA_FORMAT_XRGB,
                                                   STA_FORMAT_XBGR, STA_FORMAT_GRAY8, STA_FORMAT_P010_LE, STA_FORMAT_I420_10LE};
inline constexpr sta_color_matrix kAllMatrices[] = {STA_MATRIX_BT601, STA_MATRIX_BT709, STA_MATRIX_BT2020, STA_MATRIX_SMPTE240M, STA_MATRIX_FCC};

inline bool is_rgb(sta_pixel_format f) { return f >= STA_FORMAT_RGB && f <= STA_FORMAT_XBGR; }
inline bool is_yuv(sta_pixel_format f) { return !is_rgb(f) && f != STA_FORMAT_GRAY8; }
inline bool is_10bit(sta_pixel_format f) { return f == STA_FORMAT_P010_LE || f == STA_FORMAT_I420_10LE; }

struct Layout {
  int padding = 0;         // bytes after each row except the last: a sanitizer reports any read past the frame
  bool bottom_up = false;  // negative strides
  uint32_t poison = 1;     // seed of all bytes that are not part of the picture
};

// A frame that owns its memory. Codes are the sample values, 8 or 10 bits: Y U V, R G B or Y.
class Frame {
 public:
  Frame(sta_pixel_format format, int width, int height, const Layout &layout = {});
  Frame(const Frame &) = delete;

  void set(int component, int x, int y, int code);  // for chroma: sets the whole block
  int get(int component, int x, int y) const;
  int components() const { return frame.format == STA_FORMAT_GRAY8 ? 1 : 3; }
  // Every sample is a random code. The same seed gives the same codes, whatever the layout, and for every format with
  // the same samples.
  Frame &fill_random(uint32_t seed);
  Frame &fill(const std::function<int(int component, int x, int y)> &code);
  // R'G'B' in levels 0..255, neither clipped nor rounded, from the textbook formula.
  Rgb rgb(int x, int y) const;

  sta_frame frame{};

 private:
  uint8_t *sample(int component, int x, int y) const;
  int chroma_width() const { return (frame.width + 1) / 2; }
  std::vector<uint8_t> memory_[3];
};

// Where the output pixels lie in the source, computed the plain way.
struct Place {
  double scale_x, scale_y;  // source pixels per output pixel
  long long crop_x, crop_y;
};
Place place(const sta_frame &frame, const sta::PreprocessSpec &spec);

// A picture of doubles, [height][width], the source of the slow resizes.
struct Picture {
  int width, height;
  std::vector<Rgb> pixels;
  const Rgb &at(int x, int y) const { return pixels[static_cast<size_t>(y) * width + x]; }
};
Picture picture_of(
    const Frame &frame, const std::function<double(double)> &each = [](double v) { return v; });

// [spec.height][spec.width], unclipped.
std::vector<Rgb> slow_bilinear(const Picture &picture, const Place &place, const sta::PreprocessSpec &spec);
std::vector<Rgb> slow_triangle(const Picture &picture, const Place &place, const sta::PreprocessSpec &spec);

// Preprocessor on one frame; fails the test on an error.
std::vector<uint8_t> run(const sta_frame &frame, const sta::PreprocessSpec &spec);
// Largest distance of the bytes from the clipped doubles.
double largest_error(const std::vector<uint8_t> &bytes, const std::vector<Rgb> &expected);
int largest_difference(const std::vector<uint8_t> &a, const std::vector<uint8_t> &b);
std::string describe(const sta_frame &frame, const sta::PreprocessSpec &spec);

double clip(double v);

}  // namespace preprocess_test
