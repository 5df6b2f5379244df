// SPDX-License-Identifier: MIT
// Attention by the kernels that LibTorch has, and what happens when one of them fails.
//
// LibTorch chooses among up to four kernels: cuDNN's (on newer GPUs, in bf16 and fp16), flash, memory-efficient, plain.
// On some machines one of them fails, cuDNN's above all, which compiles its kernels while the program runs. LibTorch
// 2.11 then leaves an empty entry in the thread's table of cuDNN plans, and the next call of the same shape crashes the
// process. So a kernel that fails, for another reason than a lack of memory, is switched off for the whole process
// before anybody can call it again, and LibTorch takes the next one.
//
// Who asked for the attention sees it fail; engine/attention_choice.h tries again.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

namespace sta::ops {

/// In the order in which they follow each other.
enum class AttentionKernel : int { kCudnn = 0, kFlash = 1, kMemoryEfficient = 2, kPlain = 3 };
constexpr int kAttentionKernels = 4;

/// "cuDNN", "flash", "memory-efficient", "plain"
const char *name_of(AttentionKernel kernel);

/// softmax(q kᵀ · scale + mask) v. q, k, v [B,h,L,D], of one type and device; mask (undefined: none) broadcast to
/// [B,h,L,L], of the same type; scale: D^-1/2 if it is not given. Thread-safe. Throws c10::Error.
at::Tensor attend(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask = {},
                  std::optional<double> scale = std::nullopt);

/// The kernel that attend() would use now. Nothing is computed.
AttentionKernel kernel_for(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask = {},
                           std::optional<double> scale = std::nullopt);

/// Of the process. The plain kernel is always on: it is made of products and a softmax.
bool switched_on(AttentionKernel kernel);
/// Switches a kernel off for the process, because of `why`; the plain one stays.
void switch_off(AttentionKernel kernel, const std::string &why);
/// How many times a kernel has been switched off: whoever sees it change knows that another one is in its place.
uint64_t attention_changes();
/// Whether an attention of the calling thread has failed since the last call, for another reason than a lack of memory.
bool take_attention_failure();
/// One sentence for every kernel that was switched off since the last call, each told once in the process; "" if there
/// is none.
std::string take_attention_warnings();

// ---- For tests.
/// Called before each attention with the kernel that it will use; what it throws is what the kernel throws, and false
/// makes it compute nonsense. NULL: none.
using AttentionHook = bool (*)(AttentionKernel kernel);
inline std::atomic<AttentionHook> attention_hook{nullptr};
/// All kernels on, nothing to tell.
void reset_attention();

}  // namespace sta::ops
