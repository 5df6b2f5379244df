// SPDX-License-Identifier: MIT
// Whether a device computes what the official implementation computed: whole forward passes in fp32 against the golden
// files, judged as tests/golden/README.md says. Their weights and clips were chosen so that no two scores at a boundary
// are as close as rounding; generated weights that were not chosen leave near ties, and two right programs then keep
// different tokens.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/model.h"

namespace gpu_bench {

struct GoldenPass {
  std::string name;  // of the file, as "vits_noise_r64"
  sta::ModelDescription model;
  uint64_t weight_seed = 0;  // of golden::weights
  int drop_number = 0;
  at::Tensor clip;               // f32 [1,3,16,H,W]
  at::Tensor logits;             // f32 [n]
  std::vector<at::Tensor> kept;  // int64 [K], as ForwardOutput.kept of one item; empty if dense
};

/// Throws std::runtime_error if there is no such file.
GoldenPass read_golden_pass(const std::string &name);

/// got: of the clip alone, on any device. After each call the same set of original tokens must be left, in any order;
/// logits within `tolerance`. Prints one line; returns {"check", "same_tokens", "logit_difference", "good"}.
nlohmann::json judge(const std::string &what, const GoldenPass &want, const sta::ForwardOutput &got, double tolerance = 1e-4);

}  // namespace gpu_bench
