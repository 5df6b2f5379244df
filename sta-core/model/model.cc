// SPDX-License-Identifier: MIT
// See model.h.
#include "model/model.h"

#include "model/video_swin.h"
#include "model/vit.h"

namespace sta {

std::unique_ptr<Model> make_model(const ModelDescription &description, const std::map<std::string, at::Tensor> &weights, at::ScalarType type,
                                  at::Device device, const KernelLibrary *kernels) {
  if (description.pyramid()) return std::make_unique<VideoSwin>(description, weights, type, device, kernels);
  return std::make_unique<Vit>(description, weights, type, device, kernels);
}

}  // namespace sta
