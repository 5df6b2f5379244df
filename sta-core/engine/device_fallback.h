// SPDX-License-Identifier: MIT
// With device=auto, a model that cannot be opened on the GPU is opened on the CPU instead. This decides which failures
// lead to the fallback, and what the user is told.
#pragma once

#include <c10/core/Device.h>

#include <string>

#include "result.h"

namespace sta {

/// Whether the device failed. Other errors would come back on the CPU: a file that is no model is none there either.
inline bool blames_device(const Error &error) {
  return error.status == STA_ERROR_DEVICE || error.status == STA_ERROR_INTERNAL || error.status == STA_ERROR_OUT_OF_MEMORY;
}

/// open(device, warning) -> Result<T>; warning: one line for the user, "" on the first device. automatic: the user left
/// the choice of device to us. If the second attempt fails too, the result is its error.
template <typename Open>
auto open_with_fallback(bool automatic, at::Device device, Open open) -> decltype(open(device, std::string())) {
  auto opened = open(device, std::string());
  if (opened || !automatic || device.is_cpu() || !blames_device(opened.error())) return opened;
  return open(at::Device(at::kCPU), device.str() + " does not work, so the model runs on the CPU: " + opened.error().message + "\n");
}

}  // namespace sta
