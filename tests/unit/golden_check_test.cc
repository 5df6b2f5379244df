// SPDX-License-Identifier: MIT
// Tests gpu-bench's judgement of a device: which results it accepts as the same pass, and that it can reject.
#include "golden_check.h"

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace {

using gpu_bench::GoldenPass;
using sta::ForwardOutput;

class GoldenCheck : public testing::Test {
 protected:
  // The pass in its recorded form.
  ForwardOutput recorded() const {
    ForwardOutput out;
    out.logits = want_.logits.clone().unsqueeze(0);
    for (const at::Tensor &kept : want_.kept) out.kept.push_back(kept.clone().unsqueeze(0));
    return out;
  }
  bool good(const ForwardOutput &out) const { return gpu_bench::judge("test", want_, out)["good"].get<bool>(); }
  const GoldenPass want_ = gpu_bench::read_golden_pass("micro_noise_r5");
};

TEST_F(GoldenCheck, WhatWasRecordedIsGood) {
  EXPECT_EQ(want_.drop_number, 5);
  EXPECT_EQ(want_.clip.sizes(), (std::vector<int64_t>{1, 3, 16, 64, 64}));
  EXPECT_TRUE(good(recorded()));
}

// Rounding swaps two neighbours in call 1. Call 2 sees them in other places, and the same tokens survive.
TEST_F(GoldenCheck, SwappedNeighboursAreTheSameTokens) {
  ForwardOutput out = recorded();
  int64_t *first = out.kept[0].mutable_data_ptr<int64_t>();
  std::swap(first[2], first[3]);
  int64_t *second = out.kept[1].mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < out.kept[1].numel(); ++i) second[i] = second[i] == 2 ? 3 : second[i] == 3 ? 2 : second[i];
  EXPECT_TRUE(good(out));
}

TEST_F(GoldenCheck, AnotherTokenInAnyCallIsNot) {
  for (size_t call = 0; call < 3; ++call) {
    ForwardOutput out = recorded();
    int64_t *kept = out.kept[call].mutable_data_ptr<int64_t>();
    const int64_t n = out.kept[call].numel();
    int64_t other = 0;  // the first that was dropped
    while (std::find(kept, kept + n, other) != kept + n) ++other;
    kept[n / 2] = other;
    EXPECT_FALSE(good(out)) << call;
  }
}

TEST_F(GoldenCheck, OtherLogitsOrCallsAreNot) {
  ForwardOutput out = recorded();
  out.logits[0][3] += 0.01;
  EXPECT_FALSE(good(out));
  out = recorded();
  out.logits[0][3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(good(out));
  out = recorded();
  out.kept.pop_back();
  EXPECT_FALSE(good(out));
  out = recorded();
  out.kept[1] = out.kept[1].slice(1, 1);
  EXPECT_FALSE(good(out));
}

}  // namespace
