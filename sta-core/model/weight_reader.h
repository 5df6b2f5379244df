// SPDX-License-Identifier: MIT
// WeightReader: hands out the weights of a network by their canonical names, in the type and on the device of the model,
// packed where the CPU's own kernels compute (ops/cpu_ops.h). Each weight can be taken once.
#pragma once

#include <string>

#include "checkpoint/names/vit_names.h"
#include "ops/ops.h"

namespace sta {

class WeightReader {
 public:
  /// weights: must live as long as the reader; what is taken is released in it.
  WeightReader(StateDict &weights, at::ScalarType type, at::Device device) : weights_(weights), type_(type), device_(device) {}

  /// All of these throw c10::Error (out of memory) and std::out_of_range (no such weight; files are checked before).
  at::Tensor tensor(const std::string &name) { return tensor(name, type_); }
  ops::Linear linear(const std::string &name) { return linear(name, type_); }
  ops::LayerNorm norm(const std::string &name, double eps) { return norm(name, eps, type_); }
  /// In another type than the model's: fp32, where a head computes on one row per clip.
  at::Tensor tensor(const std::string &name, at::ScalarType type);
  ops::Linear linear(const std::string &name, at::ScalarType type);
  ops::LayerNorm norm(const std::string &name, double eps, at::ScalarType type);

 private:
  StateDict &weights_;
  const at::ScalarType type_;
  const at::Device device_;
};

}  // namespace sta
