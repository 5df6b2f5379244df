// SPDX-License-Identifier: MIT
// Tests STA on Video Swin, which is a reconstruction: how many tokens stay, that pruning changes nothing where it
// cannot matter, that dropped tokens are neither updated nor seen, and that the kept tokens follow the rule.
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <map>

#include "model/flops.h"
#include "model/video_swin.h"
#include "support/golden_swin.h"

namespace {

using sta::VideoSwin;

double max_diff(const at::Tensor &a, const at::Tensor &b) { return (a - b).abs().max().item<double>(); }

const std::array<int, 3> kShape{32, 112, 112};  // grids of 16 x 28 x 28, 14 x 14, 7 x 7, 4 x 4

sta::ModelDescription micro() { return golden::describe_swin("micro_w8", kShape); }

const sta::StateDict &micro_weights() {
  static const sta::StateDict weights = golden::swin_weights(micro(), 22);
  return weights;
}

const VideoSwin &micro_model() {
  static const VideoSwin model(micro(), micro_weights(), at::kFloat, at::kCPU);
  return model;
}

at::Tensor clip(uint64_t seed) { return golden::swin_clip("blocks", kShape, seed); }

sta::PruneSettings with(sta_pruning rule, int r) { return {rule, r, {1, 2}}; }

// The expected counts: 192, 256, 320 of 784; 144, 192, 240 of 392; 96, 128, 160 of 196.
TEST(VideoSwinPrune, DropsWhatTheDesignSays) {
  sta::ModelDescription m;
  ASSERT_TRUE(sta::describe_arch("video_swin_base", m));
  EXPECT_EQ(m.max_drop_number(), 384);
  for (const int r : {64, 192, 256, 320, 384}) {
    const int groups[] = {0, 16, 8, 4}, drops[] = {0, r, 3 * r / 4, r / 2};
    for (int s = 0; s < 4; ++s) {
      const sta::StagePrune p = sta::stage_prune(m, s, r);
      EXPECT_EQ(p.call.index, s);
      EXPECT_EQ(p.call.groups, groups[s]);
      EXPECT_EQ(p.drop_number, drops[s]);
      EXPECT_EQ(p.call.backward, s == 2);
    }
  }
  EXPECT_EQ(sta::stage_prune(m, 1, 0).call.index, 0);
}

TEST(VideoSwinPrune, ScalesWithTheSizeAndAlwaysKeepsAToken) {
  const auto m = golden::describe_swin("micro_w8", {16, 112, 112});  // 8 x 14 x 14, 7 x 7, 4 x 4 at stages 2, 3, 4
  for (const auto &[stage, groups, tokens] : {std::tuple{1, 8, 196}, {2, 4, 98}, {3, 2, 64}})
    for (const int r : {1, 100, 320, 384}) {
      const sta::StagePrune p = sta::stage_prune(m, stage, r);
      EXPECT_EQ(p.call.groups, groups);
      EXPECT_EQ(p.drop_number, std::min<int>(static_cast<int>(tokens * r * (0.5 + 0.5 * stage) / 784 + 0.5), tokens - 1)) << stage << " r " << r;
    }
  auto odd = m;
  odd.num_frames = 12;  // six time steps
  EXPECT_EQ(odd.max_drop_number(), 0);
  EXPECT_EQ(sta::stage_prune(odd, 1, 100).call.index, 0);
  const auto tiny = golden::describe_swin("nano", {8, 24, 24});  // 4 x 1 x 1 at stage 4
  EXPECT_EQ(sta::stage_prune(tiny, 3, 384).drop_number, 3);
}

TEST(VideoSwinPrune, KeepsExactlySoManyDeterministically) {
  const c10::InferenceMode guard;
  const at::Tensor x = clip(2201).unsqueeze(0);
  for (const auto rule : {STA_PRUNING_STA, STA_PRUNING_RANDOM})
    for (const int r : {192, 384}) {
      const auto out = micro_model().forward(x, with(rule, r)), again = micro_model().forward(x, with(rule, r));
      ASSERT_EQ(out.kept.size(), 3u);
      for (int s = 1; s < 4; ++s) {
        const sta::StagePrune p = sta::stage_prune(micro(), s, r);
        const auto g = micro().stage_grid(s);
        const int64_t n = int64_t{g[0]} * g[1] * g[2] / p.call.groups, kept = n - p.drop_number;
        const at::Tensor keep = out.kept[s - 1];
        ASSERT_EQ(keep.sizes(), (std::vector<int64_t>{1, p.call.groups * kept})) << "stage " << s << " r " << r;
        EXPECT_EQ(std::get<0>(at::_unique(keep)).numel(), keep.numel());
        // The same number from every group.
        EXPECT_TRUE(at::equal(at::bincount(at::floor_divide(keep[0], n)), at::full({p.call.groups}, kept, at::kLong)));
        EXPECT_TRUE(at::equal(keep, again.kept[s - 1]));
      }
      EXPECT_TRUE(at::equal(out.logits, again.logits));
      EXPECT_TRUE(at::isfinite(out.logits).all().item<bool>());
    }
}

TEST(VideoSwinPrune, NoneAndZeroAreTheDenseModel) {
  const c10::InferenceMode guard;
  const at::Tensor x = clip(2201).unsqueeze(0);
  const at::Tensor dense = micro_model().forward(x, {}).logits;
  EXPECT_TRUE(at::equal(micro_model().forward(x, with(STA_PRUNING_NONE, 320)).logits, dense));
  EXPECT_TRUE(at::equal(micro_model().forward(x, with(STA_PRUNING_STA, 0)).logits, dense));
  EXPECT_TRUE(micro_model().forward(x, with(STA_PRUNING_NONE, 320)).kept.empty());
  EXPECT_GT(max_diff(micro_model().forward(x, with(STA_PRUNING_STA, 320)).logits, dense), 1e-3) << "pruning should show on these weights";
}

TEST(VideoSwinPrune, BatchItemsPruneIndependently) {
  const c10::InferenceMode guard;
  const at::Tensor clips = at::stack({clip(2201), clip(2202)});
  for (const auto rule : {STA_PRUNING_STA, STA_PRUNING_RANDOM})
    for (const bool fill : {false, true}) {
      sta::PruneSettings settings = with(rule, 256);
      settings.fill_dropped_keys = fill;
      const auto both = micro_model().forward(clips, settings);
      for (int b = 0; b < 2; ++b) {
        sta::PruneSettings one = settings;
        one.seeds = {settings.seeds[b]};
        const auto single = micro_model().forward(clips.slice(0, b, b + 1), one);
        EXPECT_LE(max_diff(single.logits[0], both.logits[b]), 3e-5);
        for (int call = 0; call < 3; ++call) EXPECT_TRUE(at::equal(single.kept[call][0], both.kept[call][b])) << call;
      }
      EXPECT_FALSE(at::equal(both.kept[0][0], both.kept[0][1]));
    }
}

// The blocks of the pruned stages add nothing here. So the result is the dense one, whatever is dropped.
TEST(VideoSwinPrune, WhereBlocksAddNothingPruningChangesNothing) {
  const c10::InferenceMode guard;
  sta::StateDict weights = micro_weights();
  for (auto &[name, tensor] : weights)
    if (name.rfind("layers.0.", 0) != 0 && (name.find(".attn.proj.") != std::string::npos || name.find(".mlp.fc2.") != std::string::npos))
      tensor = at::zeros_like(tensor);
  const VideoSwin model(micro(), weights, at::kFloat, at::kCPU);
  const at::Tensor x = clip(2201).unsqueeze(0);
  const at::Tensor dense = model.forward(x, {}).logits;
  for (const auto rule : {STA_PRUNING_STA, STA_PRUNING_RANDOM})
    for (const int r : {64, 320, 384}) EXPECT_LE(max_diff(model.forward(x, with(rule, r)).logits, dense), 1e-6) << r;
}

// Tokens do not see each other here (attention adds nothing). So every kept token has its dense value after the stage,
// and every dropped one its old value.
TEST(VideoSwinPrune, KeptTokensAreUpdatedDroppedOnesAreNot) {
  const c10::InferenceMode guard;
  sta::StateDict weights = micro_weights();
  for (auto &[name, tensor] : weights)
    if (name.find(".attn.proj.") != std::string::npos) tensor = at::zeros_like(tensor);
  const VideoSwin model(micro(), weights, at::kFloat, at::kCPU);
  const at::Tensor x = clip(2201).unsqueeze(0);
  std::map<std::string, at::Tensor> dense, pruned;
  sta::ForwardProbe a, b;
  a.point = [&](const std::string &name, const at::Tensor &t) { dense[name] = t.clone(); };
  b.point = [&](const std::string &name, const at::Tensor &t) { pruned[name] = t.clone(); };
  model.forward(x, {}, &a);
  const auto out = model.forward(x, with(STA_PRUNING_STA, 256), &b);
  auto rows = [](const at::Tensor &t) { return t.reshape({-1, t.size(-1)}); };
  const at::Tensor keep = out.kept[0][0], entry = rows(dense["merge.0"]);
  at::Tensor dropped = at::ones({entry.size(0)}, at::kBool);
  dropped.index_fill_(0, keep, false);
  dropped = dropped.nonzero().squeeze(1);
  EXPECT_TRUE(at::equal(rows(pruned["merge.0"]), entry)) << "nothing is pruned before the second stage";
  EXPECT_LE(max_diff(rows(pruned["stage.1"]).index_select(0, keep), rows(dense["stage.1"]).index_select(0, keep)), 1e-5);
  EXPECT_TRUE(at::equal(rows(pruned["stage.1"]).index_select(0, dropped), entry.index_select(0, dropped)));
  EXPECT_GT(max_diff(rows(dense["stage.1"]).index_select(0, dropped), entry.index_select(0, dropped)), 0.1);
}

// Dropped tokens are no keys: changing them at the entry of the stage changes no kept token of it. With filled keys it
// does.
TEST(VideoSwinPrune, DroppedTokensAreNotSeen) {
  const c10::InferenceMode guard;
  using namespace sta::ops;
  const int64_t c = 8, h = 2, l = 4 * 7 * 5, k = 60;
  const std::array<int, 3> grid{4, 7, 5}, window{2, 3, 3};
  WindowAttention weights;
  weights.heads = static_cast<int>(h);
  weights.qkv = {golden::tensor("qkv", {3 * c, c}, 1, 0.5), golden::tensor("qkv.bias", {3 * c}, 1, 0.5)};
  weights.proj = {golden::tensor("proj", {c, c}, 1, 0.5), golden::tensor("proj.bias", {c}, 1, 0.5)};
  weights.bias_table = golden::tensor("table", {h, bias_rows(window)}, 1, 1.0);
  const at::Tensor x = golden::tensor("x", {2 * l, c}, 1, 2.0);
  for (const bool shifted : {false, true}) {
    const WindowPlan plan = make_window_plan(grid, window, shifted, at::kFloat, at::kCPU);
    EXPECT_TRUE(plan.padded);
    const at::Tensor all = at::arange(l).unsqueeze(0).expand({2, l});
    const at::Tensor keep = at::stack({at::arange(k) * 2, at::arange(k) * 2 + 1});
    at::Tensor rows = at::full({2, l + 1}, 2 * l, at::kLong);
    rows.slice(1, 0, l).copy_(at::arange(2 * l).view({2, l}));
    // The reference: all tokens are there. The dropped ones are masked by hand, with a score table of one window.
    const at::Tensor kept_x = at::cat({x.index_select(0, keep[0]), x.index_select(0, keep[1] + l)});
    at::Tensor kept_rows = at::full({2, l + 1}, 2 * k + 1, at::kLong);
    kept_rows.scatter_(1, keep, at::arange(2 * k).view({2, k}));
    kept_rows.select(1, l).fill_(2 * k);
    const at::Tensor got = window_attention(kept_x, weights, plan, index_windows(plan, kept_rows, keep), true).view({2, k, c});

    const at::Tensor qkv = at::cat({linear(x, weights.qkv), weights.qkv.bias.view({1, 3 * c})}).view({-1, 3, h, c / h});
    for (int64_t item = 0; item < 2; ++item)
      for (const int64_t i : {int64_t{0}, int64_t{17}, k - 1}) {
        const int64_t token = keep[item][i].item<int64_t>(), slot = plan.token_slot[token].item<int64_t>(), n = plan.window_tokens;
        const int64_t first = slot / n * n;
        at::Tensor mask;
        for (const WindowRun &run : plan.runs)
          if (slot / n >= run.first && slot / n < run.first + run.count) mask = run.mask;
        at::Tensor mixed = at::zeros({h, c / h}), sum = at::zeros({h});
        for (int64_t j = 0; j < n; ++j) {
          const int64_t other = plan.slot_token[first + j].item<int64_t>();
          const bool padding = other == l;
          if (!padding && !(keep[item] == other).any().item<bool>()) continue;
          const at::Tensor key = qkv[padding ? 2 * l : item * l + other];
          const at::Tensor bias = weights.bias_table.select(1, plan.bias_row[(slot - first) * n + j].item<int64_t>());
          at::Tensor score = (qkv[item * l + token][0] * key[1]).sum(1) / std::sqrt(static_cast<double>(c / h)) + bias;
          if (mask.defined()) score = score + mask[slot - first][j];
          const at::Tensor e = score.exp();
          sum = sum + e;
          mixed = mixed + e.unsqueeze(1) * key[2];
        }
        const at::Tensor want = linear((mixed / sum.unsqueeze(1)).reshape({1, c}), weights.proj)[0];
        EXPECT_LE(max_diff(got[item][i], want), 1e-5) << "item " << item << " token " << token << " shifted " << shifted;
      }
    // With nothing dropped, it is the dense attention.
    const at::Tensor dense = window_attention(x, weights, plan, index_windows(plan, rows, all), false);
    at::Tensor rows_two = rows.clone();
    const at::Tensor flagged = window_attention(x, weights, plan, index_windows(plan, rows_two, all), true);
    EXPECT_LE(max_diff(dense, flagged), 1e-5);
  }
}

// The first group of a call loses even positions. If that is not enough, it loses all of them, and the odd ones are
// matched anew for the rest.
TEST(VideoSwinPrune, MoreThanHalfOfTheFirstGroup) {
  const c10::InferenceMode guard;
  const int64_t n = 12;
  const at::Tensor key = golden::tensor("key", {1, n, 5}, 3, 1.0), x = golden::tensor("x", {1, n, 5}, 3, 1.0);
  const at::Tensor odd = key.slice(1, 1, n, 2);  // six tokens: positions 1, 3, ..., 11 of the group
  for (const int r : {6, 7, 8, 9, 10, 11}) {
    const at::Tensor kept = sta::select_tokens(x, key, {1, 1, false}, {STA_PRUNING_STA, r, {}});
    ASSERT_EQ(kept.sizes(), (std::vector<int64_t>{1, n - r}));
    EXPECT_TRUE((kept % 2 == 1).all().item<bool>());
    EXPECT_EQ(std::get<0>(at::_unique(kept)).numel(), n - r);
    if (r > 6 && r <= 9) {
      const at::Tensor again = sta::select_tokens(x.slice(1, 1, n, 2), odd, {1, 1, false}, {STA_PRUNING_STA, r - 6, {}});
      EXPECT_TRUE(at::equal(kept, again * 2 + 1)) << r;
    }
  }
}

// Reduced precision drops other tokens near the threshold, but not many.
class VideoSwinPruneReduced : public testing::TestWithParam<at::ScalarType> {};

TEST_P(VideoSwinPruneReduced, CloseToFp32) {
  const c10::InferenceMode guard;
  const VideoSwin model(micro(), micro_weights(), GetParam(), at::kCPU);
  const at::Tensor x = clip(2201).unsqueeze(0);
  const auto want = micro_model().forward(x, with(STA_PRUNING_STA, 192)), got = model.forward(x, with(STA_PRUNING_STA, 192));
  EXPECT_GE(at::isin(got.kept[0], want.kept[0]).to(at::kDouble).mean().item<double>(), 0.97);
  EXPECT_GE(at::cosine_similarity(got.logits[0], want.logits[0], 0).item<double>(), 0.99);
}

INSTANTIATE_TEST_SUITE_P(Types, VideoSwinPruneReduced, testing::Values(at::kBFloat16, at::kHalf),
                         [](const auto &info) { return std::string(c10::toString(info.param)); });

}  // namespace
