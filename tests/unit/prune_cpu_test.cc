// SPDX-License-Identifier: MIT
// The pruning rule on the CPU's own kernels against the reference (pruning/sta.cc), for groups of equal size. Groups that
// differ in size: ragged_test.cc. Skipped where the processor does not have the kernels.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "cpu/cpu_kernels.h"
#include "ops/ops.h"
#include "pruning/prune_cpu.h"

namespace sta {
namespace {

class PruneCpu : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!cpu::cpu_kernels()) GTEST_SKIP() << "this processor has no AVX2, or has AVX-512";
    at::manual_seed(12);
  }
  void TearDown() override { at::set_num_threads(before_); }
  int any(int most) { return std::uniform_int_distribution<int>(1, most)(random_); }

  std::mt19937 random_{12};
  const int before_ = at::get_num_threads();
};

const PruneSettings kSta{STA_PRUNING_STA, 1, {}};

// The keys of a block's qkv: [B,L,h,D], not contiguous.
at::Tensor keys_of(const at::Tensor &qkv) { return qkv.select(2, 1); }

TEST_F(PruneCpu, KeepsTheTokensOfTheReference) {
  int tokens = 0, others = 0;
  for (int i = 0; i < 300; ++i) {
    const int64_t b = any(2), groups = any(8), n = i % 20 == 0 ? 196 : any(40) + 1, heads = any(4), d = i % 3 ? any(40) : 64, c = any(70);
    at::set_num_threads(any(4));
    const at::Tensor x = at::randn({b, groups * n, c}), keys = keys_of(at::randn({b, groups * n, 3, heads, d}));
    const int r = static_cast<int>(std::min<int64_t>(any(static_cast<int>((n + 1) / 2)), n - 1)) - (i % 9 == 0);
    PruneCall call{1, static_cast<int>(groups), i % 2 == 1};
    if (i % 4 == 0 && r < (n + 1) / 2) call.keep_token = any(static_cast<int>(groups * n)) / 2 * 2 / n * n;  // the first of its group
    ASSERT_TRUE(cpu_takes(x, keys, kSta));
    const at::Tensor is = select_on_cpu(x, keys, call, r), should = select_sta(x, ops::key_mean(keys), call, r, nullptr);
    ASSERT_EQ(is.sizes(), should.sizes());
    tokens += static_cast<int>(is.numel());
    others += is.ne(should).sum().item<int>();
    for (int64_t k = 0; k < b; ++k) {
      const at::Tensor kept = is[k].contiguous();
      const std::set<int64_t> different(kept.data_ptr<int64_t>(), kept.data_ptr<int64_t>() + kept.numel());
      ASSERT_EQ(static_cast<int64_t>(different.size()), kept.numel());
      if (call.keep_token >= 0) {
        ASSERT_TRUE(different.count(call.keep_token));
      }
    }
  }
  // Two scores may be so near that rounding decides which comes first.
  EXPECT_LE(others, tokens / 1000);
}

TEST_F(PruneCpu, TiesAreTheReferences) {
  const PruneCall call{1, 4, false};
  for (const bool zero : {false, true}) {
    const at::Tensor x = zero ? at::zeros({2, 4 * 10, 16}) : at::ones({2, 4 * 10, 16});
    const at::Tensor keys = zero ? at::zeros({2, 4 * 10, 2, 8}) : at::ones({2, 4 * 10, 2, 8});
    EXPECT_TRUE(at::equal(select_on_cpu(x, keys, call, 3), select_sta(x, ops::key_mean(keys), call, 3, nullptr)));
  }
}

TEST_F(PruneCpu, WhatIsNotANumberCrashesNothing) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    at::Tensor x = at::randn({1, 4 * 20, 16}), keys = at::randn({1, 4 * 20, 2, 8});
    x[0][25] = bad;
    keys[0][3] = bad;
    keys[0][44] = bad;
    const at::Tensor kept = select_on_cpu(x, keys, {1, 4, false}, 7);
    const std::set<int64_t> different(kept.data_ptr<int64_t>(), kept.data_ptr<int64_t>() + kept.numel());
    EXPECT_EQ(different.size(), 4u * 13u);
    EXPECT_GE(*different.begin(), 0);
    EXPECT_LT(*different.rbegin(), 4 * 20);
  }
}

TEST_F(PruneCpu, RefusesWhatItCannotDo) {
  const at::Tensor x = at::randn({1, 16, 8}), keys = at::randn({1, 16, 2, 4});
  EXPECT_FALSE(cpu_takes(x.to(at::kBFloat16), keys.to(at::kBFloat16), kSta));
  EXPECT_FALSE(cpu_takes(x, keys, {STA_PRUNING_RANDOM, 1, {}}));
  EXPECT_FALSE(cpu_takes(at::randn({1, 8, 16}).transpose(1, 2), keys, kSta));
  EXPECT_FALSE(cpu_takes(x, at::randn({1, 16, 2, 300}), kSta));
  EXPECT_THROW(select_on_cpu(x, keys, {1, 4, false}, 3), c10::Error);
  EXPECT_THROW(select_on_cpu(x, keys, {1, 4, false, 1}, 1), c10::Error);
}

}  // namespace
}  // namespace sta
