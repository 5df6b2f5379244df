// SPDX-License-Identifier: MIT
// ViViT, V-JEPA 2 and TimeSformer against transformers: folders as save_pretrained writes them, on random weights
// (tests/golden/README.md, hf_models). The stream after the embedding and after each block, and the logits.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <memory>

#include "checkpoint/model_folder.h"
#include "model/model.h"
#include "support/golden.h"

namespace {

sta::LoadedModel load(const std::string &name) {
  auto model = sta::load_model(golden::path("hf_models/" + name), {});
  EXPECT_TRUE(model) << model.error().message;
  return *std::move(model);
}

sta::TensorFile numbers_of(const std::string &name) { return golden::read("hf_models/" + name + "_golden.safetensors"); }

// [1,T,3,H,W], the clip layout of transformers -> [1,3,T,H,W].
at::Tensor clip_of(const sta::TensorFile &file) { return file.tensors.at("clip").transpose(1, 2).contiguous(); }

double max_diff(const at::Tensor &a, const at::Tensor &b) { return (a.to(at::kFloat) - b.to(at::kFloat)).abs().max().item<double>(); }

class GoldenBackbone : public testing::TestWithParam<const char *> {};

TEST_P(GoldenBackbone, DenseLogitsAndEveryBlock) {
  const c10::InferenceMode guard;
  const sta::LoadedModel loaded = load(GetParam());
  EXPECT_EQ(loaded.description.warnings, "");
  const auto model = sta::make_model(loaded.description, loaded.weights, at::kFloat, at::kCPU);
  const sta::TensorFile file = numbers_of(GetParam());
  const bool hidden = file.tensors.count("hidden_0") > 0;
  int compared = 0;
  const auto compare = [&](int index, const at::Tensor &x) {
    ++compared;
    if (!hidden) return;
    EXPECT_LE(max_diff(x, file.tensors.at("hidden_" + std::to_string(index))), 3e-4) << "hidden_" << index;
  };
  sta::ForwardProbe probe;
  probe.point = [&](const std::string &name, const at::Tensor &x) {
    if (name == "embedding") compare(0, x);
  };
  probe.block = [&](int block, const at::Tensor &x) { compare(block + 1, x); };
  const sta::ForwardOutput out = model->forward(clip_of(file), {}, &probe);
  EXPECT_EQ(compared, loaded.description.depth + 1);
  EXPECT_LE(max_diff(out.logits, file.tensors.at("logits")), 5e-5);
  EXPECT_TRUE(out.kept.empty());
}

// Two clips of a batch do not see each other.
TEST_P(GoldenBackbone, ClipsOfABatchAreIndependent) {
  const c10::InferenceMode guard;
  const sta::LoadedModel loaded = load(GetParam());
  const auto model = sta::make_model(loaded.description, loaded.weights, at::kFloat, at::kCPU);
  const sta::TensorFile file = numbers_of(GetParam());
  const at::Tensor clip = clip_of(file);
  const sta::ForwardOutput out = model->forward(at::cat({at::zeros_like(clip), clip}), {});
  EXPECT_LE(max_diff(out.logits[1], file.tensors.at("logits")[0]), 5e-5);
}

// bf16 and fp16 round every product. Logits of these random models have a deviation of about one.
TEST_P(GoldenBackbone, ReducedPrecisionIsClose) {
  const c10::InferenceMode guard;
  const sta::LoadedModel loaded = load(GetParam());
  const sta::TensorFile file = numbers_of(GetParam());
  const at::Tensor want = file.tensors.at("logits");
  const double scale = want.abs().max().item<double>();
  for (const auto &[type, tolerance] : {std::pair{at::kBFloat16, 0.05}, {at::kHalf, 0.01}}) {
    const auto model = sta::make_model(loaded.description, loaded.weights, type, at::kCPU);
    EXPECT_LE(max_diff(model->forward(clip_of(file), {}).logits, want), tolerance * scale) << type << " logits up to " << scale;
  }
}

INSTANTIATE_TEST_SUITE_P(Transformers, GoldenBackbone,
                         testing::Values("vivit_nano", "vivit_micro", "vjepa2_nano", "vjepa2_micro", "timesformer_nano"),
                         [](const auto &info) { return std::string(info.param); });

}  // namespace
