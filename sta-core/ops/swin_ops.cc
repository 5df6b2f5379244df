// SPDX-License-Identifier: MIT
// See swin_ops.h.
#include "ops/swin_ops.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "ops/attention.h"

namespace sta::ops {
namespace {

// A mask for dropped keys would differ from window to window. It would have to be added to the bias of every head, with
// more memory traffic than the attention itself. Instead a channel is appended, in which every query has kFlag and
// every dropped key has -kFlag·1024. Their product makes the score so low that its exponential is zero in every
// precision, and a window without any key stays finite. Eight channels (kFlagChannels) are appended, because kernels
// want multiples of eight.
constexpr double kFlag = 16;

}  // namespace

at::Tensor window_attention(const at::Tensor &x, const WindowAttention &weights, const WindowPlan &plan, const WindowIndex &index, bool dropped) {
  const int64_t r = x.size(0), c = x.size(1), h = weights.heads, d = c / h, n = plan.window_tokens;
  const int64_t batch = index.slot_row.size(0) / (plan.windows * n);
  at::Tensor rows = linear(x, weights.qkv).view({r, 3, h, d});
  if (plan.padded || dropped) rows = at::cat({rows, weights.qkv.bias.view({1, 3, h, d})});  // padding: a zero vector through qkv
  int64_t e = d;
  if (dropped) {
    e = d + kFlagChannels;
    at::Tensor wide = at::zeros({r + 2, 3, h, e}, rows.options());
    wide.slice(0, 0, r + 1).slice(3, 0, d).copy_(rows);
    wide.select(1, 0).select(2, d).fill_(kFlag);
    wide.select(0, r + 1).select(0, 1).select(1, d).fill_(-1024 * kFlag);
    rows = wide;
  }
  const at::Tensor slots = rows.index_select(0, index.slot_row);  // [B·S,3,h,E]
  const at::Tensor bias = weights.bias_table.index_select(1, plan.bias_row).view({1, h, n, n});
  std::vector<at::Tensor> mixed;
  for (const WindowRun &run : plan.runs) {
    const int64_t count = batch * run.count;
    const at::Tensor part = slots.narrow(0, batch * run.first * n, count * n).view({count, n, 3, h, e});
    auto heads = [&](int64_t which) { return part.select(2, which).transpose(1, 2); };  // [B·nW,h,N,E]
    const at::Tensor mask = run.mask.defined() ? bias + run.mask : bias;
    const at::Tensor out = attend(heads(0), heads(1), heads(2), mask, 1 / std::sqrt(static_cast<double>(d)));
    mixed.push_back(out.slice(3, 0, d).transpose(1, 2).reshape({count * n, c}));
  }
  const at::Tensor all = mixed.size() == 1 ? mixed[0] : at::cat(mixed);
  return linear(all.index_select(0, index.out_slot), weights.proj);
}

at::Tensor merge_patches(const at::Tensor &x_in, const LayerNorm &norm, const Linear &reduction) {
  at::Tensor x = x_in;
  const int64_t h = x.size(2), w = x.size(3);
  if (h % 2 || w % 2) x = at::constant_pad_nd(x, {0, 0, 0, w % 2, 0, h % 2});
  auto corner = [&](int64_t row, int64_t column) { return x.slice(2, row, x.size(2), 2).slice(3, column, x.size(3), 2); };
  const at::Tensor four = at::cat({corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)}, -1);
  return linear(layer_norm(four, norm), reduction);
}

}  // namespace sta::ops
