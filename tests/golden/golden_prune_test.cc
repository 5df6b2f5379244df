// SPDX-License-Identifier: MIT
// One pruning call on generated input against the official merge(): exact tokens in exact order, scores within
// rounding. Then properties on random and degenerate input that no golden file covers.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "pruning/pruning.h"
#include "support/golden.h"

namespace {

double max_diff(const at::Tensor &a, const at::Tensor &b) { return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>(); }

using golden::PruneInput;

class GoldenPrune : public testing::TestWithParam<std::string> {};

TEST_P(GoldenPrune, ExactTokensInOrder) {
  const c10::InferenceMode guard;
  const auto file = golden::read("prune/" + GetParam() + ".safetensors");
  const auto &m = file.metadata;
  auto number = [&](const char *key) { return std::stoi(m.at(key)); };
  const int t = number("T"), r = number("r");
  const PruneInput in = golden::prune_input(t, number("N"), number("C"), number("D"), std::stoull(m.at("seed")));
  sta::PruneTrace trace;
  const sta::PruneCall call{t == 8 ? 1 : t == 4 ? 2 : 3, t, m.at("scan") == "backward"};
  const at::Tensor kept = sta::select_tokens(in.x, in.key, call, {STA_PRUNING_STA, r, {}}, &trace);
  EXPECT_TRUE(at::equal(kept[0].to(at::kInt), file.tensors.at("kept")));
  EXPECT_LE(max_diff(trace.semantic[0], file.tensors.at("F")), 2e-5);
  EXPECT_LE(max_diff(trace.accumulated[0], file.tensors.at("A")), 1e-5 * file.tensors.at("A").abs().max().item<double>());
  EXPECT_LE(max_diff(trace.score[0], file.tensors.at("S")), 2e-5 * file.tensors.at("S").abs().max().item<double>());
  EXPECT_LE(max_diff(trace.first_sim[0], file.tensors.at("first_sim")), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Official, GoldenPrune, testing::ValuesIn(golden::prune_files()), [](const auto &info) { return info.param; });

// Stored x and keys in reduced precision: the scoring is fp32, so only the rounding of the inputs can move a token.
TEST(GoldenPruneReduced, Bf16InputsKeepNearlyTheSame) {
  const c10::InferenceMode guard;
  const auto file = golden::read("prune/prune_T8_N196_r64.safetensors");
  const PruneInput in =
      golden::prune_input(8, 196, std::stoi(file.metadata.at("C")), std::stoi(file.metadata.at("D")), std::stoull(file.metadata.at("seed")));
  const at::Tensor kept = sta::select_tokens(in.x.to(at::kBFloat16), in.key.to(at::kBFloat16), {1, 8, false}, {STA_PRUNING_STA, 64, {}});
  const at::Tensor want = file.tensors.at("kept").to(at::kLong);
  const double common = at::isin(kept[0], want).to(at::kDouble).mean().item<double>();
  EXPECT_GE(common, 0.98);
}

TEST(PruneProperties, RandomInput) {
  const c10::InferenceMode guard;
  uint64_t seed = 1;
  for (int t : {1, 2, 4, 8})
    for (int n : {2, 3, 7, 16, 49})
      for (int b : {1, 3})
        for (const bool backward : {false, true}) {
          const int r = 1 + static_cast<int>(golden::word(seed, 9) % static_cast<uint64_t>((n + 1) / 2));
          if (r >= n) continue;
          const at::Tensor x = golden::tensor("x", {b, t * n, 5}, ++seed, 1.0), key = golden::tensor("key", {b, t * n, 4}, seed, 1.0);
          for (const sta_pruning rule : {STA_PRUNING_STA, STA_PRUNING_RANDOM}) {
            const sta::PruneSettings settings{rule, r, {7, 8, 9}};
            const at::Tensor kept = sta::select_tokens(x, key, {1, t, backward}, settings);
            ASSERT_EQ(kept.sizes(), (std::vector<int64_t>{b, t * (n - r)}));
            for (int i = 0; i < b; ++i) {
              // Exactly n-r different tokens of every group, groups in time order.
              const at::Tensor group = at::floor_divide(kept[i], n);
              const at::Tensor want = at::arange(t, at::kLong).repeat_interleave(n - r);
              EXPECT_TRUE(at::equal(group, want));
              EXPECT_EQ(std::get<0>(at::_unique(kept[i])).numel(), t * (n - r));
              // An item does not depend on its neighbours in the batch.
              const at::Tensor alone =
                  sta::select_tokens(x.slice(0, i, i + 1), key.slice(0, i, i + 1), {1, t, backward}, {rule, r, {7u + static_cast<uint64_t>(i)}});
              EXPECT_TRUE(at::equal(alone[0], kept[i])) << "t " << t << " n " << n << " r " << r;
            }
          }
        }
}

TEST(PruneProperties, RandomRuleIsSeeded) {
  const at::Tensor x = at::zeros({1, 8 * 49, 4}), key = at::zeros({1, 8 * 49, 4});
  auto kept = [&](uint64_t seed, int call) { return sta::select_tokens(x, key, {call, 8, false}, {STA_PRUNING_RANDOM, 20, {seed}}); };
  EXPECT_TRUE(at::equal(kept(1, 1), kept(1, 1)));
  EXPECT_FALSE(at::equal(kept(1, 1), kept(2, 1)));
  EXPECT_FALSE(at::equal(kept(1, 1), kept(1, 2)));
}

// All tokens equal, all keys zero, one key zero: finite scores, every selection legal, ties keep the earlier token.
TEST(PruneProperties, DegenerateInputIsFinite) {
  const c10::InferenceMode guard;
  const at::Tensor noise = golden::tensor("x", {1, 64, 6}, 5, 1.0);
  at::Tensor one_zero_key = golden::tensor("key", {1, 64, 4}, 5, 1.0).clone();
  one_zero_key[0][17].zero_();
  const std::pair<at::Tensor, at::Tensor> inputs[] = {{at::ones({1, 64, 6}), at::ones({1, 64, 4})},
                                                      {at::zeros({1, 64, 6}), at::zeros({1, 64, 4})},
                                                      {noise, at::zeros({1, 64, 4})},
                                                      {noise, one_zero_key},
                                                      {at::ones({1, 64, 6}), one_zero_key}};
  for (const auto &[x, key] : inputs) {
    sta::PruneTrace trace;
    const at::Tensor kept = sta::select_tokens(x, key, {1, 4, false}, {STA_PRUNING_STA, 5, {}}, &trace);
    for (const at::Tensor &s : {trace.semantic, trace.accumulated, trace.score, trace.first_sim}) EXPECT_TRUE(at::isfinite(s).all().item<bool>());
    EXPECT_EQ(std::get<0>(at::_unique(kept[0])).numel(), 44);
  }
}

// The paper's claim in one picture: a static background is dropped, the moving token stays.
TEST(PruneProperties, StaticBackgroundGoesFirst) {
  const c10::InferenceMode guard;
  constexpr int64_t kT = 4, kN = 16, kD = 8;
  at::Tensor key = golden::tensor("key", {1, kN, kD}, 3, 1.0).unsqueeze(1).repeat({1, kT, 1, 1}), x = at::full({1, kT, kN, 6}, 0.1f);
  for (int64_t t = 0; t < kT; ++t) {
    x[0][t][t + 3].fill_(2.0f);  // semantically strong and at another place in every group
    key[0][t][t + 3] = golden::tensor("mover", {kD}, 4, 1.0);
  }
  const at::Tensor kept = sta::select_tokens(x.view({1, kT * kN, 6}), key.view({1, kT * kN, kD}), {1, kT, false}, {STA_PRUNING_STA, 8, {}});
  for (int64_t t = 1; t < kT; ++t) EXPECT_TRUE((kept[0] == t * kN + t + 3).any().item<bool>()) << "group " << t;
}

}  // namespace
