// SPDX-License-Identifier: MIT
// AttentionChoice: finds out which of LibTorch's attention kernels works for one model on its device, before the model
// relies on it, and again after a forward pass has failed. See ops/attention.h for what fails, and why it must not be
// called twice.
//
// A small attention is computed in the model's head sizes and precision, from numbers whose result is known. A kernel
// that fails, or computes something else, is switched off, and the next one is tried: cuDNN, flash, memory-efficient,
// plain.
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
  int heads = 0, head_dim = 0, tokens = 0;  // tokens: a few, as a trial needs
  bool masked = false;                      // with a bias [1,h,tokens,tokens]
};
/// Every kind once, at few tokens.
std::vector<AttentionShape> attention_shapes(const ModelDescription &model);

class AttentionChoice {
 public:
  AttentionChoice(at::Device device, at::ScalarType type, std::vector<AttentionShape> shapes);

  /// Tries all shapes and switches off what fails, until each shape works. Thread-safe. Errors: DEVICE (not even plain
  /// attention works: names every kernel and reason), OUT_OF_MEMORY.
  Status check();
  /// check() if a pass has failed since the last one that succeeded, else nothing. For every thread, before each pass.
  Status before_pass();
  /// A pass failed, wherever in it.
  void pass_failed() noexcept { due_.store(true, std::memory_order_release); }

  /// The kernels found by the last check(): "flash", or "flash, memory-efficient" where shapes differ. Never freed.
  const char *kernels() const;

 private:
  Status try_shape(const AttentionShape &shape, int &kernels, std::string &reasons) const;

  const at::Device device_;
  const at::ScalarType type_;
  const std::vector<AttentionShape> shapes_;
  std::mutex mutex_;             // one check at a time; of ops/attention.h's locks only comes after it
  std::atomic<bool> due_{true};  // nothing is known yet
  std::atomic<int> kernels_{0};  // bit k: AttentionKernel k
};

}  // namespace sta
