// SPDX-License-Identifier: MIT
// Tests how long a camera waits before its next try: the wait doubles from 1 s to 60 s, with jitter, and starts afresh
// after success.
#include "monitor/camera/backoff.h"

#include <gtest/gtest.h>

#include <vector>

namespace sta::monitor {
namespace {

constexpr std::uint32_t kSteps[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000, 60000};

TEST(Backoff, DoublesUpToAMinuteWithJitter) {
  for (std::uint32_t seed = 0; seed < 500; ++seed) {
    Backoff backoff(seed);
    for (const std::uint32_t step : kSteps) {
      const std::uint32_t wait = backoff.next();
      EXPECT_GE(wait, step * 3 / 4) << "seed " << seed << ", step " << step;
      EXPECT_LE(wait, step * 5 / 4) << "seed " << seed << ", step " << step;
    }
  }
}

TEST(Backoff, JitterUsesItsWholeRange) {
  std::uint32_t least = UINT32_MAX, most = 0;
  std::uint64_t sum = 0;
  for (std::uint32_t seed = 0; seed < 1000; ++seed) {
    const std::uint32_t wait = Backoff(seed).next();
    least = std::min(least, wait);
    most = std::max(most, wait);
    sum += wait;
  }
  EXPECT_LT(least, 780u);
  EXPECT_GT(most, 1220u);
  EXPECT_NEAR(static_cast<double>(sum) / 1000, 1000, 30);
}

TEST(Backoff, CamerasDoNotComeBackTogether) {
  // 64 cameras behind one switch that was off for long: they must not all come back in the same second.
  std::vector<int> seconds(80);
  for (std::uint32_t seed = 0; seed < 64; ++seed) {
    Backoff backoff(seed * 2654435761u);
    for (int i = 0; i < 9; ++i) backoff.next();
    ++seconds[backoff.next() / 1000];
  }
  for (const int cameras : seconds) EXPECT_LE(cameras, 10);
}

TEST(Backoff, BeginsAnewAfterSuccess) {
  Backoff backoff(7);
  for (int i = 0; i < 20; ++i) backoff.next();
  backoff.reset();
  for (const std::uint32_t step : kSteps) {
    const std::uint32_t wait = backoff.next();
    EXPECT_GE(wait, step * 3 / 4);
    EXPECT_LE(wait, step * 5 / 4);
  }
}

TEST(Backoff, TheSameSeedWaitsTheSame) {
  Backoff a(42), b(42), other(43);
  std::vector<std::uint32_t> first, second, third;
  for (int i = 0; i < 12; ++i) {
    first.push_back(a.next());
    second.push_back(b.next());
    third.push_back(other.next());
  }
  EXPECT_EQ(first, second);
  EXPECT_NE(first, third);
}

}  // namespace
}  // namespace sta::monitor
