// SPDX-License-Identifier: MIT
// See cpu_ops.h.
#include "ops/cpu_ops.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/cpu_kernels.h"
#include "cpu/parallel.h"

namespace sta::ops {
namespace {

// Rows of the queries that one task of the attention takes: the keys and values of the head are read once for them.
constexpr int64_t kQueryRows = 96;

struct Workspace {
  at::Tensor normed;   // [B,L,C]
  at::Tensor qkv;      // [B,L,3C]
  at::Tensor mixed;    // [B,L,C], the attention's result
  at::Tensor hidden;   // [B,L,hidden]
  at::Tensor packed;   // [B,h] packed keys and values
  at::Tensor scratch;  // [workers] scratch of the kernels
};

Workspace &workspace() {
  static thread_local Workspace kept;
  return kept;
}

// A buffer of at least `size` floats.
float *take(at::Tensor &buffer, int64_t size) {
  if (!buffer.defined() || buffer.numel() < size) {
    buffer.reset();  // before the new one is there
    buffer = at::empty({size}, at::kFloat);
  }
  return buffer.data_ptr<float>();
}

// y [rows, out] = finish(x [rows, in] · Wᵀ)
void product(const float *x, int64_t rows, const Linear &layer, cpu::Finish finish, float *y) {
  const cpu::CpuKernels &kernels = *cpu::cpu_kernels();
  const int64_t out = layer.bias.numel(), in = layer.inputs;
  const int64_t tiles = (rows + kernels.tile_rows - 1) / kernels.tile_rows, panels = (out + kernels.panel_width - 1) / kernels.panel_width;
  // Each worker takes rows next to each other. Where there are fewer tiles than workers, they share columns too.
  const int64_t workers = cpu::workers(), row_parts = std::min<int64_t>(workers, tiles), column_parts = std::min(workers / row_parts, panels);
  const int64_t most_rows = (tiles + row_parts - 1) / row_parts * kernels.tile_rows, scratch = kernels.linear_scratch(most_rows);
  float *const buffer = take(workspace().scratch, workers * scratch);
  const float *const packed = layer.packed.const_data_ptr<float>(), *const bias = layer.bias.const_data_ptr<float>();
  cpu::parallel(row_parts * column_parts, rows * in * out, [&](int64_t task, int worker) {
    const int64_t r = task / column_parts, c = task % column_parts;
    const int64_t first = r * tiles / row_parts * kernels.tile_rows, last = std::min(rows, (r + 1) * tiles / row_parts * kernels.tile_rows);
    const int64_t panel = c * panels / column_parts;
    kernels.linear({x + first * in, in, packed, bias, y + first * out, out, last - first, in, out, panel, (c + 1) * panels / column_parts - panel,
                    finish, buffer + worker * scratch});
  });
}

void norm_rows(const float *x, int64_t rows, const LayerNorm &norm, float *y) {
  const int64_t c = norm.weight.numel(), parts = std::min<int64_t>(rows, cpu::workers());
  const float *const weight = norm.weight.const_data_ptr<float>(), *const bias = norm.bias.const_data_ptr<float>();
  cpu::parallel(parts, 8 * rows * c, [&](int64_t part, int) {
    const int64_t first = part * rows / parts, last = (part + 1) * rows / parts;
    cpu::cpu_kernels()->layer_norm(x + first * c, weight, bias, norm.eps, last - first, c, y + first * c);
  });
}

// qkv [B,L,3,h,D] -> mixed [B,L,h,D]
void attend_rows(const float *qkv, int64_t batch, int64_t tokens, int64_t heads, int64_t d, float *mixed) {
  const cpu::CpuKernels &kernels = *cpu::cpu_kernels();
  const int64_t c = heads * d, row = 3 * c, key_size = kernels.packed_size(tokens, d), value_size = kernels.packed_size(d, tokens);
  float *const packed = take(workspace().packed, batch * heads * (key_size + value_size));
  cpu::parallel(batch * heads, 4 * batch * tokens * c, [&](int64_t task, int) {
    const float *const q = qkv + task / heads * tokens * row + task % heads * d;
    float *const keys = packed + task * (key_size + value_size);
    kernels.pack_weights(q + c, row, tokens, d, keys);
    kernels.pack_values(q + 2 * c, row, tokens, d, keys + key_size);
  });
  const int64_t parts = (tokens + kQueryRows - 1) / kQueryRows, scratch = kernels.attention_scratch(kQueryRows, d);
  float *const buffer = take(workspace().scratch, cpu::workers() * scratch);
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  cpu::parallel(batch * heads * parts, 2 * batch * tokens * tokens * c, [&](int64_t task, int worker) {
    const int64_t b = task / parts / heads, head = task / parts % heads, first = task % parts * kQueryRows;
    const float *const keys = packed + task / parts * (key_size + value_size);
    kernels.attention({qkv + (b * tokens + first) * row + head * d, row, keys, keys + key_size, mixed + (b * tokens + first) * c + head * d, c,
                       std::min(kQueryRows, tokens - first), tokens, d, scale, buffer + worker * scratch});
  });
}

}  // namespace

bool packs(at::Device device, at::ScalarType type) { return device.is_cpu() && type == at::kFloat && cpu::cpu_kernels(); }

Linear packed(const at::Tensor &weight, const at::Tensor &bias) {
  const cpu::CpuKernels &kernels = *cpu::cpu_kernels();
  const at::Tensor rows = weight.to(at::kFloat).contiguous();
  const int64_t out = rows.size(0), in = rows.numel() / out;
  Linear layer{{}, bias, at::empty({kernels.packed_size(out, in)}, at::kFloat), in};
  kernels.pack_weights(rows.const_data_ptr<float>(), in, out, in, layer.packed.data_ptr<float>());
  return layer;
}

at::Tensor packed_linear(const at::Tensor &x, const Linear &layer, bool gelu) {
  const at::Tensor rows = x.contiguous();
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = layer.bias.numel();
  at::Tensor y = at::empty(sizes, at::kFloat);
  product(rows.const_data_ptr<float>(), rows.numel() / layer.inputs, layer, gelu ? cpu::Finish::kBiasGelu : cpu::Finish::kBias, y.data_ptr<float>());
  return y;
}

at::Tensor packed_add_attention(at::Tensor &x, const LayerNorm &norm, const Linear &qkv, const Linear &proj, int heads, bool want_keys) {
  const int64_t b = x.size(0), l = x.size(1), c = x.size(2), d = c / heads;
  Workspace &space = workspace();
  float *const normed = take(space.normed, x.numel()), *const all = take(space.qkv, b * l * 3 * c), *const mixed = take(space.mixed, b * l * c);
  norm_rows(x.const_data_ptr<float>(), b * l, norm, normed);
  product(normed, b * l, qkv, cpu::Finish::kBias, all);
  attend_rows(all, b, l, heads, d, mixed);
  product(mixed, b * l, proj, cpu::Finish::kBiasResidual, x.data_ptr<float>());
  return want_keys ? space.qkv.narrow(0, 0, b * l * 3 * c).view({b, l, 3, heads, d}).select(2, 1) : at::Tensor();
}

void packed_add_mlp(at::Tensor &x, const LayerNorm &norm, const Linear &fc1, const Linear &fc2) {
  const int64_t rows = x.numel() / x.size(-1);
  Workspace &space = workspace();
  float *const normed = take(space.normed, x.numel()), *const hidden = take(space.hidden, rows * fc1.bias.numel());
  norm_rows(x.const_data_ptr<float>(), rows, norm, normed);
  product(normed, rows, fc1, cpu::Finish::kBiasGelu, hidden);
  product(hidden, rows, fc2, cpu::Finish::kBiasResidual, x.data_ptr<float>());
}

}  // namespace sta::ops
