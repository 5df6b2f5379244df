// SPDX-License-Identifier: MIT
// See model.h.
#include "model/model.h"

#include <ATen/core/Tensor.h>

#include <utility>

#include "model/timesformer.h"
#include "model/video_swin.h"
#include "model/vit.h"

namespace sta {

at::Tensor take_weight(std::map<std::string, at::Tensor> &weights, const std::string &name, at::ScalarType type, at::Device device) {
  const at::Tensor read = std::move(weights.at(name));  // released at the end
  const bool mapped = !read.storage().resizable();      // true for tensors of from_blob
  return read.to(device, type, /*non_blocking=*/false, /*copy=*/mapped).contiguous();
}

std::unique_ptr<Model> make_model(const ModelDescription &description, std::map<std::string, at::Tensor> weights, at::ScalarType type,
                                  at::Device device, const KernelLibrary *kernels) {
  if (description.pyramid()) return std::make_unique<VideoSwin>(description, std::move(weights), type, device, kernels);
  if (description.divided) return std::make_unique<TimeSformer>(description, std::move(weights), type, device);
  return std::make_unique<Vit>(description, std::move(weights), type, device, kernels);
}

}  // namespace sta
