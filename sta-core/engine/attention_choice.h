// SPDX-License-Identifier: MIT
// AttentionChoice: finds out which of LibTorch's attention kernels works for one model on its device. It does so before
// the model is used, and again after a forward pass has failed. ops/attention.h explains what fails, and why a failed
// kernel must not be called twice.
//
// It computes a small attention with the model's head sizes and precision, on numbers whose result is known. A kernel
// that fails or gives another result is switched off, and the next one is tried: cuDNN, flash, memory-efficient, plain.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "model/description.h"
#include "result.h"

namespace sta {

/// One kind of attention that a model computes.
struct AttentionShape {
  int heads = 0, head_dim = 0, tokens = 0;  // tokens: a few are enough for a trial
  bool masked = false;                      // with a bias [1,h,tokens,tokens]
};
/// Every kind of attention of the model once, with few tokens.
std::vector<AttentionShape> attention_shapes(const ModelDescription &model);

class AttentionChoice {
 public:
  AttentionChoice(at::Device device, at::ScalarType type, std::vector<AttentionShape> shapes);

  /// Tries all shapes and switches off kernels that fail, until each shape works. Thread-safe. Errors: DEVICE (not even
  /// plain attention works; the message names every kernel and its reason), OUT_OF_MEMORY.
  Status check();
  /// Calls check() if pass_failed() was called since the last successful check(), else does nothing. Every thread calls
  /// it before each pass.
  Status before_pass();
  /// Call it when a pass has failed, at any place.
  void pass_failed() noexcept { due_.store(true, std::memory_order_release); }

  /// The kernels that the last check() found: "flash", or "flash, memory-efficient" if shapes differ. Never freed.
  const char *kernels() const;

 private:
  Status try_shape(const AttentionShape &shape, int &kernels, std::string &reasons) const;

  const at::Device device_;
  const at::ScalarType type_;
  const std::vector<AttentionShape> shapes_;
  std::mutex mutex_;             // one check at a time; the locks of ops/attention.h are taken after it
  std::atomic<bool> due_{true};  // nothing is known yet
  std::atomic<int> kernels_{0};  // bit k: AttentionKernel k
};

}  // namespace sta
