// SPDX-License-Identifier: MIT
// Tests sizes, crops and pixel aspect ratio: the numbers of make_geometry, and that the picture really lies where they
// say.
#include "preprocess/geometry.h"

#include <cmath>

#include "preprocess_support.h"

namespace preprocess_test {
namespace {

struct Case {
  int width, height, par_n, par_d, out_w, out_h, short_side;
  long long resized_w, resized_h, crop_x, crop_y;
};

TEST(PreprocessGeometry, SizesAndCrops) {
  const Case cases[] = {
      {320, 240, 1, 1, 224, 224, 224, 298, 224, 37, 0},      // 298.67 is truncated
      {180, 403, 1, 1, 224, 224, 224, 224, 501, 0, 138},     // 138.5 is truncated
      {1920, 1080, 0, 0, 224, 224, 224, 398, 224, 87, 0},    // unknown ratio: square pixels
      {1920, 1080, 1, 1, 224, 224, 256, 455, 256, 115, 16},  // larger before the crop
      {720, 576, 64, 45, 224, 224, 224, 398, 224, 87, 0},    // PAL 16:9 is shown as 1024x576
      {720, 480, 8, 9, 96, 96, 96, 128, 96, 16, 0},          // NTSC 4:3 is shown as 640x480
      {100, 150, 2, 1, 64, 64, 64, 85, 64, 10, 0},           // stored upright, shown 200x150
      {200, 150, 1, 2, 64, 64, 64, 64, 96, 0, 16},           // shown 100x150
      {1, 1, 1, 1, 224, 224, 224, 224, 224, 0, 0},
      {32768, 1, 1, 1, 224, 224, 224, 7340032, 224, 3669904, 0},
      {1, 32768, 1, 1, 224, 224, 224, 224, 7340032, 0, 3669904},
      {32768, 1, 64, 1, 224, 224, 224, 469762048, 224, 234880912, 0},
      {640, 480, 640000, 640000, 224, 224, 224, 298, 224, 37, 0},
      {320, 240, 1, 1, 256, 128, 128, 256, 192, 0, 32},  // 170x128 would not cover 256x128
      {240, 320, 1, 1, 128, 256, 128, 192, 256, 32, 0},
      {640, 360, 1, 1, 398, 224, 224, 398, 224, 0, 0},
  };
  for (const Case &c : cases) {
    sta_frame frame{};
    frame.width = c.width;
    frame.height = c.height;
    frame.par_n = c.par_n;
    frame.par_d = c.par_d;
    auto geometry = sta::make_geometry(frame, c.out_h, c.out_w, c.short_side);
    ASSERT_TRUE(geometry) << geometry.error().message;
    SCOPED_TRACE(describe(frame, {c.out_h, c.out_w, c.short_side, false}));
    EXPECT_EQ(geometry->x.resized, c.resized_w);
    EXPECT_EQ(geometry->y.resized, c.resized_h);
    EXPECT_EQ(geometry->x.crop, c.crop_x);
    EXPECT_EQ(geometry->y.crop, c.crop_y);
    EXPECT_EQ(geometry->x.source, c.width);
    EXPECT_EQ(geometry->y.source, c.height);
    EXPECT_EQ(geometry->x.output, c.out_w);
    EXPECT_EQ(geometry->y.output, c.out_h);
  }
}

TEST(PreprocessGeometry, RefusesImpossiblePixelAspectRatio) {
  for (const auto &[n, d] : {std::pair(0, 1), std::pair(1, 0), std::pair(-1, 1), std::pair(1, -1), std::pair(-1, -1), std::pair(65, 1),
                             std::pair(1, 65), std::pair(INT32_MAX, 1), std::pair(1, INT32_MAX), std::pair(INT32_MIN, INT32_MIN)}) {
    Frame frame(STA_FORMAT_GRAY8, 16, 16);
    frame.frame.par_n = n;
    frame.frame.par_d = d;
    sta::Preprocessor preprocessor({8, 8, 8, false});
    std::vector<uint8_t> rgb(8 * 8 * 3);
    auto status = preprocessor.run(frame.frame, rgb.data());
    ASSERT_FALSE(status) << n << "/" << d;
    EXPECT_EQ(status.error().status, STA_ERROR_INVALID_ARGUMENT);
    EXPECT_NE(status.error().message.find("pixel aspect ratio " + std::to_string(n) + "/" + std::to_string(d)), std::string::npos)
        << status.error().message;
  }
}

TEST(PreprocessGeometry, PixelAspectRatioAgreesWithTheOracle) {
  for (bool antialias : {false, true})
    for (const auto &[n, d] :
         {std::pair(64, 45), std::pair(8, 9), std::pair(2, 1), std::pair(1, 2), std::pair(64, 1), std::pair(1, 64), std::pair(101, 100)})
      for (const auto &[width, height] : {std::pair(72, 58), std::pair(33, 90), std::pair(300, 7)}) {
        Frame frame(STA_FORMAT_RGB, width, height);
        frame.fill_random(static_cast<uint32_t>(n));
        frame.frame.par_n = n;
        frame.frame.par_d = d;
        const sta::PreprocessSpec spec{24, 28, 30, antialias};
        const Place where = place(frame.frame, spec);
        const std::vector<Rgb> slow = antialias ? slow_triangle(picture_of(frame), where, spec) : slow_bilinear(picture_of(frame), where, spec);
        EXPECT_LT(largest_error(run(frame.frame, spec), slow), antialias ? 0.65 : 0.81) << describe(frame.frame, spec);
      }
}

// A circle of 80 displayed pixels across stays a circle: its width and height at model size are equal, whatever the
// pixels' shape.
TEST(PreprocessGeometry, CirclesStayRound) {
  for (bool antialias : {false, true})
    for (const auto &[n, d] : {std::pair(1, 1), std::pair(2, 1), std::pair(1, 2), std::pair(64, 45)}) {
      const double par = static_cast<double>(n) / d;
      const int width = static_cast<int>(std::lround(160 / par)), height = 120;
      Frame frame(STA_FORMAT_GRAY8, width, height);
      frame.frame.full_range = 1;
      frame.frame.par_n = n;
      frame.frame.par_d = d;
      frame.fill([&](int, int x, int y) { return std::hypot((x + 0.5 - width / 2.0) * par, y + 0.5 - height / 2.0) < 40 ? 255 : 0; });
      const sta::PreprocessSpec spec{96, 96, 96, antialias};
      const std::vector<uint8_t> rgb = run(frame.frame, spec);
      double across = 0, down = 0;
      for (size_t i = 0; i < 96; ++i) across += rgb[(48 * 96 + i) * 3] / 255.0, down += rgb[(i * 96 + 48) * 3] / 255.0;
      EXPECT_NEAR(across, 64, 1.7) << describe(frame.frame, spec);
      EXPECT_NEAR(down, 64, 1.7) << describe(frame.frame, spec);
    }
}

// Without scaling, nothing changes, in either mode and with any crop.
TEST(PreprocessGeometry, NoScalingIsACopy) {
  for (bool antialias : {false, true}) {
    Frame frame(STA_FORMAT_RGB, 75, 50);
    frame.fill_random(8);
    const std::vector<uint8_t> rgb = run(frame.frame, {40, 45, 50, antialias});
    for (int y = 0; y < 40; ++y)
      for (int x = 0; x < 45; ++x)
        for (int c = 0; c < 3; ++c) ASSERT_EQ(rgb[static_cast<size_t>((y * 45 + x) * 3 + c)], frame.get(c, x + 15, y + 5)) << antialias;
  }
}

// 320x240 resized to 224: 298.67 pixels wide. The numbers of both rules come from the published code and were worked
// out by hand.
TEST(PreprocessGeometry, SeveralCrops) {
  struct Crops {
    int width, height, count;
    sta_crop_rule rule;
    int64_t resized_w, resized_h;
    std::vector<int64_t> x, y;
  };
  for (const Crops &c : {Crops{320, 240, 3, STA_CROPS_VIDEOMAE, 298, 224, {0, 37, 74}, {0, 0, 0}},
                         {320, 240, 3, STA_CROPS_MMACTION, 299, 224, {0, 37, 74}, {0, 0, 0}},
                         {320, 240, 1, STA_CROPS_MMACTION, 299, 224, {37}, {0}},
                         {240, 320, 3, STA_CROPS_VIDEOMAE, 224, 298, {0, 0, 0}, {0, 37, 74}},
                         {340, 256, 3, STA_CROPS_VIDEOMAE, 297, 224, {0, 36, 73}, {0, 0, 0}},
                         {340, 256, 3, STA_CROPS_MMACTION, 298, 224, {0, 37, 74}, {0, 0, 0}},
                         {454, 256, 3, STA_CROPS_MMACTION, 397, 224, {0, 86, 172}, {0, 0, 0}},
                         {180, 403, 5, STA_CROPS_VIDEOMAE, 224, 501, {0, 0, 0, 0, 0}, {0, 69, 138, 207, 277}},
                         {256, 256, 3, STA_CROPS_VIDEOMAE, 224, 224, {0, 0, 0}, {0, 0, 0}}}) {
    sta_frame frame{};
    frame.width = c.width;
    frame.height = c.height;
    for (int i = 0; i < c.count; ++i) {
      auto geometry = sta::make_geometry(frame, 224, 224, 224, {i, c.count, c.rule});
      ASSERT_TRUE(geometry) << geometry.error().message;
      SCOPED_TRACE(std::to_string(c.width) + "x" + std::to_string(c.height) + " crop " + std::to_string(i));
      EXPECT_EQ(geometry->x.resized, c.resized_w);
      EXPECT_EQ(geometry->y.resized, c.resized_h);
      EXPECT_EQ(geometry->x.crop, c.x[static_cast<size_t>(i)]);
      EXPECT_EQ(geometry->y.crop, c.y[static_cast<size_t>(i)]);
    }
  }
}

// A crop must show the same as those columns of the whole resized picture.
TEST(PreprocessGeometry, CropsArePartsOfTheResizedPicture) {
  Frame source(STA_FORMAT_RGB, 64, 48);
  source.fill_random(5);
  for (const bool antialias : {false, true}) {
    const auto whole = run(source.frame, {24, 32, 24, antialias});
    for (int crop = 0; crop < 3; ++crop) {
      sta::PreprocessSpec spec{24, 24, 24, antialias};
      spec.crop = {crop, 3, STA_CROPS_VIDEOMAE};
      const auto part = run(source.frame, spec);
      for (int y = 0; y < 24; ++y)
        for (int x = 0; x < 24 * 3; ++x)
          ASSERT_EQ(part[static_cast<size_t>(y * 24 * 3 + x)], whole[static_cast<size_t>(y * 32 * 3 + x + 4 * crop * 3)])
              << "crop " << crop << " row " << y << " byte " << x;
    }
  }
}

}  // namespace
}  // namespace preprocess_test
