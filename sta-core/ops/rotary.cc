// SPDX-License-Identifier: MIT
// See rotary.h.
#include "ops/rotary.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <array>
#include <cmath>

namespace sta::ops {

Rotation rotary_table(int64_t steps, int64_t rows, int64_t columns, int64_t head_dim) {
  const int64_t part = head_dim / 3 / 2 * 2, tokens = steps * rows * columns;
  Rotation table{at::empty({tokens, 3 * part}, at::kFloat), at::empty({tokens, 3 * part}, at::kFloat)};
  float *cosine = table.cosines.data_ptr<float>(), *sine = table.sines.data_ptr<float>();
  for (int64_t token = 0; token < tokens; ++token)
    for (const int64_t position : std::array{token / (rows * columns), token / columns % rows, token % columns})
      for (int64_t j = 0; j < part; ++j) {
        const double frequency = std::pow(10000.0, -static_cast<double>(j % (part / 2)) / (static_cast<double>(part) / 2));
        const double angle = static_cast<double>(position) * frequency;
        *cosine++ = static_cast<float>(std::cos(angle));
        *sine++ = static_cast<float>(j % 2 == 0 ? -std::sin(angle) : std::sin(angle));
      }
  return table;
}

Rotation rotation_of(const Rotation &table, const at::Tensor &tokens) {
  if (!tokens.defined()) return {table.cosines.unsqueeze(0).unsqueeze(2), table.sines.unsqueeze(0).unsqueeze(2)};
  const int64_t b = tokens.size(0), k = tokens.size(1), r = table.cosines.size(1);
  const at::Tensor rows = tokens.reshape({-1});
  return {table.cosines.index_select(0, rows).view({b, k, 1, r}), table.sines.index_select(0, rows).view({b, k, 1, r})};
}

at::Tensor rotate(const at::Tensor &x, const Rotation &rotation) {
  const int64_t r = rotation.cosines.size(-1), d = x.size(-1);
  if (r == 0) return x;
  const at::Tensor turned = x.narrow(-1, 0, r).to(at::kFloat);
  // The other channel of each pair.
  const at::Tensor other = turned.unflatten(-1, {r / 2, 2}).flip(-1).flatten(-2);
  const at::Tensor out = at::addcmul(turned * rotation.cosines, other, rotation.sines).to(x.scalar_type());
  return r == d ? out : at::cat({out, x.narrow(-1, r, d - r)}, -1);
}

}  // namespace sta::ops
