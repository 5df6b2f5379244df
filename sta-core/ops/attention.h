// SPDX-License-Identifier: MIT
// Attention with LibTorch's kernels, and what happens when one of them fails.
//
// LibTorch chooses among up to four kernels: cuDNN's (on newer GPUs, in bf16 and fp16), flash, memory-efficient, plain.
// On some machines one of them fails. Mostly this is cuDNN's, which compiles its kernels while the program runs.
// LibTorch 2.11 then leaves an empty entry in the thread's table of cuDNN plans, and the next call of the same shape
// crashes the process. So a kernel that fails for any reason except a lack of memory is switched off for the whole
// process, before anybody can call it again. LibTorch then takes the next one.
//
// The caller of the failed attention sees the failure; engine/attention_choice.h tries again.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

namespace sta::ops {

/// In the order in which they are tried.
enum class AttentionKernel : int { kCudnn = 0, kFlash = 1, kMemoryEfficient = 2, kPlain = 3 };
constexpr int kAttentionKernels = 4;

/// "cuDNN", "flash", "memory-efficient", "plain"
const char *name_of(AttentionKernel kernel);

/// softmax(q kᵀ · scale + mask) v. q, k, v: [B,h,L,D], of one type and device. mask (undefined: none): of the same
/// type, broadcast to [B,h,L,L]. scale: D^-1/2 if it is not given. Thread-safe. Throws c10::Error.
at::Tensor attend(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask = {},
                  std::optional<double> scale = std::nullopt);

/// The kernel that attend() would use now. Nothing is computed.
AttentionKernel kernel_for(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask = {},
                           std::optional<double> scale = std::nullopt);

/// Whether a kernel is switched on in this process. The plain kernel, made of products and a softmax, is always on.
bool switched_on(AttentionKernel kernel);
/// Switches a kernel off for the process. why: the reason, for the warning. The plain kernel stays on.
void switch_off(AttentionKernel kernel, const std::string &why);
/// How many times a kernel has been switched off. If the number has changed, another kernel is in use now.
uint64_t attention_changes();
/// Whether an attention of the calling thread has failed since the last call of this function, for any reason except a
/// lack of memory.
bool take_attention_failure();
/// One sentence for every kernel that was switched off since the last call; "" if there is none. The process is told of
/// each kernel once.
std::string take_attention_warnings();

// ---- For tests.
/// Called before each attention, with the kernel that the attention will use. If the hook throws, the kernel seems to
/// throw. If it returns false, the kernel seems to compute nonsense. NULL: no hook.
using AttentionHook = bool (*)(AttentionKernel kernel);
inline std::atomic<AttentionHook> attention_hook{nullptr};
/// Switches all kernels on and forgets all warnings.
void reset_attention();

}  // namespace sta::ops
