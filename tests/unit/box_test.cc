// SPDX-License-Identifier: MIT
// Tests the box of an object's window: smoothed in time, grown to the model's shape, inside the frame and cut between
// chroma samples.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "staaction/objects/box.h"

namespace {

using namespace sta::gst;

constexpr uint64_t kMs = 1'000'000;

TEST(SmoothBox, FirstAndJumpedBoxesAreTakenAsTheyAre) {
  SmoothBox smooth;
  EXPECT_EQ(smooth.follow({10, 20, 30, 40}, 5 * kMs), (Box{10, 20, 30, 40}));
  EXPECT_EQ(smooth.follow({100, 20, 30, 40}, 10 * kMs), (Box{100, 20, 30, 40}));
}

// After the time constant, 1 - 1/e of a step is made up, however many frames that took.
TEST(SmoothBox, FollowsTimeAndNotFrames) {
  for (const int frames : {1, 4, 20}) {
    SmoothBox smooth;
    smooth.follow({0, 0, 100, 100}, 0);
    for (int i = 1; i <= frames; ++i) smooth.follow({50, 10, 80, 120}, static_cast<uint64_t>(i) * 200 * kMs / static_cast<uint64_t>(frames));
    const double share = 1 - std::exp(-1.0);
    const Box &b = smooth.box();
    EXPECT_NEAR(b.width, 100 - 20 * share, 1e-6) << frames;
    EXPECT_NEAR(b.height, 100 + 20 * share, 1e-6);
    EXPECT_NEAR(b.x + b.width / 2, 50 + 40 * share, 1e-6);
    EXPECT_NEAR(b.y + b.height / 2, 50 + 20 * share, 1e-6);
  }
  SmoothBox still;
  still.follow({10, 20, 30, 40}, 7);
  EXPECT_EQ(still.follow({12, 20, 30, 40}, 7), (Box{10, 20, 30, 40})) << "no time has passed";
}

TEST(CropAround, GrowsToTheShapeAndStaysInside) {
  EXPECT_EQ(cropAround({20, 10, 40, 40}, 1.0, 128, 96), (Crop{20, 10, 40, 40}));
  EXPECT_EQ(cropAround({40, 20, 20, 60}, 1.0, 128, 96), (Crop{20, 20, 60, 60}));
  EXPECT_EQ(cropAround({100, 20, 20, 60}, 1.0, 128, 96), (Crop{68, 20, 60, 60})) << "moved inside, not cut";
  EXPECT_EQ(cropAround({-30, -20, 40, 40}, 1.0, 128, 96), (Crop{0, 0, 40, 40}));
  EXPECT_EQ(cropAround({10, 40, 100, 10}, 1.0, 128, 96), (Crop{10, 0, 100, 96})) << "the frame is too low: cut";
  EXPECT_EQ(cropAround({40, 20, 20, 20}, 2.0, 128, 96), (Crop{30, 20, 40, 20}));
  EXPECT_TRUE(cropAround({200, 20, 20, 20}, 1.0, 128, 96).empty());
  EXPECT_TRUE(cropAround({10, 10, 0, 20}, 1.0, 128, 96).empty());
  EXPECT_TRUE(cropAround({0, 0, 1, 1}, 1.0, 1, 1).empty()) << "nothing even fits";
}

TEST(CropAround, AnyBoxGivesAnEvenCropInsideThatHoldsItsCentre) {
  std::mt19937 random(3);
  auto between = [&](double a, double b) { return a + (b - a) * (random() / 4294967295.0); };
  for (int i = 0; i < 20000; ++i) {
    const int width = 2 + static_cast<int>(random() % 2000), height = 2 + static_cast<int>(random() % 1200);
    const Box box{between(-300, width + 100), between(-300, height + 100), between(0.1, 900), between(0.1, 900)};
    const Crop c = cropAround(box, between(0.3, 3), width, height);
    if (c.empty()) {
      EXPECT_TRUE(box.x >= width || box.y >= height || box.x + box.width <= 0 || box.y + box.height <= 0);
      continue;
    }
    ASSERT_EQ((c.x | c.y | c.width | c.height) & 1, 0);
    ASSERT_TRUE(c.x >= 0 && c.y >= 0 && c.x + c.width <= width && c.y + c.height <= height);
    const double cx = box.x + box.width / 2, cy = box.y + box.height / 2;
    if (cx >= 2 && cx < width - 3) {
      ASSERT_TRUE(c.x <= cx + 1 && cx - 1 <= c.x + c.width) << cx << " " << c.x << " " << c.width;
    }
    if (cy >= 2 && cy < height - 3) {
      ASSERT_TRUE(c.y <= cy + 1 && cy - 1 <= c.y + c.height);
    }
  }
}

}  // namespace
