// SPDX-License-Identifier: MIT
// End to end against the official implementation: every file under golden/vit, tiny to H, fp32. Kept tokens are
// compared as tests/golden/README.md says: as sets of original tokens after each call; logits within 5e-5, residual
// stream within 1e-4.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "cpu/cpu_kernels.h"
#include "model/vit.h"
#include "support/golden.h"

namespace {

struct Case {
  std::string file;  // without extension
  std::string config;
  int r;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto &entry : std::filesystem::directory_iterator(golden::path("vit"))) {
    const std::string name = entry.path().stem().string();
    if (name.find("batch2") != std::string::npos) continue;
    const size_t r = name.rfind("_r");
    all.push_back({name, name.substr(0, name.find('_')), std::stoi(name.substr(r + 2))});
  }
  std::sort(all.begin(), all.end(), [](const Case &a, const Case &b) { return a.file < b.file; });
  return all;
}

// Models are made once per configuration and only the current one is kept: H is 2.5 GB.
const sta::Vit &model_of(const std::string &config, uint64_t seed) {
  static std::string current;
  static std::unique_ptr<sta::Vit> model;
  if (current != config) {
    model.reset();
    const auto description = golden::describe(config);
    model = std::make_unique<sta::Vit>(description, golden::weights(description, seed), at::kFloat, at::kCPU);
    current = config;
  }
  return *model;
}

std::set<int64_t> as_set(const at::Tensor &t) {
  const at::Tensor l = t.to(at::kLong).contiguous();
  return {l.data_ptr<int64_t>(), l.data_ptr<int64_t>() + l.numel()};
}

// How many tokens of theirs are not in mine.
size_t missing(const at::Tensor &mine, const at::Tensor &theirs) {
  const std::set<int64_t> there = as_set(mine), wanted = as_set(theirs);
  return std::count_if(wanted.begin(), wanted.end(), [&](int64_t token) { return !there.count(token); });
}

double max_diff(const at::Tensor &a, const at::Tensor &b) { return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>(); }

class GoldenVit : public testing::TestWithParam<Case> {};

TEST_P(GoldenVit, SameTokensSameLogits) {
  const c10::InferenceMode guard;
  const auto file = golden::read("vit/" + GetParam().file + ".safetensors");
  const auto &t = file.tensors;
  const auto &meta = file.metadata;
  const int r = GetParam().r;
  const sta::Vit &model = model_of(GetParam().config, std::stoull(meta.at("weight_seed")));
  const at::Tensor clip = golden::clip(meta.at("clip_kind"), std::stoi(meta.at("image_size")), std::stoull(meta.at("clip_seed"))).unsqueeze(0);

  // In one file two tokens (10 and 73) whose scores only rounding sets apart are neighbours in the order that call 2
  // emits. Call 3 looks at even and odd positions of its first group, so one token differs if they change places. The
  // CPU's own kernels round differently from compiler to compiler. LibTorch's products give the official order
  // (golden-vit-libtorch).
  const bool may_swap = GetParam().file == "vitb_noise_r32" && sta::cpu::cpu_kernels();
  const size_t swapped = may_swap ? 1 : 0;
  const double logits_tolerance = may_swap ? 2e-2 : 5e-5;

  int probes = 0;
  sta::ForwardProbe probe;
  probe.block = [&](int block, const at::Tensor &x) {
    if (may_swap && block > 8) return;  // after call 3
    if (t.count("block_probe")) {
      // In-order comparison is meant: where neighbours could swap for rounding alone, the first four tokens of these
      // files do not.
      EXPECT_LE(max_diff(x[0].slice(0, 0, 4).slice(1, 0, 16), t.at("block_probe")[block]), 1e-4) << "block " << block;
      EXPECT_NEAR(x.abs().mean().item<double>(), t.at("block_absmean")[block].item<double>(), 1e-4) << "block " << block;
    }
    if (const auto it = t.find("block." + std::to_string(block)); it != t.end()) {
      EXPECT_LE(max_diff(x[0], it->second), 1e-4) << "block " << block;
      ++probes;
    }
  };
  probe.prune = [&](int call, const at::Tensor &key_mean, const sta::PruneTrace &trace) {
    const std::string c = "." + std::to_string(call);
    if (!t.count("S" + c)) return;
    EXPECT_LE(max_diff(key_mean[0], t.at("key_mean" + c)), 1e-4) << "call " << call;
    EXPECT_LE(max_diff(trace.semantic[0], t.at("F" + c)), 2e-5) << "call " << call;
    EXPECT_LE(max_diff(trace.accumulated[0], t.at("A" + c)), 1e-5 * t.at("A" + c).abs().max().item<double>()) << "call " << call;
    EXPECT_LE(max_diff(trace.score[0], t.at("S" + c)), 2e-5 * t.at("S" + c).abs().max().item<double>()) << "call " << call;
    EXPECT_LE(max_diff(trace.first_sim[0], t.at("first_sim" + c)), 1e-5) << "call " << call;
    ++probes;
  };
  sta::PruneSettings prune{STA_PRUNING_STA, r, {}};
  const sta::ForwardOutput out = model.forward(clip, prune, &probe);
  if (t.count("block.0")) {
    EXPECT_GE(probes, 3);
  }

  EXPECT_LE(max_diff(out.logits[0], t.at("logits")), logits_tolerance);
  EXPECT_LE(max_diff(out.features[0], t.at("features")), logits_tolerance);
  ASSERT_EQ(out.kept.size(), r > 0 ? 3u : 0u);
  at::Tensor mine, theirs;
  for (size_t call = 0; call < out.kept.size(); ++call) {
    const at::Tensor a = out.kept[call][0], b = t.at("kept_" + std::to_string(call + 1)).to(at::kLong);
    mine = call == 0 ? a : mine.index_select(0, a);
    theirs = call == 0 ? b : theirs.index_select(0, b);
    EXPECT_LE(missing(mine, theirs), call == 2 ? swapped : 0) << "call " << call + 1;
    EXPECT_EQ(mine.numel(), theirs.numel());
  }
  if (r > 0) {
    EXPECT_LE(missing(mine, t.at("final_tokens")), swapped);
  }
}

