// SPDX-License-Identifier: MIT
// How many tokens each group loses where stillness has left groups of different sizes: the paper's numbers where nothing
// is still, and what has to hold for any counts.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "pruning/ragged_plan.h"
#include "support/ragged_counts.h"

using namespace sta;

namespace {

int sum(const std::vector<int> &v) { return std::accumulate(v.begin(), v.end(), 0); }

TEST(RaggedPlan, WithNothingStillEveryGroupLosesR) {
  for (const int r : {1, 7, 64, 98}) {
    const auto calls = plan_ragged({std::vector<int>(8, 196), std::vector<int>(8, 196)}, 196, r, false, true);
    ASSERT_EQ(calls.size(), 3u);
    int n = 196, groups = 8;
    for (const RaggedCall &call : calls) {
      EXPECT_EQ(call.tokens, groups * n);
      EXPECT_EQ(call.kept, groups * (n - r));
      EXPECT_EQ(call.backward, call.index == 2);
      for (const RaggedGroups &w : call.windows) {
        EXPECT_EQ(w.counts, std::vector<int>(static_cast<size_t>(groups), n));
        EXPECT_EQ(w.drops, std::vector<int>(static_cast<size_t>(groups), r));
      }
      n = 2 * (n - r);
      groups /= 2;
    }
  }
}

TEST(RaggedPlan, SharesGoBySizeAndAddUp) {
  EXPECT_EQ(share_drops({10, 20, 30}, 6, 0, false), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(share_drops({10, 10, 10}, 4, 0, false), (std::vector<int>{2, 1, 1}));
  // A single token is left alone, an empty group too; others lose in their place.
  EXPECT_EQ(share_drops({4, 1, 0, 5}, 5, 0, false), (std::vector<int>{2, 0, 0, 3}));
  // The first group keeps its targets, and one source more if that has to stay.
  EXPECT_EQ(share_drops({4, 1, 1}, 6, 0, false), (std::vector<int>{2, 0, 0}));
  EXPECT_EQ(share_drops({4, 1, 1}, 6, 0, true), (std::vector<int>{1, 0, 0}));
}

TEST(RaggedPlan, AnyCounts) {
  std::mt19937 random(4);
  for (int round = 0; round < 10000; ++round) {
    const int n = 2 + static_cast<int>(random() % 30), steps = std::array{4, 8, 16}[random() % 3], batch = 1 + static_cast<int>(random() % 3);
    const bool class_token = random() % 2 == 0;
    const int most = (n - (class_token ? 1 : 0)) / 2;
    if (most == 0) continue;
    const int r = 1 + static_cast<int>(random() % static_cast<unsigned>(most));
    const std::vector<std::vector<int>> counts = ragged_counts::random_counts(random, batch, steps, n);
    const auto calls = plan_ragged(counts, n, r, class_token, true);
    ASSERT_EQ(calls.size(), 3u);
    int tokens = sum(counts[0]), dense = n;
    std::vector<std::vector<int>> now = counts;
    for (const RaggedCall &call : calls) {
      ASSERT_EQ(call.tokens, tokens);
      ASSERT_GE(call.kept, 1);
      // No more than the paper's share, rounded.
      ASSERT_LE(call.tokens - call.kept, (2 * r * tokens + dense) / (2 * dense));
      ASSERT_EQ(call.windows.size(), counts.size());
      for (size_t b = 0; b < counts.size(); ++b) {
        const RaggedGroups &w = call.windows[b];
        ASSERT_EQ(w.counts, now[b]);
        ASSERT_EQ(sum(w.drops), call.tokens - call.kept);
        for (size_t g = 0; g < w.counts.size(); ++g) {
          ASSERT_GE(w.drops[g], 0);
          if (w.counts[g] < 2) {
            ASSERT_EQ(w.drops[g], 0);
          }
          if (w.counts[g] >= 2) {
            ASSERT_LT(w.drops[g], w.counts[g]);
          }
          // Of two groups without limits the larger one loses no less, but for the rounding.
          for (size_t h = 0; h < w.counts.size(); ++h)
            if (batch == 1 && g != h && w.counts[g] > w.counts[h] + 1 && w.drops[g] + 1 < w.drops[h]) {
              // Only where the larger one is the group scanned first, which loses sources alone.
              ASSERT_TRUE(w.drops[g] >= (w.counts[g] + 1) / 2 - 1) << "round " << round;
            }
        }
        if (class_token) {
          ASSERT_GE(w.keep_token, 0);
          ASSERT_LT(w.keep_token, call.tokens);
          ASSERT_GE(w.keep_token_after, 0);
          ASSERT_LT(w.keep_token_after, call.kept);
        } else {
          ASSERT_EQ(w.keep_token, -1);
        }
        std::vector<int> merged;
        for (size_t g = 0; g + 1 < w.counts.size(); g += 2) merged.push_back(w.counts[g] - w.drops[g] + w.counts[g + 1] - w.drops[g + 1]);
        now[b] = merged;
      }
      tokens = call.kept;
      dense = 2 * (dense - r);
    }
  }
}

}  // namespace
