// SPDX-License-Identifier: MIT
// See ops.h.
#include "ops/ops.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>

#include <cmath>

#include "ops/attention.h"
#include "ops/cpu_ops.h"

namespace sta::ops {

at::Tensor tubelets(const at::Tensor &clip, int tubelet, int patch) {
  const int64_t b = clip.size(0), t = clip.size(2) / tubelet, y = clip.size(3) / patch, x = clip.size(4) / patch;
  // A convolution whose kernel equals its stride is a matrix product over flattened tubelets: [B,3,t,tt,y,p,x,p] ->
  // [B,t,y,x, 3,tt,p,p]
  return clip.reshape({b, 3, t, tubelet, y, patch, x, patch}).permute({0, 2, 4, 6, 1, 3, 5, 7}).reshape({b, t * y * x, 3 * tubelet * patch * patch});
}

at::Tensor patch_embed(const at::Tensor &clip, const Linear &proj, int tubelet, int patch) { return linear(tubelets(clip, tubelet, patch), proj); }

at::Tensor linear(const at::Tensor &x, const Linear &l) { return l.packed.defined() ? packed_linear(x, l) : at::linear(x, l.weight, l.bias); }

at::Tensor layer_norm(const at::Tensor &x, const LayerNorm &norm) { return at::layer_norm(x, {x.size(-1)}, norm.weight, norm.bias, norm.eps); }

at::Tensor mlp(const at::Tensor &x, const Linear &fc1, const Linear &fc2, Gelu gelu) {
  if (fc2.packed.defined() && gelu == Gelu::kErf) return packed_linear(linear(x, fc1), fc2, /*gelu=*/true);
  at::Tensor hidden = linear(x, fc1);
  at::gelu_(hidden, gelu == Gelu::kTanh ? "tanh" : "none");
  return linear(hidden, fc2);
}

AttentionOutput attention(const at::Tensor &x, const Linear &qkv_weights, const Linear &proj, int heads, bool want_keys, const Rotation &rotation) {
  const int64_t b = x.size(0), l = x.size(1), c = x.size(2), d = c / heads;
  const at::Tensor qkv = linear(x, qkv_weights).view({b, l, 3, heads, d});
  const at::Tensor q = qkv.select(2, 0), k = qkv.select(2, 1), v = qkv.select(2, 2);  // [B,L,h,D]
  AttentionOutput out;
  if (want_keys) out.keys = k;
  const auto turned = [&](const at::Tensor &t) { return (rotation.cosines.defined() ? rotate(t, rotation) : t).transpose(1, 2); };
  const at::Tensor mixed = attend(turned(q), turned(k), v.transpose(1, 2));  // [B,h,L,D], scale D^-1/2
  out.x = linear(mixed.transpose(1, 2).reshape({b, l, c}), proj);
  return out;
}

at::Tensor add_attention(at::Tensor &x, const at::Tensor &normed, const LayerNorm &norm, const Linear &qkv, const Linear &proj, int heads,
                         bool want_keys, const Rotation &rotation) {
  if (qkv.packed.defined() && !rotation.cosines.defined()) return packed_add_attention(x, norm, qkv, proj, heads, want_keys);
  const AttentionOutput attended = attention(normed.defined() ? normed : layer_norm(x, norm), qkv, proj, heads, want_keys, rotation);
  x += attended.x;
  return attended.keys;
}

void add_mlp(at::Tensor &x, const LayerNorm &norm, const Linear &fc1, const Linear &fc2, Gelu gelu) {
  if (fc1.packed.defined() && gelu == Gelu::kErf) return packed_add_mlp(x, norm, fc1, fc2);
  x += mlp(layer_norm(x, norm), fc1, fc2, gelu);
}

at::Tensor key_mean(const at::Tensor &keys) { return keys.to(at::kFloat).mean(2); }

at::Tensor gather_tokens(const at::Tensor &x, const at::Tensor &index) {
  const int64_t b = x.size(0), l = x.size(1), c = x.size(2), k = index.size(1);
  // One index_select copies whole rows. A gather would read an index for every channel.
  const at::Tensor row = b == 1 ? index : index + (at::arange(b, index.options()) * l).unsqueeze(1);
  return x.reshape({b * l, c}).index_select(0, row.reshape({-1})).view({b, k, c});
}

at::Tensor position_table(int64_t tokens, int64_t channels) {
  at::Tensor table = at::empty({tokens, channels}, at::kFloat);
  float *out = table.data_ptr<float>();
  std::vector<double> divisor(channels);
  for (int64_t j = 0; j < channels; ++j) divisor[j] = std::pow(10000.0, 2.0 * static_cast<double>(j / 2) / static_cast<double>(channels));
  for (int64_t p = 0; p < tokens; ++p)
    for (int64_t j = 0; j < channels; ++j) {
      const double angle = static_cast<double>(p) / divisor[j];
      *out++ = static_cast<float>(j % 2 == 0 ? std::sin(angle) : std::cos(angle));
    }
  return table;
}

}  // namespace sta::ops
