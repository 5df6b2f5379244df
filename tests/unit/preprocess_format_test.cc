// SPDX-License-Identifier: MIT
// Tests every pixel format against the slow oracle: where samples are found, matrices, ranges, odd sizes, padding, row
// order.
#include <algorithm>
#include <cmath>

#include "preprocess_support.h"

namespace preprocess_test {
namespace {

constexpr std::pair<int, int> kSizes[] = {{1, 1}, {1, 7}, {7, 1}, {2, 2}, {3, 5}, {17, 31}, {31, 17}, {32, 32}, {641, 479}};

sta::PreprocessSpec spec_of(bool antialias) { return {32, 32, 36, antialias}; }

// Fixed point may round the other way if the real value lies this close to a tie: color.h says 0.0003.
constexpr double kTie = 0.0005;

double nearest(double v) { return clip(std::floor(v + 0.5)); }

// The u8 RGB frame that a frame stands for, as the oracle converts it. `shift` moves all values before they are
// rounded.
std::vector<uint8_t> run_converted(const Frame &frame, const sta::PreprocessSpec &spec, double shift) {
  Frame rgb(STA_FORMAT_RGB, frame.frame.width, frame.frame.height);
  rgb.frame.par_n = frame.frame.par_n;
  rgb.frame.par_d = frame.frame.par_d;
  rgb.fill([&](int c, int x, int y) { return static_cast<int>(nearest(frame.rgb(x, y)[static_cast<size_t>(c)] + shift)); });
  return run(rgb.frame, spec);
}

// Bilinear is defined as: convert each pixel to u8 RGB, then resize bytes. The test is exact except for ties. The
// resize is monotonic, so the result lies between two others: of the frame rounded a little down and of the frame
// rounded a little up.
void expect_bilinear(const Frame &frame, const sta::PreprocessSpec &spec) {
  const std::vector<uint8_t> got = run(frame.frame, spec), low = run_converted(frame, spec, -kTie), high = run_converted(frame, spec, kTie);
  for (size_t i = 0; i < got.size(); ++i)
    if (got[i] < low[i] || got[i] > high[i]) {
      ADD_FAILURE() << describe(frame.frame, spec) << " byte " << i << " is " << int(got[i]) << ", not " << int(low[i]) << " .. " << int(high[i]);
      return;
    }
  // Also compared with a resize that is not ours. 0.80 is OpenCV's error on bytes; added to it is what a tie may
  // change.
  const Place where = place(frame.frame, spec);
  EXPECT_LT(largest_error(got, slow_bilinear(picture_of(frame, nearest), where, spec)), 0.81 + 1e-2 + (low == high ? 0 : 1))
      << describe(frame.frame, spec);
}

// Antialiasing is linear throughout: half a level for the rounding, and the loss of 16-bit sums.
void expect_antialias(const Frame &frame, const sta::PreprocessSpec &spec) {
  const double error = largest_error(run(frame.frame, spec), slow_triangle(picture_of(frame), place(frame.frame, spec), spec));
  EXPECT_LT(error, 0.65) << describe(frame.frame, spec);
}

TEST(PreprocessFormat, EveryFormatAndSizeEqualsTheOracle) {
  uint32_t seed = 1;
  for (sta_pixel_format format : kAllFormats)
    for (const auto &[width, height] : kSizes)
      for (int variant = 0; variant < (width < 100 ? 4 : 1); ++variant, ++seed) {
        Frame frame(format, width, height, {variant % 2 ? 13 : 0, variant >= 2, seed});
        frame.fill_random(seed);
        frame.frame.full_range = static_cast<int>(seed % 2);
        if (is_yuv(format)) frame.frame.matrix = kAllMatrices[seed % 5];
        expect_bilinear(frame, spec_of(false));
        expect_antialias(frame, spec_of(true));
      }
}

TEST(PreprocessFormat, EveryMatrixAndRangeEqualsTheOracle) {
  for (sta_pixel_format format : {STA_FORMAT_NV12, STA_FORMAT_YUY2, STA_FORMAT_P010_LE, STA_FORMAT_I420_10LE})
    for (sta_color_matrix matrix : kAllMatrices)
      for (int full : {0, 1}) {
        Frame frame(format, 47, 40);
        frame.fill_random(static_cast<uint32_t>(matrix) * 2 + static_cast<uint32_t>(full));
        frame.frame.matrix = matrix;
        frame.frame.full_range = full;
        expect_bilinear(frame, spec_of(false));
        expect_antialias(frame, spec_of(true));
      }
}

// The conversion of each of the 2^24 codes, in frames with one chroma pair per row that are not scaled. It must be
// right within half a level, except for ties.
TEST(PreprocessFormat, ConversionIsRoundedToNearestForAllCodes) {
  const sta::PreprocessSpec spec{256, 256, 256, false};
  for (const auto &[matrix, full] : {std::pair(STA_MATRIX_BT601, 0), std::pair(STA_MATRIX_BT709, 1)}) {
    Frame frame(STA_FORMAT_YUY2, 256, 256);
    frame.frame.matrix = matrix;
    frame.frame.full_range = full;
    frame.fill([](int c, int x, int y) { return c == 0 ? x : y; });
    double worst = 0;
    for (int u = 0; u < 256; u += 5) {
      frame.fill([&](int c, int x, int y) { return c == 0 ? x : c == 1 ? u : y; });
      worst = std::max(worst, largest_error(run(frame.frame, spec), picture_of(frame).pixels));
    }
    EXPECT_LT(worst, 0.5 + kTie) << "matrix " << matrix << " full " << full;
  }
}

// If no pixel needs clipping, filtering is the same as to convert first and then filter. That is the definition behind
// the fast path. The tolerance is one level, because the definition rounds each pixel and the fast path does not.
TEST(PreprocessFormat, AntialiasEqualsConvertingFirst) {
  for (sta_pixel_format format : {STA_FORMAT_I420, STA_FORMAT_NV12, STA_FORMAT_YUY2, STA_FORMAT_P010_LE})
    for (const auto &[width, height] : {std::pair(320, 240), std::pair(101, 157), std::pair(20, 11)}) {
      Frame frame(format, width, height);
      frame.fill_random(9);
      const int unit = is_10bit(format) ? 4 : 1;
      Frame mild(format, width, height);  // luma 80 .. 143, chroma 112 .. 143: inside the gamut
      mild.fill([&](int c, int x, int y) { return c == 0 ? 80 * unit + frame.get(c, x, y) / 4 : 112 * unit + frame.get(c, x, y) / 8; });
      const sta::PreprocessSpec spec = spec_of(true);
      const std::vector<Rgb> slow = slow_triangle(picture_of(mild, nearest), place(mild.frame, spec), spec);
      std::vector<uint8_t> bytes;
      for (const Rgb &rgb : slow)
        for (double v : rgb) bytes.push_back(static_cast<uint8_t>(nearest(v)));
      EXPECT_LE(largest_difference(run(mild.frame, spec), bytes), 1) << describe(mild.frame, spec);
    }
}

TEST(PreprocessFormat, SamePictureInAnotherFormatIsTheSame) {
  const std::vector<std::vector<sta_pixel_format>> groups = {
      {STA_FORMAT_I420, STA_FORMAT_YV12, STA_FORMAT_NV12},
      {STA_FORMAT_YUY2, STA_FORMAT_UYVY},
      {STA_FORMAT_P010_LE, STA_FORMAT_I420_10LE},
      {STA_FORMAT_RGB, STA_FORMAT_BGR, STA_FORMAT_RGBX, STA_FORMAT_BGRX, STA_FORMAT_XRGB, STA_FORMAT_XBGR}};
  for (bool antialias : {false, true})
    for (const auto &group : groups)
      for (const auto &[width, height] : kSizes) {
        std::vector<uint8_t> first;
        for (sta_pixel_format format : group) {
          Frame frame(format, width, height, {0, false, static_cast<uint32_t>(format)});
          frame.fill_random(5);
          const std::vector<uint8_t> rgb = run(frame.frame, spec_of(antialias));
          if (first.empty()) first = rgb;
          EXPECT_EQ(rgb, first) << describe(frame.frame, spec_of(antialias));
        }
      }
}

// 8-bit values stored in 10 bits. When filtered, the results must be exactly equal, as both are the same Q8 values.
// When converted per pixel, the factors may round a tie differently.
TEST(PreprocessFormat, TenBitOfEightBitPictureIsTheSame) {
  for (bool antialias : {false, true}) {
    Frame eight(STA_FORMAT_NV12, 61, 43), ten(STA_FORMAT_P010_LE, 61, 43);
    eight.fill_random(3);
    ten.fill([&](int c, int x, int y) { return 4 * eight.get(c, x, y); });
    EXPECT_LE(largest_difference(run(eight.frame, spec_of(antialias)), run(ten.frame, spec_of(antialias))), antialias ? 0 : 1);
  }
}

// 4:2:0, passed as 4:2:2 with each chroma row twice.
TEST(PreprocessFormat, PlanarAndPackedAgree) {
  for (bool antialias : {false, true}) {
    Frame planar(STA_FORMAT_I420, 123, 77), packed(STA_FORMAT_YUY2, 123, 77);
    planar.fill_random(4);
    packed.fill([&](int c, int x, int y) { return planar.get(c, x, y); });
    EXPECT_LE(largest_difference(run(planar.frame, spec_of(antialias)), run(packed.frame, spec_of(antialias))), antialias ? 1 : 0);
  }
}

TEST(PreprocessFormat, GrayIsYuvWithoutColor) {
  for (bool antialias : {false, true})
    for (int full : {0, 1})
      for (sta_pixel_format format : {STA_FORMAT_I420, STA_FORMAT_NV12, STA_FORMAT_YUY2}) {
        Frame gray(STA_FORMAT_GRAY8, 150, 131), yuv(format, 150, 131);
        gray.frame.full_range = yuv.frame.full_range = full;
        gray.fill_random(6);
        yuv.fill([&](int c, int x, int y) { return c == 0 ? gray.get(0, x, y) : 128; });
        const std::vector<uint8_t> a = run(gray.frame, spec_of(antialias)), b = run(yuv.frame, spec_of(antialias));
        for (size_t i = 0; i < b.size(); i += 3)
          ASSERT_TRUE(b[i] == b[i + 1] && b[i] == b[i + 2]) << "a tint at " << i << describe(yuv.frame, spec_of(antialias));
        EXPECT_EQ(a, b) << describe(yuv.frame, spec_of(antialias));
      }
}

// Plain frames keep their value exactly in both modes, at any ratio, with any number of taps (1000 rows to 16 is the
// 32-bit path).
TEST(PreprocessFormat, BlackWhiteAndPrimariesAreExact) {
  struct Color {
    double r, g, b;
  };
  const Color colors[] = {{0, 0, 0}, {1, 1, 1}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 0}, {0, 1, 1}, {1, 0, 1}};
  for (sta_pixel_format format : kAllFormats)
    for (sta_color_matrix matrix : kAllMatrices)
      for (int full : {0, 1})
        for (const Color &color : colors) {
          if (format == STA_FORMAT_GRAY8 && (color.r != color.g || color.r != color.b)) continue;
          for (const auto &[width, height] : {std::pair(40, 30), std::pair(9, 1000)}) {
            Frame frame(format, width, height);
            frame.frame.full_range = full;
            if (is_yuv(format)) frame.frame.matrix = matrix;
            const double kr = std::array{0.299, 0.2126, 0.2627, 0.212, 0.3}[static_cast<size_t>(matrix) - 1],
                         kb = std::array{0.114, 0.0722, 0.0593, 0.087, 0.11}[static_cast<size_t>(matrix) - 1];
            const double luma = kr * color.r + (1 - kr - kb) * color.g + kb * color.b;
            const double unit = is_10bit(format) ? 4 : 1, top = is_10bit(format) ? 1023 : 255;
            auto code = [&](int c) {
              const double chroma = c == 1 ? (color.b - luma) / (2 * (1 - kb)) : (color.r - luma) / (2 * (1 - kr));
              if (is_rgb(format)) return std::array{color.r, color.g, color.b}[static_cast<size_t>(c)] * 255;
              if (c == 0) return full ? luma * top : unit * (16 + 219 * luma);
              return std::clamp(full ? unit * 128 + chroma * top : unit * (128 + 224 * chroma), 0.0, top);
            };
            frame.fill([&](int c, int, int) { return static_cast<int>(std::lround(code(c))); });
            const Rgb real = frame.rgb(0, 0);
            for (bool antialias : {false, true}) {
              const sta::PreprocessSpec spec{16, 16, 16, antialias};
              const std::vector<uint8_t> rgb = run(frame.frame, spec);
              for (size_t i = 0; i < rgb.size(); ++i) {
                const double want = std::array{color.r, color.g, color.b}[i % 3] * 255;
                ASSERT_NEAR(rgb[i], want, color.r == color.g && color.r == color.b ? 0 : 2) << describe(frame.frame, spec);
                ASSERT_NEAR(rgb[i], clip(real[i % 3]), antialias ? 0.6 : 0.5 + kTie) << describe(frame.frame, spec);
              }
            }
          }
        }
}

}  // namespace
}  // namespace preprocess_test
