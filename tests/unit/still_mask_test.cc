// SPDX-License-Identifier: MIT
// What is still in a window: against a slow oracle on 10,000 random windows, and the cases that matter one by one (a
// slow drift, a flicker, single pixels, nothing still, everything still). Which tokens fill a bucket, and how many steps
// each stands for.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>

#include "stillness/difference.h"
#include "stillness/still_mask.h"

using namespace sta;

namespace {

struct Window {
  StillGrid grid;
  std::vector<std::vector<uint8_t>> pictures;  // [T] u8 [H,W,3]

  explicit Window(const StillGrid &g, uint8_t value = 0) : grid(g) {
    pictures.assign(static_cast<size_t>(g.steps * g.tubelet),
                    std::vector<uint8_t>(static_cast<size_t>(g.rows * g.columns * g.patch * g.patch * 3), value));
  }
  uint8_t &pixel(int picture, int y, int x, int c) {
    return pictures[static_cast<size_t>(picture)][static_cast<size_t>((y * grid.columns * grid.patch + x) * 3 + c)];
  }
  StillMask find(float threshold) const {
    std::vector<const uint8_t *> frames;
    for (const auto &p : pictures) frames.push_back(p.data());
    StillMask mask;
    find_still(grid, frames.data(), threshold, mask);
    return mask;
  }
  // The normalised tubelets, f32 [L,P].
  std::vector<float> tubelets(const std::array<float, 3> &shift) {
    std::vector<float> out;
    const StillGrid &g = grid;
    for (int t = 0; t < g.steps; ++t)
      for (int y = 0; y < g.rows; ++y)
        for (int x = 0; x < g.columns; ++x)
          for (int c = 0; c < 3; ++c)
            for (int i = 0; i < g.tubelet; ++i)
              for (int v = 0; v < g.patch; ++v)
                for (int u = 0; u < g.patch; ++u)
                  out.push_back(g.scale[static_cast<size_t>(c)] * pixel(t * g.tubelet + i, y * g.patch + v, x * g.patch + u, c) +
                                shift[static_cast<size_t>(c)]);
    return out;
  }
};

StillGrid grid_of(int steps, int tubelet, int rows, int columns, int patch) {
  return {steps, tubelet, rows, columns, patch, {1 / (255 * 0.229f), 1 / (255 * 0.224f), 1 / (255 * 0.225f)}};
}

// The definition, in double: for each token the mean difference to the last token at its place that was not still.
std::vector<double> oracle(Window &w, double threshold, int &changed) {
  const StillGrid &g = w.grid;
  std::vector<double> change(static_cast<size_t>(g.tokens()), std::numeric_limits<double>::infinity());
  changed = 0;
  for (int y = 0; y < g.rows; ++y)
    for (int x = 0; x < g.columns; ++x) {
      int last = 0;
      for (int t = 0; t < g.steps; ++t) {
        double sum = 0;
        for (int i = 0; i < g.tubelet; ++i)
          for (int v = 0; v < g.patch; ++v)
            for (int u = 0; u < g.patch; ++u)
              for (int c = 0; c < 3; ++c)
                sum += std::fabs(static_cast<double>(g.scale[static_cast<size_t>(c)]) *
                                 (w.pixel(t * g.tubelet + i, y * g.patch + v, x * g.patch + u, c) -
                                  w.pixel(last * g.tubelet + i, y * g.patch + v, x * g.patch + u, c)));
        const double mean = sum / (3.0 * g.tubelet * g.patch * g.patch);
        if (t > 0 && mean < threshold) {
          change[static_cast<size_t>((t * g.rows + y) * g.columns + x)] = mean;
        } else {
          last = t;
          ++changed;
        }
      }
    }
  return change;
}

TEST(StillMask, RandomWindowsAreAsTheDefinitionSays) {
  std::mt19937 random(1);
  int exact = 0, decided = 0;
  for (int round = 0; round < 10000; ++round) {
    const StillGrid grid = grid_of(1 + static_cast<int>(random() % 8), 1 + static_cast<int>(random() % 2), 1 + static_cast<int>(random() % 3),
                                   1 + static_cast<int>(random() % 3), 1 + static_cast<int>(random() % 6));
    Window w(grid);
    // Scenes in which places stand still, drift, flicker or change by single pixels.
    const int pictures = grid.steps * grid.tubelet;
    for (int y = 0; y < grid.rows * grid.patch; ++y)
      for (int x = 0; x < grid.columns * grid.patch; ++x)
        for (int c = 0; c < 3; ++c) w.pixel(0, y, x, c) = static_cast<uint8_t>(random());
    for (int i = 1; i < pictures; ++i) {
      w.pictures[static_cast<size_t>(i)] = w.pictures[static_cast<size_t>(i - 1)];
      for (int y = 0; y < grid.rows * grid.patch; ++y)
        for (int x = 0; x < grid.columns * grid.patch; ++x) {
          const unsigned kind = (static_cast<unsigned>(y / grid.patch * 3 + x / grid.patch) + static_cast<unsigned>(round)) % 5;
          for (int c = 0; c < 3; ++c) {
            uint8_t &p = w.pixel(i, y, x, c);
            if (kind == 1) p = static_cast<uint8_t>(p + random() % 3);
            if (kind == 2) p = static_cast<uint8_t>(p ^ (random() % 8));
            if (kind == 3 && random() % 40 == 0) p = static_cast<uint8_t>(random());
            if (kind == 4 && random() % 4 == 0) p = static_cast<uint8_t>(random());
          }
        }
    }
    const float threshold = std::array{0.01f, 0.03f, 0.1f, 0.4f}[random() % 4];
    const StillMask mask = w.find(threshold);
    int changed = 0;
    const std::vector<double> want = oracle(w, threshold, changed);
    bool near = false;  // float and double may decide differently where the difference is the threshold itself
    for (const double d : want) near = near || std::fabs(d - threshold) < 1e-5 * threshold;
    if (near) continue;
    ++decided;
    ASSERT_EQ(mask.changed, changed) << "round " << round;
    for (size_t i = 0; i < want.size(); ++i) {
      ASSERT_EQ(std::isinf(mask.change[i]), std::isinf(want[i])) << "round " << round << " token " << i;
      if (!std::isinf(want[i])) {
        ASSERT_NEAR(mask.change[i], want[i], 1e-5);
        ++exact;
      }
    }
    // Clips that come as floats are judged alike.
    StillMask floats;
    find_still(grid, w.tubelets({-2.1f, -2.0f, -1.8f}).data(), 3 * grid.tubelet * grid.patch * grid.patch, threshold, floats);
    for (size_t i = 0; i < want.size(); ++i)
      if (!std::isinf(mask.change[i]) && mask.change[i] < 0.99f * threshold) {
        ASSERT_NEAR(floats.change[i], mask.change[i], 1e-4);
      }
  }
  EXPECT_GT(exact, 50000);
  EXPECT_GT(decided, 9900);
}

TEST(StillMask, DifferencesOfAllPatchSizesAreExact) {
  std::mt19937 random(2);
  for (const int patch : {1, 2, 5, 8, 14, 15, 16, 17, 32, 48, 100, 300}) {
    const size_t stride = static_cast<size_t>(3 * patch) + 7;
    std::vector<uint8_t> a(stride * static_cast<size_t>(patch)), b(a.size());
    for (auto *v : {&a, &b})
      for (uint8_t &x : *v) x = static_cast<uint8_t>(random());
    if (patch == 300) {  // the largest sums that there can be
      std::fill(a.begin(), a.end(), 255);
      std::fill(b.begin(), b.end(), 0);
    }
    std::array<uint64_t, 3> want{1, 2, 3}, sums = want;
    for (int y = 0; y < patch; ++y)
      for (int x = 0; x < 3 * patch; ++x)
        want[static_cast<size_t>(x % 3)] += static_cast<uint64_t>(std::abs(int{a[static_cast<size_t>(y) * stride + static_cast<size_t>(x)]} -
                                                                           int{b[static_cast<size_t>(y) * stride + static_cast<size_t>(x)]}));
    add_differences(a.data(), b.data(), stride, patch, sums);
    EXPECT_EQ(sums, want) << "patch " << patch;
  }
}

// A scene that gets brighter by one level a picture: neighbours hardly differ, but it adds up.
TEST(StillMask, SlowDriftAddsUpUntilItCounts) {
  const StillGrid grid = grid_of(8, 2, 1, 1, 16);
  Window w(grid);
  for (int i = 0; i < 16; ++i)
    std::fill(w.pictures[static_cast<size_t>(i)].begin(), w.pictures[static_cast<size_t>(i)].end(), static_cast<uint8_t>(100 + i));
  const float step = 2 * (grid.scale[0] + grid.scale[1] + grid.scale[2]) / 3;  // of neighbouring tubelets
  const StillMask mask = w.find(2.5f * step);
  for (int t = 0; t < 8; ++t) {
    const bool still = t % 3 != 0;  // the third step differs by three times as much from the last that counted
    EXPECT_EQ(!std::isinf(mask.change[static_cast<size_t>(t)]), still) << t;
    if (still) {
      EXPECT_NEAR(mask.change[static_cast<size_t>(t)], static_cast<float>(t % 3) * step, 1e-5);
    }
  }
  EXPECT_EQ(mask.changed, 3);
}

// Light that goes on and off: each step differs from the last that changed.
TEST(StillMask, FlickerIsNotStill) {
  Window w(grid_of(8, 2, 2, 2, 4), 50);
  for (int i = 0; i < 16; ++i)
    if (i / 2 % 2 == 1)
      for (int y = 0; y < 4; ++y)
        for (int x = 0; x < 4; ++x) w.pixel(i, y, x, 0) = 200;
  const StillMask mask = w.find(0.1f);
  EXPECT_EQ(mask.changed, 4 + 7);
  for (int t = 0; t < 8; ++t) EXPECT_TRUE(std::isinf(mask.change[static_cast<size_t>(4 * t)]));
}

TEST(StillMask, ASinglePixelIsJudgedByTheMean) {
  const StillGrid grid = grid_of(2, 1, 1, 1, 16);
  Window w(grid, 10);
  w.pixel(1, 5, 9, 1) = 255;
  const float d = 245 * grid.scale[1] / (3 * 256);
  EXPECT_EQ(w.find(d * 1.01f).changed, 1);
  EXPECT_NEAR(w.find(d * 1.01f).change[1], d, 1e-6);
  EXPECT_EQ(w.find(d * 0.99f).changed, 2);
}

TEST(StillMask, NothingAndEverything) {
  Window still(grid_of(8, 2, 3, 3, 4), 77);
  StillMask mask = still.find(1e-6f);
  EXPECT_EQ(mask.changed, 9);
  EXPECT_EQ(mask.change[9], 0);
  Window moving(grid_of(8, 2, 3, 3, 4));
  for (int i = 0; i < 16; ++i)
    std::fill(moving.pictures[static_cast<size_t>(i)].begin(), moving.pictures[static_cast<size_t>(i)].end(), static_cast<uint8_t>(i / 2 * 30));
  EXPECT_EQ(moving.find(0.1f).changed, 72);
  Window one(grid_of(1, 2, 3, 3, 4));
  EXPECT_EQ(one.find(1).changed, 9);
}

TEST(StillMask, BucketsAreMultiplesAndNeverMoreThanAll) {
  const StillGrid grid = grid_of(8, 2, 14, 14, 16);
  EXPECT_EQ(still_bucket(grid, 196, 16), 208);
  EXPECT_EQ(still_bucket(grid, 208, 16), 208);
  EXPECT_EQ(still_bucket(grid, 209, 64), 256);
  EXPECT_EQ(still_bucket(grid, 1560, 64), 1568);
  EXPECT_EQ(still_bucket(grid, 1568, 16), 1568);
}

TEST(ChooseTokens, RandomMasks) {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    const StillGrid grid = grid_of(1 + static_cast<int>(random() % 8), 1, 1 + static_cast<int>(random() % 3), 1 + static_cast<int>(random() % 4), 1);
    const int l = grid.tokens(), n = grid.step_tokens();
    StillMask mask;
    for (int i = 0; i < l; ++i) {
      const bool changed = i < n || random() % 3 == 0;
      mask.changed += changed;
      mask.change.push_back(changed ? std::numeric_limits<float>::infinity() : static_cast<float>(random() % 5) / 100);
    }
    const int count = mask.changed + static_cast<int>(random() % static_cast<unsigned>(l - mask.changed + 1));
    const StillTokens kept = choose_tokens(grid, mask, count);
    ASSERT_EQ(kept.tokens.size(), static_cast<size_t>(count));
    ASSERT_EQ(kept.runs.size(), kept.tokens.size());
    std::vector<bool> in(static_cast<size_t>(l));
    for (size_t i = 0; i < kept.tokens.size(); ++i) {
      if (i > 0) {
        ASSERT_LT(kept.tokens[i - 1], kept.tokens[i]);
      }
      in[static_cast<size_t>(kept.tokens[i])] = true;
    }
    for (int i = 0; i < l; ++i) {
      if (std::isinf(mask.change[static_cast<size_t>(i)])) {
        ASSERT_TRUE(in[static_cast<size_t>(i)]);
      }
      // Nobody outside changed more than somebody inside who was taken to fill up.
      for (int j = 0; j < l; ++j)
        if (!in[static_cast<size_t>(i)] && in[static_cast<size_t>(j)]) {
          const float out = mask.change[static_cast<size_t>(i)], taken = mask.change[static_cast<size_t>(j)];
          ASSERT_TRUE(taken > out || (taken == out && j < i));
        }
    }
    // Runs cover every step of every place once.
    std::vector<int> covered(static_cast<size_t>(l));
    for (size_t i = 0; i < kept.tokens.size(); ++i)
      for (int k = 0; k < kept.runs[i]; ++k) ++covered[static_cast<size_t>(kept.tokens[i] + k * n)];
    for (const int c : covered) ASSERT_EQ(c, 1);
  }
}

}  // namespace
