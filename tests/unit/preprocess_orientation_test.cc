// SPDX-License-Identifier: MIT
// Tests turned and mirrored frames: what each orientation means, and that turning the small picture equals turning the
// frame.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "preprocess/orientation.h"
#include "preprocess_support.h"

namespace {

struct Gray {
  int width, height;
  std::vector<uint8_t> pixels;  // [H,W]
};

sta_frame frame_of(const Gray &picture, sta_orientation orientation) {
  sta_frame frame{};
  frame.format = STA_FORMAT_GRAY8;
  frame.full_range = 1;
  frame.width = picture.width;
  frame.height = picture.height;
  frame.plane[0] = picture.pixels.data();
  frame.stride[0] = picture.width;
  frame.orientation = orientation;
  return frame;
}

std::vector<uint8_t> levels(const sta_frame &frame, const sta::PreprocessSpec &spec) {
  std::vector<uint8_t> rgb(static_cast<size_t>(spec.height) * spec.width * 3), first;
  const sta::Status done = sta::Preprocessor(spec).run(frame, rgb.data());
  EXPECT_TRUE(done) << done.error().message;
  for (size_t i = 0; i < rgb.size(); i += 3) first.push_back(rgb[i]);
  return first;
}

// Turns the picture as a viewer does. It is written pixel by pixel and independently of the code under test.
Gray upright(const Gray &in, sta_orientation orientation) {
  const bool swap = orientation == STA_ORIENTATION_90R || orientation == STA_ORIENTATION_90L || orientation == STA_ORIENTATION_TRANSPOSED ||
                    orientation == STA_ORIENTATION_ANTITRANSPOSED;
  Gray out{swap ? in.height : in.width, swap ? in.width : in.height, std::vector<uint8_t>(in.pixels.size())};
  for (int y = 0; y < in.height; ++y)
    for (int x = 0; x < in.width; ++x) {
      int u = x, v = y;
      if (orientation == STA_ORIENTATION_90R) u = in.height - 1 - y, v = x;
      if (orientation == STA_ORIENTATION_180) u = in.width - 1 - x, v = in.height - 1 - y;
      if (orientation == STA_ORIENTATION_90L) u = y, v = in.width - 1 - x;
      if (orientation == STA_ORIENTATION_HORIZONTAL) u = in.width - 1 - x;
      if (orientation == STA_ORIENTATION_VERTICAL) v = in.height - 1 - y;
      if (orientation == STA_ORIENTATION_TRANSPOSED) u = y, v = x;
      if (orientation == STA_ORIENTATION_ANTITRANSPOSED) u = in.height - 1 - y, v = in.width - 1 - x;
      out.pixels[static_cast<size_t>(v) * out.width + u] = in.pixels[static_cast<size_t>(y) * in.width + x];
    }
  return out;
}

// 1 2 3
// 4 5 6
TEST(Orientation, EachOfTheEightByHand) {
  const Gray picture{3, 2, {10, 20, 30, 40, 50, 60}};
  struct Case {
    sta_orientation orientation;
    int height, width;
    std::vector<uint8_t> want;
  };
  for (const Case &c : {Case{STA_ORIENTATION_NONE, 2, 3, {10, 20, 30, 40, 50, 60}},
                        {STA_ORIENTATION_90R, 3, 2, {40, 10, 50, 20, 60, 30}},
                        {STA_ORIENTATION_180, 2, 3, {60, 50, 40, 30, 20, 10}},
                        {STA_ORIENTATION_90L, 3, 2, {30, 60, 20, 50, 10, 40}},
                        {STA_ORIENTATION_HORIZONTAL, 2, 3, {30, 20, 10, 60, 50, 40}},
                        {STA_ORIENTATION_VERTICAL, 2, 3, {40, 50, 60, 10, 20, 30}},
                        {STA_ORIENTATION_TRANSPOSED, 3, 2, {10, 40, 20, 50, 30, 60}},
                        {STA_ORIENTATION_ANTITRANSPOSED, 3, 2, {60, 30, 50, 20, 40, 10}}}) {
    EXPECT_EQ(levels(frame_of(picture, c.orientation), {c.height, c.width, 2, false}), c.want) << c.orientation;
    EXPECT_EQ(levels(frame_of(picture, c.orientation), {c.height, c.width, 2, true}), c.want) << c.orientation;
    EXPECT_EQ(upright(picture, c.orientation).pixels, c.want);
  }
}

TEST(Orientation, ScalingAndTurningChangePlaces) {
  std::srand(5);
  int64_t pixels = 0, different = 0;
  for (int round = 0; round < 400; ++round) {
    const auto orientation = static_cast<sta_orientation>(round % 8);
    Gray picture{1 + std::rand() % 90, 1 + std::rand() % 90, {}};
    for (int i = 0; i < picture.width * picture.height; ++i) picture.pixels.push_back(static_cast<uint8_t>(std::rand() % 256));
    const int height = 1 + std::rand() % 30, width = 1 + std::rand() % 30;
    sta::PreprocessSpec spec{height, width, std::min(height, width) + std::rand() % 8, round % 16 >= 8};
    if (round % 3 == 0) spec.resize = {0, height + std::rand() % 5, width + std::rand() % 5};
    const Gray turned = upright(picture, orientation);
    // Odd slack: floor((resized - crop) / 2) of the upright picture, wherever that lies in the frame.
    const auto got = levels(frame_of(picture, orientation), spec), want = levels(frame_of(turned, STA_ORIENTATION_NONE), spec);
    for (size_t i = 0; i < want.size(); ++i) {
      ASSERT_LE(std::abs(got[i] - want[i]), 1) << "orientation " << orientation << " " << picture.width << "x" << picture.height << " to " << width
                                               << "x" << height;
      different += got[i] != want[i];
    }
    pixels += static_cast<int64_t>(want.size());
  }
  EXPECT_LT(different, pixels / 10) << "more than rounding";
}

TEST(Orientation, PixelAspectRatioIsTheFramesOwn) {
  const Gray picture{8, 8, std::vector<uint8_t>(64, 7)};
  sta_frame wide = frame_of(picture, STA_ORIENTATION_90R);
  wide.par_n = 2;
  wide.par_d = 1;
  // Displayed 16x8, upright 8x16: the short side becomes 4, the long side 8, and the middle half of that is seen.
  auto geometry = sta::make_geometry(wide, 4, 4, 4);
  ASSERT_TRUE(geometry);
  EXPECT_EQ(geometry->x.resized, 8);
  EXPECT_EQ(geometry->y.resized, 4);
  EXPECT_EQ(geometry->x.crop, 2);
}

TEST(Orientation, AnythingElseIsRefused) {
  const Gray picture{2, 2, {1, 2, 3, 4}};
  sta_frame frame = frame_of(picture, STA_ORIENTATION_NONE);
  const int32_t wrong = 8;
  std::memcpy(&frame.orientation, &wrong, sizeof wrong);
  uint8_t rgb[12];
  const sta::Status status = sta::Preprocessor({2, 2, 2, false}).run(frame, rgb);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("orientation 8 is unknown"), std::string::npos);
}

}  // namespace
