// SPDX-License-Identifier: MIT
// Pruning of groups that differ in size: the paper's rule where nothing is still, a slow oracle in double where
// something is, windows of a batch as each alone; and a ViT that sees only what changed, against the same network
// written out token by token.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <set>

#include "model/vit.h"
#include "pruning/prune_cpu.h"
#include "pruning/ragged.h"
#include "support/ragged_counts.h"
#include "support/small_vit.h"

using namespace sta;
using ragged_counts::random_counts;
using small_model::random_weights;
using small_model::small_vit;

namespace {

std::vector<int64_t> list(const at::Tensor &t) {
  const at::Tensor c = t.to(at::kLong).contiguous();
  return {c.data_ptr<int64_t>(), c.data_ptr<int64_t>() + c.numel()};
}

PruneSettings settings_of(sta_pruning rule, int r) {
  PruneSettings s;
  s.rule = rule;
  s.drop_number = r;
  return s;
}

// The formulas of sta-vit.md on one window, in double, token by token. x [K,C], key [K,D].
std::vector<int64_t> oracle(const at::Tensor &x_in, const at::Tensor &key_in, const RaggedGroups &w, bool backward) {
  const at::Tensor x = x_in.to(at::kDouble), key = key_in.to(at::kDouble);
  const auto f = [&](int64_t i) { return x[i].abs().sum().item<double>(); };
  const auto cosine = [&](int64_t a, int64_t b) {
    return (key[a] * key[b]).sum().item<double>() / (key[a].norm().item<double>() * key[b].norm().item<double>());
  };
  std::vector<std::vector<int64_t>> groups;
  int64_t next = 0;
  for (const int n : w.counts) {
    groups.emplace_back(static_cast<size_t>(n));
    std::iota(groups.back().begin(), groups.back().end(), next);
    next += n;
  }
  std::vector<size_t> scan;
  for (size_t g = 0; g < groups.size(); ++g)
    if (const size_t i = backward ? groups.size() - 1 - g : g; !groups[i].empty()) scan.push_back(i);
  std::vector<std::vector<int64_t>> kept(groups.size());
  std::vector<double> mass;
  for (size_t k = 0; k < scan.size(); ++k) {
    const std::vector<int64_t> &group = groups[scan[k]];
    const size_t keep = group.size() - static_cast<size_t>(w.drops[scan[k]]);
    if (k == 0) {
      std::vector<std::pair<double, int64_t>> sources;
      for (size_t i = 0; i < group.size(); i += 2) {
        double best = -INFINITY;
        for (size_t j = 1; j < group.size(); j += 2) best = std::max(best, cosine(group[i], group[j]));
        sources.emplace_back(group[i] == w.keep_token ? -INFINITY : best, group[i]);
      }
      std::stable_sort(sources.begin(), sources.end(), [](const auto &a, const auto &b) { return a.first < b.first; });
      for (size_t j = 1; j < group.size(); j += 2) kept[scan[0]].push_back(group[j]);
      for (size_t i = 0; kept[scan[0]].size() < keep; ++i) kept[scan[0]].push_back(sources[i].second);
      mass.assign(group.size(), 1);
      continue;
    }
    const std::vector<int64_t> &old = groups[scan[k - 1]];
    std::vector<double> acc(group.size());
    for (size_t j = 0; j < old.size(); ++j) {
      std::vector<double> e;
      for (const int64_t i : group) e.push_back(std::exp(cosine(i, old[j])));
      const double total = std::accumulate(e.begin(), e.end(), 0.0);
      for (size_t i = 0; i < e.size(); ++i) acc[i] += mass[j] * e[i] / total;
    }
    double low = INFINITY, high = -INFINITY;
    for (const int64_t i : group) low = std::min(low, f(i)), high = std::max(high, f(i));
    std::vector<std::pair<double, size_t>> scores;
    for (size_t i = 0; i < group.size(); ++i)
      scores.emplace_back(group[i] == w.keep_token ? -INFINITY : acc[i] * (1 - (f(group[i]) - low) / std::max(high - low, 1e-20)), i);
    std::stable_sort(scores.begin(), scores.end(), [](const auto &a, const auto &b) { return a.first < b.first; });
    mass.assign(group.size(), 0);
    double total = 0;
    for (size_t i = 0; i < keep; ++i) {
      kept[scan[k]].push_back(group[scores[i].second]);
      total += mass[scores[i].second] = acc[scores[i].second];
    }
    for (double &m : mass) m /= total;
  }
  std::vector<int64_t> out;
  for (const auto &g : kept) out.insert(out.end(), g.begin(), g.end());
  return out;
}

TEST(Ragged, EqualGroupsAreThePapersRule) {
  at::manual_seed(5);
  std::mt19937 random(5);
  for (int round = 0; round < 60; ++round) {
    const int n = 2 + static_cast<int>(random() % 40), steps = std::array{4, 8}[random() % 2], b = 1 + static_cast<int>(random() % 3);
    const int r = 1 + static_cast<int>(random() % static_cast<unsigned>(n / 2));
    const bool class_token = random() % 2 == 0 && r < (n + 1) / 2;
    const auto calls =
        plan_ragged(std::vector<std::vector<int>>(static_cast<size_t>(b), std::vector<int>(static_cast<size_t>(steps), n)), n, r, class_token, true);
    at::Tensor x = at::randn({b, steps * n, 12}), key = at::randn({b, steps * n, 6});
    PruneCall dense{1, steps, false};
    if (class_token) dense.keep_token = 0;
    for (const RaggedCall &call : calls) {
      dense.index = call.index;
      dense.backward = call.backward;
      dense.groups = steps >> (call.index - 1);
      const PruneSettings settings = settings_of(STA_PRUNING_STA, r);
      const at::Tensor want = select_tokens(x, key, dense, settings), got = select_ragged(x, key, call, settings);
      ASSERT_TRUE(at::equal(want, got)) << "round " << round << " call " << call.index;
      if (class_token) {
        dense.keep_token = keep_token_after(dense, settings, x.size(1));
        for (const RaggedGroups &w : call.windows) ASSERT_EQ(w.keep_token_after, dense.keep_token);
      }
      x = ops::gather_tokens(x, got);
      key = ops::gather_tokens(key, got);
    }
  }
}

TEST(Ragged, AnyGroupsAsTheOracleSays) {
  at::manual_seed(6);
  std::mt19937 random(6);
  for (int round = 0; round < 150; ++round) {
    const int n = 2 + static_cast<int>(random() % 9), steps = std::array{4, 8}[random() % 2], b = 1 + static_cast<int>(random() % 3);
    const bool class_token = random() % 3 == 0 && n > 2;
    const int r = 1 + static_cast<int>(random() % static_cast<unsigned>((n - (class_token ? 1 : 0)) / 2));
    const auto calls = plan_ragged(random_counts(random, b, steps, n), n, r, class_token, true);
    at::Tensor x = at::randn({b, calls[0].tokens, 12}), key = at::randn({b, calls[0].tokens, 6});
    for (const RaggedCall &call : calls) {
      const at::Tensor got = select_ragged(x, key, call, settings_of(STA_PRUNING_STA, r));
      ASSERT_EQ(got.size(1), call.kept);
      const at::Tensor keys = key.unsqueeze(2);  // of one head
      const at::Tensor by_kernels = cpu_takes(x, keys, settings_of(STA_PRUNING_STA, r)) ? select_on_cpu(x, keys, call) : at::Tensor();
      for (int64_t i = 0; i < b; ++i) {
        const RaggedGroups &w = call.windows[static_cast<size_t>(i)];
        const std::vector<int64_t> want = oracle(x[i], key[i], w, call.backward);
        ASSERT_EQ(list(got[i]), want) << "round " << round << " call " << call.index << " window " << i;
        if (by_kernels.defined()) {
          ASSERT_EQ(list(by_kernels[i]), want) << "kernels, round " << round << " call " << call.index << " window " << i;
        }
        if (class_token) {
          ASSERT_EQ(got[i][w.keep_token_after].item<int64_t>(), w.keep_token);
        }
      }
      x = ops::gather_tokens(x, got);
      key = ops::gather_tokens(key, got);
    }
  }
}

TEST(Ragged, ChanceKeepsAsManyOfEachGroup) {
  std::mt19937 random(7);
  for (int round = 0; round < 100; ++round) {
    const int n = 2 + static_cast<int>(random() % 20), r = 1 + static_cast<int>(random() % static_cast<unsigned>(n / 2));
    const bool class_token = random() % 2 == 0 && 2 * r < n;
    const auto calls = plan_ragged(random_counts(random, 2, 8, n), n, r, class_token, false);
    PruneSettings settings = settings_of(STA_PRUNING_RANDOM, r);
    settings.seeds = {random(), random()};
    const at::Tensor any = at::zeros({2, 1, 1});
    for (const RaggedCall &call : calls) {
      const at::Tensor got = select_ragged(any, any, call, settings);
      for (int64_t i = 0; i < 2; ++i) {
        const RaggedGroups &w = call.windows[static_cast<size_t>(i)];
        const std::vector<int64_t> kept = list(got[i]);
        ASSERT_TRUE(std::is_sorted(kept.begin(), kept.end()));
        ASSERT_EQ(std::set<int64_t>(kept.begin(), kept.end()).size(), kept.size());
        int64_t first = 0;
        for (size_t g = 0; g < w.counts.size(); ++g) {
          const auto in = std::count_if(kept.begin(), kept.end(), [&](int64_t t) { return t >= first && t < first + w.counts[g]; });
          ASSERT_EQ(in, w.counts[g] - w.drops[g]);
          first += w.counts[g];
        }
        if (class_token) {
          ASSERT_EQ(kept[static_cast<size_t>(w.keep_token_after)], w.keep_token);
        }
      }
    }
  }
}

// ---- the network

// The whole pass on one window [3,T,H,W] in double, without a word of the code under test but the plan.
at::Tensor slow_pass(const ModelDescription &m, const StateDict &weights, const at::Tensor &clip, const StillTokens &still, int r) {
  const auto w = [&](const std::string &name) { return weights.at(name).to(at::kDouble); };
  const auto norm = [&](const at::Tensor &x, const std::string &name, double eps) {
    const at::Tensor mean = x.mean(-1, true), centred = x - mean;
    return centred / (centred.pow(2).mean(-1, true) + eps).sqrt() * w(name + ".weight") + w(name + ".bias");
  };
  const auto linear = [&](const at::Tensor &x, const std::string &name) { return at::matmul(x, w(name + ".weight").t()) + w(name + ".bias"); };
  const int64_t columns = m.width / m.patch, n = m.step_tokens(), c = m.embed_dim, h = m.num_heads, d = c / h;
  const at::Tensor table = ops::position_table(m.tokens(), c).to(at::kDouble);
  std::vector<at::Tensor> rows;
  std::vector<int> counts(static_cast<size_t>(m.steps()));
  at::Tensor runs = at::empty({static_cast<int64_t>(still.tokens.size())}, at::kDouble);
  for (size_t i = 0; i < still.tokens.size(); ++i) {
    const int64_t token = still.tokens[i], t = token / n, y = token % n / columns, x = token % columns;
    ++counts[static_cast<size_t>(t)];
    runs[static_cast<int64_t>(i)] = still.runs[i];
    const at::Tensor cut =
        clip.slice(1, t * m.tubelet, (t + 1) * m.tubelet).slice(2, y * m.patch, (y + 1) * m.patch).slice(3, x * m.patch, (x + 1) * m.patch);
    rows.push_back(linear(cut.to(at::kDouble).reshape({-1}), "patch_embed.proj") + table[token]);
  }
  at::Tensor x = at::stack(rows);
  const auto calls = r > 0 ? plan_ragged({counts}, static_cast<int>(n), r, !m.mean_pooling, true) : std::vector<RaggedCall>();
  size_t call = 0;
  int64_t class_token = 0;
  for (int i = 0; i < m.depth; ++i) {
    const std::string b = "blocks." + std::to_string(i) + ".";
    const at::Tensor qkv = linear(norm(x, b + "norm1", m.block_eps), b + "attn.qkv").view({x.size(0), 3, h, d});
    const at::Tensor q = qkv.select(1, 0).transpose(0, 1), k = qkv.select(1, 1).transpose(0, 1), v = qkv.select(1, 2).transpose(0, 1);
    const at::Tensor attended = at::matmul(at::softmax(at::matmul(q, k.transpose(1, 2)) / std::sqrt(static_cast<double>(d)), -1), v);
    x = x + linear(attended.transpose(0, 1).reshape({x.size(0), c}), b + "attn.proj");
    x = x + linear(at::gelu(linear(norm(x, b + "norm2", m.block_eps), b + "mlp.fc1")), b + "mlp.fc2");
    if (calls.empty() || !(i == 0 || i == m.depth / 3 || i == 2 * m.depth / 3)) continue;
    const std::vector<int64_t> kept = oracle(x, k.mean(0), calls[call].windows[0], calls[call].backward);
    const at::Tensor index = at::tensor(kept);
    class_token = std::find(kept.begin(), kept.end(), class_token) - kept.begin();
    x = x.index_select(0, index);
    runs = runs.index_select(0, index);
    ++call;
  }
  const at::Tensor pooled = m.mean_pooling ? (x * runs.unsqueeze(1)).sum(0) / runs.sum() : x[class_token];
  return linear(norm(pooled, m.mean_pooling ? "fc_norm" : "norm", m.mean_pooling ? m.fc_norm_eps : m.block_eps), "head");
}

// A clip [3,T,H,W] in which most patches repeat the step before.
at::Tensor calm_clip(const ModelDescription &m, std::mt19937 &random, double share) {
  at::Tensor clip = at::randn({3, m.num_frames, m.height, m.width});
  for (int t = 1; t < m.steps(); ++t)
    for (int y = 0; y < m.height / m.patch; ++y)
      for (int x = 0; x < m.width / m.patch; ++x) {
        if (random() % 1000 >= 1000 * share) continue;
        const auto cut = [&](int step) {
          return clip.slice(1, step * m.tubelet, (step + 1) * m.tubelet)
              .slice(2, y * m.patch, (y + 1) * m.patch)
              .slice(3, x * m.patch, (x + 1) * m.patch);
        };
        cut(t).copy_(cut(t - 1));
      }
  return clip;
}

StillTokens kept_of(const ModelDescription &m, const at::Tensor &clip, int count = 0) {
  const StillGrid grid{m.steps(), m.tubelet, m.height / m.patch, m.width / m.patch, m.patch, {1, 1, 1}};
  const at::Tensor tubelets = ops::tubelets(clip.unsqueeze(0), m.tubelet, m.patch).contiguous();
  StillMask mask;
  find_still(grid, tubelets.data_ptr<float>(), tubelets.size(2), 0.05f, mask);
  return choose_tokens(grid, mask, count > 0 ? count : still_bucket(grid, mask.changed, 4));
}

TEST(StillVit, AsTheNetworkWrittenOut) {
  at::manual_seed(8);
  std::mt19937 random(8);
  for (const bool mean_pooling : {true, false}) {
    const ModelDescription m = small_vit(mean_pooling);
    const StateDict weights = random_weights(m);
    const Vit vit(m, weights, at::kFloat, at::kCPU);
    for (const double share : {0.0, 0.3, 0.8, 0.97, 1.0})
      for (const int r : {0, 1, 4, mean_pooling ? 8 : 7}) {
        const at::Tensor clip = calm_clip(m, random, share);
        const StillTokens still = kept_of(m, clip);
        PruneSettings settings = settings_of(STA_PRUNING_STA, r);
        settings.still = {still};
        const ForwardOutput out = vit.forward(clip.unsqueeze(0), settings);
        const at::Tensor want = slow_pass(m, weights, clip, still, r);
        ASSERT_LT((out.logits[0].to(at::kDouble) - want).abs().max().item<double>(), 2e-4) << "share " << share << " r " << r;
        ASSERT_EQ(list(out.input_tokens), std::vector<int64_t>(still.tokens.begin(), still.tokens.end()));
      }
  }
}

TEST(StillVit, AllTokensAreTheDensePass) {
  at::manual_seed(9);
  const ModelDescription m = small_vit(true);
  const Vit vit(m, random_weights(m), at::kFloat, at::kCPU);
  std::mt19937 random(9);
  const at::Tensor clip = calm_clip(m, random, 0.5);
  for (const int r : {0, 3, 8}) {
    PruneSettings settings = settings_of(STA_PRUNING_STA, r);
    const ForwardOutput dense = vit.forward(clip.unsqueeze(0), settings);
    settings.still = {kept_of(m, clip, m.tokens())};
    const ForwardOutput all = vit.forward(clip.unsqueeze(0), settings);
    EXPECT_LT((dense.logits - all.logits).abs().max().item<double>(), 1e-5);
    ASSERT_EQ(dense.kept.size(), all.kept.size());
    for (size_t i = 0; i < dense.kept.size(); ++i) EXPECT_TRUE(at::equal(dense.kept[i], all.kept[i]));
  }
}

TEST(StillVit, WindowsOfABatchAsEachAlone) {
  at::manual_seed(10);
  std::mt19937 random(10);
  for (const bool mean_pooling : {true, false}) {
    const ModelDescription m = small_vit(mean_pooling);
    const Vit vit(m, random_weights(m), at::kFloat, at::kCPU);
    std::vector<at::Tensor> clips;
    std::vector<StillTokens> still;
    size_t most = 0;
    for (const double share : {1.0, 0.7, 0.9}) {
      clips.push_back(calm_clip(m, random, share));
      most = std::max(most, kept_of(m, clips.back()).tokens.size());
    }
    for (const at::Tensor &clip : clips) still.push_back(kept_of(m, clip, static_cast<int>(most)));
    PruneSettings together = settings_of(STA_PRUNING_STA, 5);
    together.still = still;
    const ForwardOutput out = vit.forward(at::stack(clips), together);
    for (size_t i = 0; i < clips.size(); ++i) {
      PruneSettings alone = settings_of(STA_PRUNING_STA, 5);
      alone.still = {still[i]};
      const ForwardOutput one = vit.forward(clips[i].unsqueeze(0), alone);
      EXPECT_LT((out.logits[static_cast<int64_t>(i)] - one.logits[0]).abs().max().item<double>(), 1e-4) << i;
    }
  }
}

TEST(StillVit, WhatDoesNotFitIsRefused) {
  const ModelDescription m = small_vit(true);
  at::manual_seed(11);
  const Vit vit(m, random_weights(m), at::kFloat, at::kCPU);
  std::mt19937 random(11);
  const at::Tensor clip = calm_clip(m, random, 0.9);
  PruneSettings settings = settings_of(STA_PRUNING_STA, 2);
  settings.still = {kept_of(m, clip)};
  EXPECT_THROW(vit.forward(at::stack({clip, clip}), settings), c10::Error);
  settings.still.push_back(kept_of(m, clip, m.tokens()));
  EXPECT_THROW(vit.forward(at::stack({clip, clip}), settings), c10::Error);
}

}  // namespace
