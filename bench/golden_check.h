// SPDX-License-Identifier: MIT
// Checks whether a device computes the same as the official implementation. It runs whole forward passes in fp32 and
// compares them with the golden files, by the rules of tests/golden/README.md. The weights and clips of those files
// were chosen so that scores at a boundary differ by more than rounding. Other generated weights leave near ties, and
// then two correct programs keep different tokens.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/model.h"

namespace gpu_bench {

struct GoldenPass {
  std::string name;  // of the file, e.g. "vits_noise_r64"
  sta::ModelDescription model;
  uint64_t weight_seed = 0;  // of golden::weights
  int drop_number = 0;
  at::Tensor clip;               // f32 [1,3,16,H,W]
  at::Tensor logits;             // f32 [n]
  std::vector<at::Tensor> kept;  // int64 [K], like ForwardOutput.kept of one item; empty if dense
};

/// Throws std::runtime_error if there is no such file.
GoldenPass read_golden_pass(const std::string &name);

/// got: output for the clip alone, on any device. After each call the same set of original tokens must be left, in any
/// order; logits must agree within `tolerance`. Prints one line; returns {"check", "same_tokens", "logit_difference",
/// "good"}.
nlohmann::json judge(const std::string &what, const GoldenPass &want, const sta::ForwardOutput &got, double tolerance = 1e-4);

}  // namespace gpu_bench
