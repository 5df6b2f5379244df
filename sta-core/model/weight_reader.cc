// SPDX-License-Identifier: MIT
// See weight_reader.h.
#include "model/weight_reader.h"

#include <ATen/core/Tensor.h>

#include <utility>

#include "model/model.h"
#include "ops/cpu_ops.h"

namespace sta {

at::Tensor WeightReader::tensor(const std::string &name, at::ScalarType type) { return take_weight(weights_, name, type, device_); }

ops::Linear WeightReader::linear(const std::string &name, at::ScalarType type) {
  if (type != type_ || !ops::packs(device_, type)) return {tensor(name + ".weight", type), tensor(name + ".bias", type)};
  // Packed from where they are: a copy in between would be one more in memory.
  const at::Tensor read = std::move(weights_.at(name + ".weight"));
  return ops::packed(read, tensor(name + ".bias", type));
}

ops::LayerNorm WeightReader::norm(const std::string &name, double eps, at::ScalarType type) {
  return {tensor(name + ".weight", type), tensor(name + ".bias", type), eps};
}

}  // namespace sta
