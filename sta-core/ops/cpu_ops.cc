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

// Each is used by one step at a time, so that a pass needs few of them.
struct Workspace {
  at::Tensor stream[2];  // [B,L,C] twice, the tokens before and after a pruning call
  at::Tensor qkv;        // [B,L,3C]
  at::Tensor mixed;      // [B,L,C], the attention's result
  at::Tensor wide;       // [B,L,hidden] of the MLP, or the pixels of the tokens
  at::Tensor packed;     // [B,h] packed keys and values
  at::Tensor scratch;    // [workers] scratch of the kernels
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

// A product y [rows, out] = finish(prepare(x [rows, in]) · Wᵀ).
struct Product {
  cpu::Prepare prepare = cpu::Prepare::kNone;
  const LayerNorm *norm = nullptr;  // for kNorm
  cpu::Finish finish = cpu::Finish::kBias;
};

void multiply(const float *x, int64_t rows, const Linear &layer, const Product &how, float *y) {
  const cpu::CpuKernels &kernels = *cpu::cpu_kernels();
  const int64_t out = layer.bias.numel(), in = layer.inputs, workers = cpu::workers();
  const int64_t tiles = (rows + kernels.tile_rows - 1) / kernels.tile_rows, panels = (out + kernels.panel_width - 1) / kernels.panel_width;
  // Tasks of rows next to each other, as many for each worker and more than one, so that a worker who is disturbed gets
  // fewer. Where there are fewer tiles than workers, they share columns too.
  const int64_t blocks = (rows + kernels.block_rows - 1) / kernels.block_rows;
  const int64_t row_parts = std::min((blocks + workers - 1) / workers * workers, tiles),
                column_parts = std::clamp<int64_t>(workers / row_parts, 1, panels);
  const int64_t most_rows = (tiles + row_parts - 1) / row_parts * kernels.tile_rows, scratch = kernels.linear_scratch(most_rows, in);
  float *const buffer = take(workspace().scratch, workers * scratch);
  cpu::LinearArgs whole{};
  whole.x_stride = in;
  whole.packed = layer.packed.const_data_ptr<float>();
  whole.bias = layer.bias.const_data_ptr<float>();
  whole.y_stride = out;
  whole.in = in;
  whole.out = out;
  whole.prepare = how.prepare;
  if (how.norm) {
    whole.norm_weight = how.norm->weight.const_data_ptr<float>();
    whole.norm_bias = how.norm->bias.const_data_ptr<float>();
    whole.norm_eps = static_cast<float>(how.norm->eps);
  }
  whole.finish = how.finish;
  cpu::parallel(row_parts * column_parts, rows * in * out, [&](int64_t task, int worker) {
    const int64_t r = task / column_parts, c = task % column_parts;
    const int64_t first = r * tiles / row_parts * kernels.tile_rows, last = std::min(rows, (r + 1) * tiles / row_parts * kernels.tile_rows);
    cpu::LinearArgs part = whole;
    part.x = x + first * in;
    part.y = y + first * out;
    part.rows = last - first;
    part.first_panel = c * panels / column_parts;
    part.panels = (c + 1) * panels / column_parts - part.first_panel;
    part.scratch = buffer + worker * scratch;
    kernels.linear(part);
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
  multiply(rows.const_data_ptr<float>(), rows.numel() / layer.inputs, layer, {gelu ? cpu::Prepare::kGelu : cpu::Prepare::kNone}, y.data_ptr<float>());
  return y;
}

at::Tensor packed_add_attention(at::Tensor &x, const LayerNorm &norm, const Linear &qkv, const Linear &proj, int heads, bool want_keys) {
  const int64_t b = x.size(0), l = x.size(1), c = x.size(2), d = c / heads;
  Workspace &space = workspace();
  float *const all = take(space.qkv, b * l * 3 * c), *const mixed = take(space.mixed, b * l * c);
  multiply(x.const_data_ptr<float>(), b * l, qkv, {cpu::Prepare::kNorm, &norm}, all);
  attend_rows(all, b, l, heads, d, mixed);
  multiply(mixed, b * l, proj, {.finish = cpu::Finish::kBiasResidual}, x.data_ptr<float>());
  return want_keys ? space.qkv.narrow(0, 0, b * l * 3 * c).view({b, l, 3, heads, d}).select(2, 1) : at::Tensor();
}

void packed_add_mlp(at::Tensor &x, const LayerNorm &norm, const Linear &fc1, const Linear &fc2) {
  const int64_t rows = x.numel() / x.size(-1);
  float *const hidden = take(workspace().wide, rows * fc1.bias.numel());
  multiply(x.const_data_ptr<float>(), rows, fc1, {cpu::Prepare::kNorm, &norm}, hidden);
  multiply(hidden, rows, fc2, {cpu::Prepare::kGelu, nullptr, cpu::Finish::kBiasResidual}, x.data_ptr<float>());
}

at::Tensor packed_embed(const at::Tensor &clip, const Linear &proj, const at::Tensor &position, int tubelet, int patch, const at::Tensor &tokens) {
  const int64_t b = clip.size(0), t = clip.size(2), h = clip.size(3), w = clip.size(4), columns = w / patch, step = h / patch * columns;
  const int64_t k = tokens.defined() ? tokens.size(1) : t / tubelet * step, c = proj.bias.numel(), volume = proj.inputs;
  const at::Tensor pixels = clip.contiguous();
  const float *const from = pixels.const_data_ptr<float>(), *const table = position.defined() ? position.const_data_ptr<float>() : nullptr;
  const int64_t *const chosen = tokens.defined() ? tokens.const_data_ptr<int64_t>() : nullptr;
  Workspace &space = workspace();
  float *const tubelets = take(space.wide, b * k * volume), *const x = take(space.stream[0], b * k * c);
  const int64_t parts = std::min<int64_t>(b * k, 4 * cpu::workers());
  cpu::parallel(parts, b * k * (volume + c), [&](int64_t part, int) {
    for (int64_t i = part * b * k / parts; i < (part + 1) * b * k / parts; ++i) {
      const int64_t token = chosen ? chosen[i] : i % k, frame = token / step * tubelet, row = token % step / columns * patch;
      const float *const corner = from + i / k * 3 * t * h * w + token % columns * patch;
      float *to = tubelets + i * volume;
      for (int64_t channel = 0; channel < 3; ++channel)
        for (int64_t f = frame; f < frame + tubelet; ++f)
          for (int64_t y = row; y < row + patch; ++y) to = std::copy_n(corner + ((channel * t + f) * h + y) * w, patch, to);
      if (table) std::copy_n(table + token * c, c, x + i * c);
    }
  });
  multiply(tubelets, b * k, proj, {.finish = table ? cpu::Finish::kBiasResidual : cpu::Finish::kBias}, x);
  return space.stream[0].narrow(0, 0, b * k * c).view({b, k, c});
}

at::Tensor packed_gather(const at::Tensor &x, const at::Tensor &kept) {
  const int64_t b = x.size(0), l = x.size(1), c = x.size(2), k = kept.size(1);
  Workspace &space = workspace();
  at::Tensor &buffer = space.stream[space.stream[0].defined() && x.data_ptr() == space.stream[0].data_ptr() ? 1 : 0];
  const float *const from = x.const_data_ptr<float>();
  const int64_t *const token = kept.const_data_ptr<int64_t>();
  float *const to = take(buffer, b * k * c);
  for (int64_t i = 0; i < b * k; ++i) std::copy_n(from + (i / k * l + token[i]) * c, c, to + i * c);
  return buffer.narrow(0, 0, b * k * c).view({b, k, c});
}

}  // namespace sta::ops
