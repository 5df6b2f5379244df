// SPDX-License-Identifier: MIT
// Converts tensors to the plain pointers of libsta-cuda. It uses only the generic parts of c10, so it compiles against
// a LibTorch without CUDA.
#include "pruning/prune_step.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/DeviceGuard.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "engine/device.h"
#include "pruning/group_plan.h"

namespace sta {
namespace {

// Converts a tensor's type. False: the kernels do not know it.
bool type_of(const at::Tensor &x, sta_cuda_type &type) {
  switch (x.scalar_type()) {
    case at::kFloat:
      type = STA_CUDA_FP32;
      return true;
    case at::kHalf:
      type = STA_CUDA_FP16;
      return true;
    case at::kBFloat16:
      type = STA_CUDA_BF16;
      return true;
    default:
      return false;
  }
}

// What every call needs. False: the kernels do not take these tensors.
bool tensors(const at::Tensor &x, const at::Tensor &keys, sta_cuda_prune_args &a) {
  a = {};
  if (!type_of(x, a.type) || keys.scalar_type() != x.scalar_type() || x.stride(2) != 1 || keys.stride(3) != 1) return false;
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  if (x.size(0) > kMost || x.size(1) > kMost || x.size(2) > kMost) return false;
  a.x = x.const_data_ptr();
  a.keys = keys.const_data_ptr();
  a.x_batch = x.stride(0);
  a.x_token = x.stride(1);
  a.key_batch = keys.stride(0);
  a.key_token = keys.stride(1);
  a.key_head = keys.stride(2);
  a.batch = static_cast<int32_t>(x.size(0));
  a.channels = static_cast<int32_t>(x.size(2));
  a.heads = static_cast<int32_t>(keys.size(2));
  a.head_dim = static_cast<int32_t>(keys.size(3));
  return true;
}

bool arguments(const at::Tensor &x, const at::Tensor &keys, const PruneCall &call, int drop_number, sta_cuda_prune_args &a) {
  if (!tensors(x, keys, a) || x.size(1) % call.groups != 0) return false;
  a.groups = call.groups;
  a.group_tokens = static_cast<int32_t>(x.size(1)) / call.groups;
  a.drop = drop_number;
  a.backward = call.backward;
  a.keep_token = static_cast<int32_t>(call.keep_token);
  return true;
}

// The sizes alone; the plan itself is added by who has it in device memory.
bool arguments(const at::Tensor &x, const at::Tensor &keys, const RaggedCall &call, const sta_cuda_group *plan, sta_cuda_prune_args &a) {
  if (!tensors(x, keys, a)) return false;
  a.groups = static_cast<int32_t>(call.windows[0].counts.size());
  for (const RaggedGroups &w : call.windows)
    for (const int n : w.counts) a.group_tokens = std::max(a.group_tokens, static_cast<int32_t>(n));
  a.plan = plan;
  a.tokens = call.tokens;
  a.kept_count = call.kept;
  a.keep_token = -1;
  return true;
}

// Runs the call and gathers what it keeps. kept_count: K of the output.
at::Tensor select(const KernelLibrary &kernels, const at::Tensor &x, sta_cuda_prune_args &a, int64_t kept_count) {
  char message[STA_CUDA_MESSAGE] = "";
  // Freed when this returns, while the kernels may still run: the allocator gives it to later work of the same stream
  // only.
  const at::Tensor workspace = at::empty({static_cast<int64_t>(kernels.prune_workspace(&a))}, x.options().dtype(at::kByte));
  at::Tensor kept = at::empty({x.size(0), kept_count}, x.options().dtype(at::kLong));
  a.workspace = workspace.mutable_data_ptr();
  a.kept = kept.mutable_data_ptr<int64_t>();
  TORCH_CHECK(kernels.prune(&a, current_stream(x.device()), message) == STA_CUDA_OK, message);
  return kept;
}

PrunedTokens gather(const KernelLibrary &kernels, const at::Tensor &x, at::Tensor kept_tokens, const ops::LayerNorm *next) {
  PrunedTokens out;
  out.kept = std::move(kept_tokens);
  char message[STA_CUDA_MESSAGE] = "";
  const int64_t b = x.size(0), c = x.size(2), kept = out.kept.size(1);
  out.x = at::empty({b, kept, c}, x.options());
  sta_cuda_gather_args g{};
  TORCH_CHECK(type_of(x, g.type), "the gather kernel does not take this type");
  g.x = x.const_data_ptr();
  g.x_batch = x.stride(0);
  g.x_token = x.stride(1);
  g.kept = out.kept.const_data_ptr<int64_t>();
  g.out = out.x.mutable_data_ptr();
  if (next) {
    out.normed = at::empty_like(out.x);
    g.normed = out.normed.mutable_data_ptr();
    g.weight = next->weight.const_data_ptr();
    g.bias = next->bias.const_data_ptr();
    g.eps = static_cast<float>(next->eps);
  }
  g.batch = static_cast<int32_t>(b);
  g.kept_count = static_cast<int32_t>(kept);
  g.channels = static_cast<int32_t>(c);
  TORCH_CHECK(kernels.gather(&g, current_stream(x.device()), message) == STA_CUDA_OK, message);
  return out;
}

}  // namespace

bool kernels_take(const KernelLibrary *kernels, const at::Tensor &x, const at::Tensor &keys, const PruneCall &call, const PruneSettings &settings) {
  sta_cuda_prune_args a;
  return kernels && settings.rule == STA_PRUNING_STA && arguments(x, keys, call, settings.drop_number, a) && kernels->prune_workspace(&a) > 0;
}

at::Tensor select_by_kernels(const KernelLibrary &kernels, const at::Tensor &x, const at::Tensor &keys, const PruneCall &call, int drop_number) {
  const c10::DeviceGuard guard(x.device());
  sta_cuda_prune_args a;
  TORCH_CHECK(arguments(x, keys, call, drop_number, a), "the pruning kernels do not take these tensors");
  return select(kernels, x, a, static_cast<int64_t>(a.groups) * (a.group_tokens - a.drop));
}

PrunedTokens prune_by_kernels(const KernelLibrary &kernels, const at::Tensor &x, const at::Tensor &keys, const PruneCall &call, int drop_number,
                              const ops::LayerNorm *next) {
  const c10::DeviceGuard guard(x.device());
  return gather(kernels, x, select_by_kernels(kernels, x, keys, call, drop_number), next);
}

bool kernels_take(const KernelLibrary *kernels, const at::Tensor &x, const at::Tensor &keys, const RaggedCall &call, const PruneSettings &settings) {
  sta_cuda_prune_args a;
  return kernels && settings.rule == STA_PRUNING_STA && arguments(x, keys, call, nullptr, a) && kernels->prune_workspace(&a) > 0;
}

PrunedTokens prune_by_kernels(const KernelLibrary &kernels, const at::Tensor &x, const at::Tensor &keys, const RaggedCall &call,
                              const ops::LayerNorm *next) {
  const c10::DeviceGuard guard(x.device());
  const std::vector<sta_cuda_group> plan = group_plan(call);
  const int64_t bytes = static_cast<int64_t>(plan.size() * sizeof(sta_cuda_group));
  // Through pinned memory, so that the host goes on at once; LibTorch keeps it until the device has read it.
  const at::Tensor host = at::empty({bytes}, at::TensorOptions().dtype(at::kByte).pinned_memory(x.is_cuda()));
  std::memcpy(host.mutable_data_ptr(), plan.data(), static_cast<size_t>(bytes));
  const at::Tensor there = host.to(x.device(), /*non_blocking=*/true);
  sta_cuda_prune_args a;
  TORCH_CHECK(arguments(x, keys, call, static_cast<const sta_cuda_group *>(there.const_data_ptr()), a),
              "the pruning kernels do not take these tensors");
  return gather(kernels, x, select(kernels, x, a, call.kept), next);
}

}  // namespace sta
