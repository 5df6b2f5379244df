// SPDX-License-Identifier: MIT
// Tests the kernels against sta-core/pruning, the reference, and through sta-core the way a model uses them; on the
// emulated device.
//
// The reference leaves the order of its sums to ATen; the kernels fix theirs. So where two scores differ by no more
// than the rounding of such sums, either may come first. Apart from that, the tokens and their order must be the same.
// The golden files have no such near ties and must be met exactly.
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <random>

#include "checkpoint/model_folder.h"
#include "device_memory.h"
#include "emulated_library.h"
#include "model/video_swin.h"
#include "model/vit.h"
#include "prune_case.h"
#include "pruning/prune_step.h"
#include "pruning/ragged.h"
#include "support/golden_swin.h"
#include "support/ragged_counts.h"

namespace {

using prune_case::Kind;
using ragged_counts::random_counts;

double max_diff(const at::Tensor &a, const at::Tensor &b) { return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>(); }

enum class Match { kSame, kNearTie, kDifferent };

// Compares group by group in scan order. got, want: [T·(N-r)]. After a group that keeps other tokens because of a near
// tie, masses differ, and nothing more can be said.
Match compare(const at::Tensor &got, const at::Tensor &want, const sta::PruneTrace &trace, const sta::PruneCall &call, int n) {
  const int64_t t = call.groups, kept = want.numel() / t;
  const auto *a = got.const_data_ptr<int64_t>(), *b = want.const_data_ptr<int64_t>();
  const at::Tensor scores = trace.score[0].contiguous(), similarities = trace.first_sim[0].contiguous();
  Match match = Match::kSame;
  for (int64_t step = 0; step < t; ++step) {
    const int64_t g = call.backward ? t - 1 - step : step;
    const float *score = scores.const_data_ptr<float>() + g * n;
    // The tolerance is a few units in the last place. In the first pair, each of N tokens hands out a mass of 1; from
    // the second pair on, all tokens together hand out 1.
    float scale = 1;
    if (step > 0) scale = *std::max_element(score, score + n);
    const auto score_of = [&](int64_t token) {
      const int64_t i = token - g * n;
      if (step > 0) return score[i];
      return i % 2 == 1 ? -2.0f : similarities.const_data_ptr<float>()[i / 2];  // targets come first, in order
    };
    for (int64_t k = g * kept; k < (g + 1) * kept; ++k) {
      if (a[k] == b[k]) continue;
      if (a[k] / n != g || std::abs(score_of(a[k]) - score_of(b[k])) > 4e-6f * scale) return Match::kDifferent;
      match = Match::kNearTie;
    }
    std::vector<int64_t> x(a + g * kept, a + (g + 1) * kept), y(b + g * kept, b + (g + 1) * kept);
    std::sort(x.begin(), x.end());
    std::sort(y.begin(), y.end());
    if (x != y) break;
  }
  return match;
}

// Tensors this small are not worth a second thread.
const bool g_one_thread = (at::set_num_threads(1), true);

TEST(CudaPruneStep, SelectsWhatTheReferenceSelects) {
  ASSERT_TRUE(g_one_thread);
  const c10::InferenceMode guard;
  constexpr int kInputs = 2000;
  int near_ties = 0, ordinary = 0;
  for (int i = 0; i < kInputs; ++i) {
    const prune_case::Size size = prune_case::random_size(static_cast<uint64_t>(i) + 5000);
    const Kind kind = static_cast<Kind>(i % static_cast<int>(Kind::kCount));
    // The squares of these numbers are denormal. In ATen, the processor decides what becomes of them.
    if (kind == Kind::kTiny || size.drop == 0) continue;
    const reference::PruneInput in = prune_case::make(kind, size, static_cast<uint64_t>(i) + 5000);
    const int64_t l = size.groups * size.n;
    const at::Tensor x = at::tensor(in.x).view({1, l, size.channels}), keys = at::tensor(in.keys).view({1, l, size.heads, size.dim});
    const sta::PruneCall call{1, size.groups, size.backward, in.keep_token};
    const sta::PruneSettings settings{STA_PRUNING_STA, size.drop, {}};
    sta::PruneTrace trace;
    const at::Tensor want = sta::select_tokens(x, sta::ops::key_mean(keys), call, settings, &trace);
    device::use(device::schedules()[static_cast<size_t>(i) % device::schedules().size()]);
    ASSERT_TRUE(sta::kernels_take(&kEmulated, x, keys, call, settings));
    const sta::PrunedTokens got = sta::prune_by_kernels(kEmulated, x, keys, call, size.drop, nullptr);
    const Match match = compare(got.kept[0], want[0], trace, call, size.n);
    ASSERT_NE(match, Match::kDifferent) << "input " << i << " kind " << static_cast<int>(kind) << " T " << size.groups << " N " << size.n << " r "
                                        << size.drop << "\n"
                                        << got.kept << want;
    if (kind != Kind::kRandom && kind != Kind::kClustered) continue;
    ++ordinary;
    near_ties += match == Match::kNearTie;
  }
  // Input without exact ties: near ties happen by accident.
  EXPECT_GT(ordinary, 300);
  EXPECT_LE(near_ties, ordinary / 50);
}

class CudaGoldenPrune : public testing::TestWithParam<std::string> {};

TEST_P(CudaGoldenPrune, ExactTokensInOrder) {
  const c10::InferenceMode guard;
  const auto file = golden::read("prune/" + GetParam() + ".safetensors");
  const auto number = [&](const char *key) { return std::stoi(file.metadata.at(key)); };
  const int t = number("T"), r = number("r");
  const golden::PruneInput in = golden::prune_input(t, number("N"), number("C"), number("D"), std::stoull(file.metadata.at("seed")));
  const sta::PruneCall call{1, t, file.metadata.at("scan") == "backward"};
  for (const auto &schedule : device::schedules()) {
    device::use(schedule);
    const at::Tensor kept = sta::prune_by_kernels(kEmulated, in.x, in.key.unsqueeze(2), call, r, nullptr).kept;
    EXPECT_TRUE(at::equal(kept[0].to(at::kInt), file.tensors.at("kept"))) << schedule.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Official, CudaGoldenPrune, testing::ValuesIn(golden::prune_files()), [](const auto &info) { return info.param; });

// Keys are a view into qkv; the stream is a view with its own strides; the LayerNorm is ATen's.
TEST(CudaPruneStep, GathersAndNormalisesViewsInEveryPrecision) {
  const c10::InferenceMode guard;
  const int64_t b = 3, t = 4, n = 25, c = 96, h = 3, d = 32;
  const at::Tensor qkv = golden::tensor("qkv", {b, t * n, 3, h, d}, 1, 1.0), wide = golden::tensor("x", {b, t * n, c + 7}, 2, 1.0);
  const sta::PruneCall call{2, static_cast<int>(t), true};
  for (const at::ScalarType type : {at::kFloat, at::kHalf, at::kBFloat16}) {
    const at::Tensor keys = qkv.to(type).select(2, 1), x = wide.to(type).slice(2, 3, 3 + c);
    const sta::ops::LayerNorm norm{golden::tensor("w", {c}, 3, 0.2, 1).to(type), golden::tensor("b", {c}, 4, 0.1).to(type), 1e-6};
    const sta::PrunedTokens got = sta::prune_by_kernels(kEmulated, x, keys, call, 9, &norm);
    sta::PruneTrace trace;
    const at::Tensor want = sta::select_tokens(x, sta::ops::key_mean(keys), call, {STA_PRUNING_STA, 9, {}}, &trace);
    EXPECT_TRUE(at::equal(got.kept, want)) << type;
    EXPECT_TRUE(at::equal(got.x, sta::ops::gather_tokens(x.contiguous(), want))) << type;
    EXPECT_EQ(got.normed.scalar_type(), type);
    EXPECT_LE(max_diff(got.normed, sta::ops::layer_norm(got.x.to(at::kFloat), {norm.weight.to(at::kFloat), norm.bias.to(at::kFloat), 1e-6})),
              type == at::kFloat  ? 2e-6
              : type == at::kHalf ? 2e-3
                                  : 2e-2)
        << type;
  }
}

TEST(CudaPruneStep, WhatTheKernelsDoNotTakeIsLeftToAten) {
  const at::Tensor x = at::zeros({1, 16, 8}), keys = at::zeros({1, 16, 1, 8}), wide = at::zeros({1, 16, 1, 129});
  const sta::PruneCall call{1, 4, false};
  EXPECT_TRUE(sta::kernels_take(&kEmulated, x, keys, call, {STA_PRUNING_STA, 2, {}}));
  EXPECT_FALSE(sta::kernels_take(nullptr, x, keys, call, {STA_PRUNING_STA, 2, {}}));
  EXPECT_FALSE(sta::kernels_take(&kEmulated, x, keys, call, {STA_PRUNING_RANDOM, 2, {}}));
  EXPECT_FALSE(sta::kernels_take(&kEmulated, x, wide, call, {STA_PRUNING_STA, 2, {}}));
  EXPECT_FALSE(sta::kernels_take(&kEmulated, x.to(at::kDouble), keys.to(at::kDouble), call, {STA_PRUNING_STA, 2, {}}));
  EXPECT_FALSE(sta::kernels_take(&kEmulated, x.transpose(1, 2).contiguous().transpose(1, 2), keys, call, {STA_PRUNING_STA, 2, {}}));
}

// Video Swin selects at the entry of three stages, three launches each. ATen does the work where a group loses more
// than half of its tokens. The order of the kept tokens means nothing here, because every stage selects afresh. In a
// near tie either token may come first.
TEST(CudaPruneStep, ForwardPassOfAVideoSwin) {
  const c10::InferenceMode guard;
  const std::array<int, 3> shape{32, 112, 112};
  const sta::ModelDescription model = golden::describe_swin("micro_w8", shape);
  const sta::StateDict weights = golden::swin_weights(model, 22);
  const sta::VideoSwin plain(model, weights, at::kFloat, at::kCPU), fused(model, weights, at::kFloat, at::kCPU, &kEmulated);
  const at::Tensor clip = golden::swin_clip("noise", shape, 3).unsqueeze(0);
  for (const auto &[r, calls] : {std::pair{0, 0}, {192, 3}, {320, 1}}) {
    const sta::PruneSettings settings{STA_PRUNING_STA, r, {}};
    const sta::ForwardOutput want = plain.forward(clip, settings);
    const uint64_t before = emulation::launch_count();
    const sta::ForwardOutput got = fused.forward(clip, settings);
    EXPECT_EQ(emulation::launch_count() - before, 3u * static_cast<unsigned>(calls)) << "r " << r;
    ASSERT_EQ(got.kept.size(), want.kept.size());
    for (size_t i = 0; i < want.kept.size(); ++i)
      EXPECT_TRUE(at::equal(std::get<0>(got.kept[i].sort(1)), std::get<0>(want.kept[i].sort(1)))) << "call " << i + 1 << " r " << r;
    EXPECT_LE(max_diff(got.logits, want.logits), 1e-4) << "r " << r;
  }
}

// Groups that differ in size, empty and single ones among them, with and without a token that has to stay.
TEST(CudaPruneStep, RaggedGroupsAsTheReference) {
  const c10::InferenceMode guard;
  at::manual_seed(21);
  std::mt19937 random(21);
  int calls = 0, other = 0;
  for (int round = 0; round < 300; ++round) {
    const int n = 2 + static_cast<int>(random() % 70), steps = std::array{4, 8}[random() % 2], b = 1 + static_cast<int>(random() % 3);
    const bool class_token = random() % 3 == 0 && n > 2;
    const int r = 1 + static_cast<int>(random() % static_cast<unsigned>((n - (class_token ? 1 : 0)) / 2));
    const int heads = 1 + static_cast<int>(random() % 3);
    const sta::PruneSettings settings{STA_PRUNING_STA, r, {}};
    const auto plan = sta::plan_ragged(random_counts(random, b, steps, n), n, r, class_token, true);
    at::Tensor x = at::randn({b, plan[0].tokens, 24}), keys = at::randn({b, plan[0].tokens, heads, 8});
    for (const sta::RaggedCall &call : plan) {
      device::use(device::schedules()[static_cast<size_t>(round) % device::schedules().size()]);
      ASSERT_TRUE(sta::kernels_take(&kEmulated, x, keys, call, settings));
      const sta::PrunedTokens got = sta::prune_by_kernels(kEmulated, x, keys, call, nullptr);
      const at::Tensor want = sta::select_ragged(x, sta::ops::key_mean(keys), call, settings);
      ++calls;
      if (!at::equal(got.kept, want)) {
        // A near tie: another token of the same group, or another order. The kept tokens are still as many of each group.
        ++other;
        for (int64_t i = 0; i < b; ++i) {
          int64_t first = 0, place = 0;
          const sta::RaggedGroups &w = call.windows[static_cast<size_t>(i)];
          for (size_t g = 0; g < w.counts.size(); ++g) {
            const int64_t kept = w.counts[g] - w.drops[g];
            const at::Tensor part = got.kept[i].slice(0, place, place + kept);
            ASSERT_TRUE(kept == 0 || (part.min().item<int64_t>() >= first && part.max().item<int64_t>() < first + w.counts[g]));
            first += w.counts[g];
            place += kept;
          }
        }
      }
      ASSERT_TRUE(at::equal(got.x, sta::ops::gather_tokens(x, got.kept)));
      for (int64_t i = 0; i < b; ++i)
        if (const sta::RaggedGroups &w = call.windows[static_cast<size_t>(i)]; w.keep_token >= 0) {
          ASSERT_EQ(got.kept[i][w.keep_token_after].item<int64_t>(), w.keep_token);
        }
      keys = keys.reshape({b, call.tokens, heads * 8});
      keys = sta::ops::gather_tokens(keys, want).view({b, call.kept, heads, 8});
      x = sta::ops::gather_tokens(x, want);
    }
  }
  EXPECT_LE(other, calls / 50);
}

TEST(CudaPruneStep, RaggedCallsThatTheKernelsDoNotTake) {
  const auto plan = sta::plan_ragged({{6, 2, 0, 3}}, 6, 2, false, true);
  const at::Tensor x = at::zeros({1, 11, 8}), keys = at::zeros({1, 11, 1, 8}), wide = at::zeros({1, 11, 1, 129});
  EXPECT_TRUE(sta::kernels_take(&kEmulated, x, keys, plan[0], {STA_PRUNING_STA, 2, {}}));
  EXPECT_FALSE(sta::kernels_take(nullptr, x, keys, plan[0], {STA_PRUNING_STA, 2, {}}));
  EXPECT_FALSE(sta::kernels_take(&kEmulated, x, keys, plan[0], {STA_PRUNING_RANDOM, 2, {}}));
  EXPECT_FALSE(sta::kernels_take(&kEmulated, x, wide, plan[0], {STA_PRUNING_STA, 2, {}}));
}

// A pass that sees part of its tokens: the same tokens after each call, the same logits, four launches per call.
TEST(CudaPruneStep, ForwardPassOfAStillScene) {
  const c10::InferenceMode guard;
  const sta::ModelDescription model = golden::describe("micro");
  const sta::StateDict weights = golden::weights(model, 1);
  const at::Tensor clips = at::stack({golden::clip("noise", 64, 1), golden::clip("scene", 64, 2)});
  const int l = model.tokens(), places = model.step_tokens();
  std::mt19937 random(22);
  const sta::Vit plain(model, weights, at::kFloat, at::kCPU), fused(model, weights, at::kFloat, at::kCPU, &kEmulated);
  for (const int count : {places + 8, 64, l - 8})
    for (const int r : {0, 3, 8}) {
      sta::PruneSettings settings{STA_PRUNING_STA, r, {}};
      for (int b = 0; b < 2; ++b) {
        const sta::StillGrid grid{model.steps(), model.tubelet, model.height / model.patch, model.width / model.patch, model.patch, {1, 1, 1}};
        sta::StillMask mask;
        mask.changed = places;
        for (int i = 0; i < l; ++i) mask.change.push_back(i < places ? std::numeric_limits<float>::infinity() : static_cast<float>(random() % 1000));
        settings.still.push_back(sta::choose_tokens(grid, mask, count));
      }
      const sta::ForwardOutput want = plain.forward(clips, settings);
      const uint64_t before = emulation::launch_count();
      const sta::ForwardOutput got = fused.forward(clips, settings);
      EXPECT_EQ(emulation::launch_count() - before, r == 0 ? 0u : 12u);
      ASSERT_EQ(got.kept.size(), want.kept.size());
      for (size_t i = 0; i < want.kept.size(); ++i) EXPECT_TRUE(at::equal(got.kept[i], want.kept[i])) << "call " << i + 1 << " r " << r;
      EXPECT_LE(max_diff(got.logits, want.logits), 1e-4) << "tokens " << count << " r " << r;
    }
}

// The kernels see the patches of a ViViT behind its class token, and the keys of a V-JEPA 2 before they are rotated.
TEST(CudaPruneStep, ForwardPassWithAClassTokenOrRotaryPositions) {
  const c10::InferenceMode guard;
  for (const char *name : {"vivit_nano", "vjepa2_nano"}) {
    auto loaded = sta::load_model(golden::path(std::string("hf_models/") + name), {});
    ASSERT_TRUE(loaded) << loaded.error().message;
    const sta::ModelDescription &model = loaded->description;
    const at::Tensor clips = at::stack({golden::clip("noise", 64, 1), golden::clip("scene", 64, 2)});
    const sta::Vit plain(model, loaded->weights, at::kFloat, at::kCPU), fused(model, loaded->weights, at::kFloat, at::kCPU, &kEmulated);
    sta::StillTokens some;
    for (int i = 0; i < model.tokens(); ++i)
      if (i < model.step_tokens() || i % 3 > 0) some.tokens.push_back(i);
    some.runs.assign(some.tokens.size(), 1);
    for (const bool still : {false, true})
      for (const int r : {1, 5, 8}) {
        sta::PruneSettings settings{STA_PRUNING_STA, r, {}};
        if (still) settings.still = {some, some};
        const sta::ForwardOutput want = plain.forward(clips, settings);
        const uint64_t before = emulation::launch_count();
        const sta::ForwardOutput got = fused.forward(clips, settings);
        EXPECT_EQ(emulation::launch_count() - before, 12u);
        ASSERT_EQ(got.kept.size(), want.kept.size());
        for (size_t i = 0; i < want.kept.size(); ++i) EXPECT_TRUE(at::equal(got.kept[i], want.kept[i])) << name << " call " << i + 1 << " r " << r;
        EXPECT_LE(max_diff(got.logits, want.logits), 1e-4) << name << " r " << r;
      }
  }
}

// A whole forward pass: the same tokens after each of the three calls, the same logits, four launches per call.
TEST(CudaPruneStep, ForwardPassOfAModel) {
  const c10::InferenceMode guard;
  const sta::ModelDescription model = golden::describe("micro");
  const sta::StateDict weights = golden::weights(model, 1);
  const at::Tensor clips = at::stack({golden::clip("noise", 64, 1), golden::clip("scene", 64, 2)});
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const sta::Vit plain(model, weights, type, at::kCPU), fused(model, weights, type, at::kCPU, &kEmulated);
    for (const int r : {0, 1, 5, 8}) {
      const sta::PruneSettings settings{STA_PRUNING_STA, r, {}};
      const sta::ForwardOutput want = plain.forward(clips, settings);
      const uint64_t before = emulation::launch_count();
      const sta::ForwardOutput got = fused.forward(clips, settings);
      EXPECT_EQ(emulation::launch_count() - before, r == 0 ? 0u : 12u);
      ASSERT_EQ(got.kept.size(), want.kept.size());
      EXPECT_LE(max_diff(got.logits, want.logits), type == at::kFloat ? 1e-4 : 5e-2) << type << " r " << r;
      if (type != at::kFloat) continue;  // in bf16 the LayerNorms round differently, and later selections with them
      for (size_t i = 0; i < want.kept.size(); ++i) EXPECT_TRUE(at::equal(got.kept[i], want.kept[i])) << "call " << i + 1 << " r " << r;
    }
  }
}

}  // namespace
