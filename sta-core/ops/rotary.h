// SPDX-License-Identifier: MIT
// Rotary positions of V-JEPA 2: queries and keys are rotated by the step, the row and the column of their token, so
// their product depends on how far two tokens are apart. Nothing is added to the tokens themselves.
//
// A head's channels are taken in three parts of 2·floor(floor(D/3)/2), for step, row and column; the rest stays as it
// is. Channels 2i and 2i+1 of a part make a pair. As in the released code, channel j of a part of d channels turns by
// position / 10000^((j mod d/2) / (d/2)): the two channels of a pair turn by different angles. The released weights were
// trained so.
//
// Dimension letters: model/description.h. R: channels that are rotated, at most D.
#pragma once

#include <ATen/core/Tensor.h>

namespace sta::ops {

/// Cosines, and sines with the sign of the rotation.
struct Rotation {
  // f32; in a table [L,R], for the tokens of a pass [1 or B,K,1,R]; undefined: nothing is rotated.
  at::Tensor cosines, sines;
};

/// For every token of a clip in the order t, y, x. Computed in double.
Rotation rotary_table(int64_t steps, int64_t rows, int64_t columns, int64_t head_dim);

/// For some tokens of a clip. tokens: int64 [B,K]; undefined: all of them, in order.
Rotation rotation_of(const Rotation &table, const at::Tensor &tokens);

/// x [B,K,h,D] -> the same shape and type, a new tensor. Computed in fp32.
at::Tensor rotate(const at::Tensor &x, const Rotation &rotation);

}  // namespace sta::ops