INSTANTIATE_TEST_SUITE_P(Official, GoldenVit, testing::ValuesIn(cases()), [](const auto &info) { return info.param.file; });

TEST(GoldenVitBatch, ItemsPruneIndependently) {
  const c10::InferenceMode guard;
  const auto file = golden::read("vit/micro_batch2_r5.safetensors");
  const auto model = golden::describe("micro");
  const sta::Vit vit(model, golden::weights(model, 1), at::kFloat, at::kCPU);
  const at::Tensor clips = at::stack({golden::clip("noise", 64, 100), golden::clip("scene", 64, 100)});
  const auto out = vit.forward(clips, {STA_PRUNING_STA, 5, {}});
  EXPECT_LE(max_diff(out.logits, file.tensors.at("logits")), 5e-5);
  for (int call = 0; call < 3; ++call)
    EXPECT_TRUE(at::equal(out.kept[call].to(at::kInt), file.tensors.at("kept_" + std::to_string(call + 1)))) << "call " << call + 1;
}

// The official code's first logits for clips without any contrast (tests/golden/README.md).
TEST(GoldenVitDegenerate, FlatClipsAreFinite) {
  const c10::InferenceMode guard;
  const auto model = golden::describe("micro");
  const sta::Vit vit(model, golden::weights(model, 1), at::kFloat, at::kCPU);
  const std::pair<float, std::array<float, 3>> expected[] = {{0.0f, {-1.26839f, 0.89201f, -0.74601f}}, {1.0f, {0.25592f, 2.11834f, -0.08746f}}};
  for (const auto &[value, logits] : expected) {
    const auto out = vit.forward(at::full({1, 3, 16, 64, 64}, value), {STA_PRUNING_STA, 5, {}});
    ASSERT_TRUE(at::isfinite(out.logits).all().item<bool>());
    for (int i = 0; i < 3; ++i) EXPECT_NEAR(out.logits[0][i].item<float>(), logits[i], 5e-5f);
  }
}

// Reduced precision: the dense model stays within 0.04; pruned runs drop other tokens, so overlap and direction are
// compared, not tokens.
class GoldenReduced : public testing::TestWithParam<at::ScalarType> {};

TEST_P(GoldenReduced, CloseToFp32) {
  const c10::InferenceMode guard;
  const auto model = golden::describe("micro");
  const sta::Vit vit(model, golden::weights(model, 1), GetParam(), at::kCPU);
  for (const auto &[name, r] : {std::pair{"micro_noise_r0", 0}, {"micro_scene_r0", 0}, {"micro_noise_r5", 5}, {"micro_scene_r5", 5}}) {
    const auto file = golden::read(std::string("vit/") + name + ".safetensors");
    const at::Tensor clip = golden::clip(file.metadata.at("clip_kind"), 64, 100).unsqueeze(0);
    const auto out = vit.forward(clip, {STA_PRUNING_STA, r, {}});
    const at::Tensor want = file.tensors.at("logits");
    const double cosine = at::cosine_similarity(out.logits[0], want, 0).item<double>();
    if (r == 0) {
      EXPECT_LE(max_diff(out.logits[0], want), 0.04) << name;
    } else {
      const std::set<int64_t> a = as_set(out.kept[0][0]), b = as_set(file.tensors.at("kept_1"));
      std::vector<int64_t> common;
      std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(common));
      EXPECT_GE(static_cast<double>(common.size()) / static_cast<double>(b.size()), 0.85) << name;
      EXPECT_EQ(out.logits[0].argmax().item<int64_t>(), want.argmax().item<int64_t>()) << name;
    }
    EXPECT_GE(cosine, 0.97) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, GoldenReduced, testing::Values(at::kBFloat16, at::kHalf),
                         [](const auto &info) { return std::string(c10::toString(info.param)); });

}  // namespace
