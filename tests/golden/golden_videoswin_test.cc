// SPDX-License-Identifier: MIT
// Video Swin, dense, end to end against the official implementation: every file under golden/videoswin/outputs, with
// the limits that its README recommends, and in reduced precision.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "model/video_swin.h"
#include "support/golden_swin.h"

namespace {

using golden::three;

double max_diff(const at::Tensor &a, const at::Tensor &b) { return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>(); }

std::vector<std::string> files(bool batch) {
  std::vector<std::string> all;
  for (const auto &entry : std::filesystem::directory_iterator(golden::path("videoswin/outputs"))) {
    const std::string name = entry.path().stem().string();
    if ((name.find("_batch2_") != std::string::npos) == batch) all.push_back(name);
  }
  std::sort(all.begin(), all.end());
  return all;
}

// Weights of the last configuration: swin_b's 88 M take a while to generate.
const sta::StateDict &weights_of(const sta::ModelDescription &m, uint64_t seed) {
  static std::string current;
  static sta::StateDict weights;
  if (current != m.name) {
    weights = golden::swin_weights(m, seed);
    current = m.name;
  }
  return weights;
}

uint64_t word_sum(const at::Tensor &t_in) {
  const at::Tensor t = t_in.contiguous();
  std::vector<uint32_t> bits(static_cast<size_t>(t.numel()));
  std::memcpy(bits.data(), t.data_ptr(), t.nbytes());
  uint64_t sum = 0;
  for (const uint32_t b : bits) sum += b;
  return sum;
}

TEST(GoldenVideoSwinGenerator, TensorsBitForBit) {
  std::ifstream in(golden::path("videoswin/generator_check.json"));
  const auto check = nlohmann::json::parse(in);
  int compared = 0;
  for (const auto &[config, entry] : check.items()) {
    if (!entry.contains("weight_seed")) continue;
    for (const auto &[name, value] : entry["values"].items()) {
      const at::Tensor t = golden::swin_weight(name, value["shape"].get<std::vector<int64_t>>(), entry["weight_seed"]);
      EXPECT_EQ(word_sum(t), value["word_sum"].get<uint64_t>()) << config << " " << name;
      ++compared;
    }
    for (const auto &[name, value] : entry["clips"].items()) {
      const size_t underline = name.find('_');
      std::string shape = name.substr(underline + 1);
      std::replace(shape.begin(), shape.end(), 'x', ',');
      EXPECT_EQ(word_sum(golden::swin_clip(name.substr(0, underline), three(shape), value["seed"])), value["word_sum"].get<uint64_t>()) << name;
      ++compared;
    }
  }
  EXPECT_GE(compared, 56);
}

class GoldenVideoSwin : public testing::TestWithParam<std::string> {};

TEST_P(GoldenVideoSwin, EveryPoint) {
  const c10::InferenceMode guard;
  const auto file = golden::read("videoswin/outputs/" + GetParam() + ".safetensors");
  const auto &meta = file.metadata;
  const auto shape = three(meta.at("clip_shape"));
  const auto m = golden::describe_swin(meta.at("config"), shape);
  const sta::VideoSwin model(m, weights_of(m, std::stoull(meta.at("weight_seed"))), at::kFloat, at::kCPU);
  const std::vector<std::string> points = {"patch_embed", "stage.0", "merge.0", "stage.1", "merge.1", "stage.2", "merge.2", "stage.3", "norm"};
  size_t seen = 0, whole = 0;
  sta::ForwardProbe probe;
  probe.point = [&](const std::string &name, const at::Tensor &x) {
    if (const auto it = file.tensors.find(name); it != file.tensors.end()) {
      ASSERT_EQ(x[0].sizes(), it->second.sizes()) << name;
      EXPECT_LE(max_diff(x[0], it->second), name == "norm" ? 1e-4 : 3e-4) << name;
      ++whole;
    }
    const auto at = std::find(points.begin(), points.end(), name);
    if (at == points.end()) return;
    const int64_t row = at - points.begin(), c = x.size(-1);
    const at::Tensor flat = x[0].reshape({-1, c}), stats = file.tensors.at("point_stats")[row];
    std::vector<int64_t> rows;
    for (int64_t k = 0; k < 8; ++k) rows.push_back(k * (flat.size(0) - 1) / 7);
    EXPECT_LE(max_diff(flat.index_select(0, at::tensor(rows)).slice(1, 0, 8), file.tensors.at("point_probe")[row]), 3e-4) << name;
    const at::Tensor d = flat.to(at::kDouble);
    EXPECT_NEAR(d.mean().item<double>(), stats[0].item<double>(), 2e-5) << name;
    EXPECT_NEAR(d.std(/*unbiased=*/false).item<double>(), stats[1].item<double>(), 2e-5) << name;
    EXPECT_NEAR(d.abs().max().item<double>(), stats[2].item<double>(), 3e-4) << name;
    ++seen;
  };
  const at::Tensor clip = golden::swin_clip(meta.at("clip_kind"), shape, std::stoull(meta.at("clip_seed"))).unsqueeze(0);
  const auto out = model.forward(clip, {}, &probe);
  EXPECT_EQ(seen, points.size());
  EXPECT_GE(whole, GetParam().starts_with("nano") ? 17u : GetParam().starts_with("micro") ? 2u : 0u);
  EXPECT_LE(max_diff(out.logits[0], file.tensors.at("logits")), 3e-5);
  EXPECT_LE(max_diff(out.features[0], file.tensors.at("pooled")), 3e-5);
}

INSTANTIATE_TEST_SUITE_P(Official, GoldenVideoSwin, testing::ValuesIn(files(false)), [](const auto &info) { return info.param; });

class GoldenVideoSwinBatch : public testing::TestWithParam<std::string> {};

TEST_P(GoldenVideoSwinBatch, ItemsAreIndependent) {
  const c10::InferenceMode guard;
  const auto file = golden::read("videoswin/outputs/" + GetParam() + ".safetensors");
  const auto &meta = file.metadata;
  const auto shape = three(meta.at("clip_shape"));
  const auto m = golden::describe_swin(meta.at("config"), shape);
  const sta::VideoSwin model(m, golden::swin_weights(m, std::stoull(meta.at("weight_seed"))), at::kFloat, at::kCPU);
  const std::string seeds = meta.at("clip_seed");
  const size_t comma = seeds.find(',');
  const std::string kind = meta.at("clip_kind");
  const std::string first_kind = kind.substr(0, kind.find(',')),
                    second_kind = kind.substr(kind.find(',') == std::string::npos ? 0 : kind.find(',') + 1);
  const at::Tensor clips = at::stack(
      {golden::swin_clip(first_kind, shape, std::stoull(seeds)), golden::swin_clip(second_kind, shape, std::stoull(seeds.substr(comma + 1)))});
  const auto out = model.forward(clips, {});
  EXPECT_LE(max_diff(out.logits, file.tensors.at("logits")), 3e-5);
  EXPECT_LE(max_diff(out.features, file.tensors.at("pooled")), 3e-5);
}

INSTANTIATE_TEST_SUITE_P(Official, GoldenVideoSwinBatch, testing::ValuesIn(files(true)), [](const auto &info) { return info.param; });

class GoldenVideoSwinReduced : public testing::TestWithParam<at::ScalarType> {};

TEST_P(GoldenVideoSwinReduced, CloseToFp32) {
  const c10::InferenceMode guard;
  for (const std::string &name : files(false)) {
    if (!name.starts_with("nano") && !name.starts_with("micro")) continue;
    const auto file = golden::read("videoswin/outputs/" + name + ".safetensors");
    const auto &meta = file.metadata;
    const auto shape = three(meta.at("clip_shape"));
    const auto m = golden::describe_swin(meta.at("config"), shape);
    const sta::VideoSwin model(m, weights_of(m, std::stoull(meta.at("weight_seed"))), GetParam(), at::kCPU);
    const auto out = model.forward(golden::swin_clip(meta.at("clip_kind"), shape, std::stoull(meta.at("clip_seed"))).unsqueeze(0), {});
    const at::Tensor want = file.tensors.at("logits");
    EXPECT_LE(max_diff(out.logits[0], want), 0.15) << name;
    EXPECT_GE(at::cosine_similarity(out.logits[0], want, 0).item<double>(), name.starts_with("nano") ? 0.99 : 0.999) << name;
    const at::Tensor top = std::get<0>(want.topk(2));
    if ((top[0] - top[1]).item<double>() > 0.3) {
      EXPECT_EQ(out.logits[0].argmax().item<int64_t>(), want.argmax().item<int64_t>()) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, GoldenVideoSwinReduced, testing::Values(at::kBFloat16, at::kHalf),
                         [](const auto &info) { return std::string(c10::toString(info.param)); });

}  // namespace
