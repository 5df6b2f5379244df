// SPDX-License-Identifier: MIT
// Tests properties that hold for any frame, on random sizes, formats, layouts and outputs. Frames are allocated without
// a spare byte, so that a sanitizer sees every read beyond them.
#include <algorithm>

#include "preprocess_support.h"

namespace preprocess_test {
namespace {

struct Random {
  std::mt19937 engine;
  int operator()(int low, int high) { return low + static_cast<int>(engine() % static_cast<uint32_t>(high - low + 1)); }
};

struct Sample {
  sta_pixel_format format;
  int width, height, par_n, par_d, full_range;
  sta_color_matrix matrix;
  sta::PreprocessSpec spec;
};

Sample random_sample(Random &random) {
  Sample s{};
  s.format = kAllFormats[random(0, std::size(kAllFormats) - 1)];
  const int most = random(0, 3) == 0 ? 400 : 40;
  s.width = random(1, most);
  s.height = random(1, most);
  s.par_n = random(0, 2) == 0 ? random(1, 4) : 1;
  s.par_d = s.par_n > 1 || random(0, 2) == 0 ? random(1, 4) : 1;
  s.full_range = random(0, 1);
  s.matrix = is_yuv(s.format) ? kAllMatrices[random(0, 4)] : STA_MATRIX_RGB;
  const int height = random(1, 40), width = random(1, 40);
  s.spec = {height, width, std::min(height, width) + random(0, 10), random(0, 1) == 1};
  if (random(0, 3) == 0) s.spec.resize = {0, height + random(0, 10), width + random(0, 10)};  // squashed
  return s;
}

void apply(const Sample &s, Frame &frame) {
  frame.frame.par_n = s.par_n;
  frame.frame.par_d = s.par_d;
  frame.frame.full_range = s.full_range;
  frame.frame.matrix = s.matrix;
}

TEST(PreprocessProperty, ResultDependsOnThePictureAlone) {
  Random random{std::mt19937(11)};
  for (uint32_t round = 0; round < 600; ++round) {
    const Sample s = random_sample(random);
    Frame plain(s.format, s.width, s.height, {0, false, 1});
    Frame padded(s.format, s.width, s.height, {random(1, 70), false, 2});
    Frame reversed(s.format, s.width, s.height, {random(0, 70), true, 3});
    const std::vector<uint8_t> expected = [&] {
      apply(s, plain);
      plain.fill_random(round);
      return run(plain.frame, s.spec);
    }();
    for (Frame *frame : {&padded, &reversed}) {
      apply(s, *frame);
      frame->fill_random(round);
      ASSERT_EQ(run(frame->frame, s.spec), expected) << describe(frame->frame, s.spec);
    }
  }
}

TEST(PreprocessProperty, ResultEqualsTheOracle) {
  Random random{std::mt19937(12)};
  for (uint32_t round = 0; round < 600; ++round) {
    const Sample s = random_sample(random);
    Frame frame(s.format, s.width, s.height, {random(0, 20), random(0, 1) == 1, round});
    apply(s, frame);
    frame.fill_random(round);
    const std::vector<uint8_t> got = run(frame.frame, s.spec);
    const Place where = place(frame.frame, s.spec);
    if (s.spec.antialias) {
      ASSERT_LT(largest_error(got, slow_triangle(picture_of(frame), where, s.spec)), 0.75) << describe(frame.frame, s.spec);
    } else {
      // 0.81 is for OpenCV's arithmetic. Before it, each pixel is rounded. This oracle only clips, so that adds up to
      // half a level.
      ASSERT_LT(largest_error(got, slow_bilinear(picture_of(frame, clip), where, s.spec)), 1.32) << describe(frame.frame, s.spec);
    }
  }
}

// One Preprocessor that sees frames of changing geometry must give the same as a fresh one for each.
TEST(PreprocessProperty, NothingIsLeftOfEarlierFrames) {
  Random random{std::mt19937(13)};
  for (bool antialias : {false, true}) {
    const sta::PreprocessSpec spec{20, 24, 26, antialias};
    sta::Preprocessor preprocessor(spec);
    std::vector<uint8_t> rgb(20 * 24 * 3);
    for (uint32_t round = 0; round < 200; ++round) {
      const Sample s = random_sample(random);
      Frame frame(s.format, s.width, s.height);
      apply(s, frame);
      for (int again = 0; again < 2; ++again) {
        frame.fill_random(round * 2 + static_cast<uint32_t>(again));
        frame.frame.full_range = again;
        ASSERT_TRUE(preprocessor.run(frame.frame, rgb.data()));
        ASSERT_EQ(rgb, run(frame.frame, spec)) << describe(frame.frame, spec);
      }
    }
  }
}

// Brighter in, brighter out: no overflow or wrong sign anywhere. Chroma is fixed.
TEST(PreprocessProperty, MonotonicInLuma) {
  Random random{std::mt19937(14)};
  for (uint32_t round = 0; round < 200; ++round) {
    const Sample s = random_sample(random);
    if (is_rgb(s.format)) continue;
    Frame dark(s.format, s.width, s.height), bright(s.format, s.width, s.height);
    apply(s, dark);
    apply(s, bright);
    dark.fill_random(round);
    const int top = is_10bit(s.format) ? 1023 : 255;
    bright.fill([&](int c, int x, int y) { return c == 0 ? std::min(top, dark.get(c, x, y) + 9) : dark.get(c, x, y); });
    const std::vector<uint8_t> a = run(dark.frame, s.spec), b = run(bright.frame, s.spec);
    for (size_t i = 0; i < a.size(); ++i) ASSERT_LE(a[i], b[i]) << describe(dark.frame, s.spec);
  }
}

// The largest sizes that sta.h allows, in each direction, and more taps than the 16-bit kernels take.
TEST(PreprocessProperty, LargestFrames) {
  for (bool antialias : {false, true})
    for (const auto &[format, width, height] :
         {std::tuple(STA_FORMAT_NV12, 32768, 3), std::tuple(STA_FORMAT_BGRX, 3, 32768), std::tuple(STA_FORMAT_P010_LE, 5, 32767),
          std::tuple(STA_FORMAT_YUY2, 32767, 5), std::tuple(STA_FORMAT_I420, 2000, 1500), std::tuple(STA_FORMAT_RGB, 1500, 2000)}) {
      Frame frame(format, width, height);
      frame.fill_random(1);
      const sta::PreprocessSpec spec{8, 8, 8, antialias};
      const Place where = place(frame.frame, spec);
      const Picture picture = picture_of(frame, antialias ? [](double v) { return v; } : clip);
      const std::vector<Rgb> slow = antialias ? slow_triangle(picture, where, spec) : slow_bilinear(picture, where, spec);
      EXPECT_LT(largest_error(run(frame.frame, spec), slow), antialias ? 0.75 : 1.32) << describe(frame.frame, spec);
    }
}

}  // namespace
}  // namespace preprocess_test
