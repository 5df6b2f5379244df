// SPDX-License-Identifier: MIT
// Helpers for calling libsta-cuda: one turns its status and message into a Status, the other keeps the right device
// current during the calls.
#pragma once

#include "cuda/kernel_library.h"
#include "result.h"

namespace sta {

/// Calls a function of the library with a buffer for its message. Errors: UNSUPPORTED, DEVICE.
template <typename Call>
Status library_call(const Call &call) {
  char message[STA_CUDA_MESSAGE] = "";
  const sta_cuda_status status = call(message);
  if (status == STA_CUDA_OK) return ok();
  return Error{status == STA_CUDA_UNSUPPORTED ? STA_ERROR_UNSUPPORTED : STA_ERROR_DEVICE, message};
}

/// Makes a device current for as long as this object lives. Launching and recording need the stream's device to be
/// current.
class CurrentDevice {
 public:
  CurrentDevice(const KernelLibrary &kernels, int device) : kernels_(kernels), device_(device) {
    status_ = library_call([&](char *message) { return kernels.set_device(device, &previous_, message); });
  }
  ~CurrentDevice() {
    if (status_ && previous_ != device_) kernels_.set_device(previous_, nullptr, nullptr);
  }
  CurrentDevice(const CurrentDevice &) = delete;
  CurrentDevice &operator=(const CurrentDevice &) = delete;
  const Status &status() const { return status_; }

 private:
  const KernelLibrary &kernels_;
  const int device_;
  int previous_ = 0;
  Status status_ = ok();
};

}  // namespace sta
