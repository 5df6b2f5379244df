// SPDX-License-Identifier: MIT
// See golden_check.h.
#include "golden_check.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>

#include <cstdio>

#include "support/golden.h"

namespace gpu_bench {

GoldenPass read_golden_pass(const std::string &name) {
  const sta::TensorFile file = golden::read("vit/" + name + ".safetensors");
  const auto &meta = file.metadata;
  GoldenPass pass;
  pass.name = name;
  pass.model = golden::describe(name.substr(0, name.find('_')));
  pass.weight_seed = std::stoull(meta.at("weight_seed"));
  pass.drop_number = std::stoi(meta.at("r"));
  pass.clip = golden::clip(meta.at("clip_kind"), std::stoi(meta.at("image_size")), std::stoull(meta.at("clip_seed"))).unsqueeze(0);
  pass.logits = file.tensors.at("logits").clone();
  for (int call = 1; call <= 3 && pass.drop_number > 0; ++call) pass.kept.push_back(file.tensors.at("kept_" + std::to_string(call)).to(at::kLong));
  return pass;
}

nlohmann::json judge(const std::string &what, const GoldenPass &want, const sta::ForwardOutput &got, double tolerance) {
  bool same = got.kept.size() == want.kept.size();
  at::Tensor mine, theirs;  // original tokens that are left
  for (size_t call = 0; same && call < want.kept.size(); ++call) {
    const at::Tensor a = got.kept[call].cpu()[0], &b = want.kept[call];
    same = a.numel() == b.numel();
    if (!same) break;
    mine = call == 0 ? a : mine.index_select(0, a);
    theirs = call == 0 ? b : theirs.index_select(0, b);
    same = at::equal(std::get<0>(mine.sort()), std::get<0>(theirs.sort()));
  }
  const double difference = (got.logits.cpu()[0] - want.logits).abs().max().item<double>();
  const bool good = same && difference <= tolerance;
  std::printf("check (%s, %s): %s, logits differ by %.2g: %s\n", what.c_str(), want.name.c_str(),
              want.kept.empty() ? "dense"
              : same            ? "the same tokens in all three calls"
                                : "other tokens",
              difference, good ? "good" : "BAD");
  return {{"check", what + ", " + want.name}, {"same_tokens", same}, {"logit_difference", difference}, {"good", good}};
}

}  // namespace gpu_bench
