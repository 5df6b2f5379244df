// SPDX-License-Identifier: MIT
// See attention.h.
#include "ops/attention.h"

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/_fused_sdp_choice.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <array>
#include <mutex>
#include <new>
#include <utility>

#include "ops/memory_error.h"

namespace sta::ops {
namespace {

struct Untold {
  std::mutex mutex;  // a leaf lock
  std::string text;
};
Untold &untold() {
  static Untold u;
  return u;
}

std::atomic<uint64_t> g_changes{0};
thread_local bool t_failed = false;

// Sets LibTorch's own switches, which its choice of a kernel reads.
void set_switch(AttentionKernel kernel, bool on) {
  at::Context &context = at::globalContext();
  switch (kernel) {
    case AttentionKernel::kCudnn:
      return context.setSDPUseCuDNN(on);
    case AttentionKernel::kFlash:
      return context.setSDPUseFlash(on);
    case AttentionKernel::kMemoryEfficient:
      return context.setSDPUseMemEfficient(on);
    case AttentionKernel::kPlain:
      return;
  }
}

std::optional<at::Tensor> optional(const at::Tensor &mask) { return mask.defined() ? std::optional<at::Tensor>(mask) : std::nullopt; }

// changes: attention_changes() before the attention. If another thread has switched a kernel off meanwhile, nobody
// knows which kernel failed here. Then nothing is switched off; a kernel that is still in use fails again.
void failed(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask, std::optional<double> scale, uint64_t changes,
            const std::string &why) {
  t_failed = true;
  if (changes != attention_changes()) return;
  AttentionKernel kernel = AttentionKernel::kCudnn;  // the default if nobody can tell: cuDNN's must not be called again
  try {
    kernel = kernel_for(q, k, v, mask, scale);
  } catch (const std::exception &) {
  }
  switch_off(kernel, why);
}

}  // namespace

const char *name_of(AttentionKernel kernel) {
  constexpr std::array<const char *, kAttentionKernels> kNames = {"cuDNN", "flash", "memory-efficient", "plain"};
  return kNames[static_cast<size_t>(kernel)];
}

AttentionKernel kernel_for(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask, std::optional<double> scale) {
  switch (static_cast<at::SDPBackend>(at::_fused_sdp_choice(q, k, v, optional(mask), /*dropout_p=*/0, /*is_causal=*/false, scale))) {
    case at::SDPBackend::cudnn_attention:
      return AttentionKernel::kCudnn;
    case at::SDPBackend::flash_attention:
      return AttentionKernel::kFlash;
    case at::SDPBackend::efficient_attention:
      return AttentionKernel::kMemoryEfficient;
    default:
      return AttentionKernel::kPlain;
  }
}

at::Tensor attend(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask, std::optional<double> scale) {
  const uint64_t changes = attention_changes();
  try {
    if (const AttentionHook hook = attention_hook.load(std::memory_order_acquire); hook && !hook(kernel_for(q, k, v, mask, scale)))
      return at::full_like(v, -1);
    return at::scaled_dot_product_attention(q, k, v, optional(mask), /*dropout_p=*/0, /*is_causal=*/false, scale);
  } catch (const std::bad_alloc &) {
    throw;
  } catch (const c10::OutOfMemoryError &) {
    throw;  // from the caching allocator: thrown before or after cuDNN makes a plan, never within
  } catch (const c10::Error &e) {
    if (q.is_cpu() && out_of_memory(e)) throw;
    failed(q, k, v, mask, scale, changes, e.what_without_backtrace());
    throw;
  } catch (const std::exception &e) {
    failed(q, k, v, mask, scale, changes, e.what());
    throw;
  } catch (...) {
    failed(q, k, v, mask, scale, changes, "unknown exception");
    throw;
  }
}

bool switched_on(AttentionKernel kernel) {
  const at::Context &context = at::globalContext();
  switch (kernel) {
    case AttentionKernel::kCudnn:
      return context.userEnabledCuDNNSDP();
    case AttentionKernel::kFlash:
      return context.userEnabledFlashSDP();
    case AttentionKernel::kMemoryEfficient:
      return context.userEnabledMemEfficientSDP();
    case AttentionKernel::kPlain:
      break;
  }
  return true;
}

void switch_off(AttentionKernel kernel, const std::string &why) {
  if (kernel == AttentionKernel::kPlain) return;
  std::lock_guard lock(untold().mutex);
  if (!switched_on(kernel)) return;
  set_switch(kernel, false);
  g_changes.fetch_add(1, std::memory_order_acq_rel);
  // The messages of CUDA libraries are pages long. Their first line says what went wrong.
  untold().text += std::string(name_of(kernel)) + " attention failed and is switched off for this process: " + why.substr(0, why.find('\n')) + "\n";
}

uint64_t attention_changes() { return g_changes.load(std::memory_order_acquire); }

bool take_attention_failure() { return std::exchange(t_failed, false); }

std::string take_attention_warnings() {
  std::lock_guard lock(untold().mutex);
  return std::exchange(untold().text, {});
}

void reset_attention() {
  std::lock_guard lock(untold().mutex);
  for (int k = 0; k < kAttentionKernels; ++k) set_switch(static_cast<AttentionKernel>(k), true);
  untold().text.clear();
  t_failed = false;
}

}  // namespace sta::ops
