// SPDX-License-Identifier: MIT
// Products with AVX2 and FMA, and the table of all kernels. The files of these kernels are compiled for AVX2, so nothing
// else may be in them.
//
// A panel of weights is read in pieces of at most kDepth rows, so a piece stays in the first-level cache while the rows
// of x pass by. The piece of x, packed too, stays in the second-level cache while all panels pass by. LayerNorm and GELU
// happen while x is packed: each number passes there once, and is in registers.
#include "cpu/avx2_parts.h"
#include "cpu/avx2_tile.h"

namespace sta::cpu {
namespace avx2 {
namespace {

constexpr int64_t kDepth = 384;    // 384 · 16 floats of a panel are 24 KiB
constexpr int64_t kRowBlock = 96;  // 96 · 384 floats of x are 144 KiB

void copy(const float *from, int64_t n, float *to) {
  for (int64_t i = 0; i < n; ++i) to[i] = from[i];
}

// How far along the depth a tile is.
struct Piece {
  bool first, last;
};

template <Finish kFinish>
inline __attribute__((always_inline)) Vec finish(Vec sum, const float *bias, const float *y, Piece piece) {
  if (!piece.first || kFinish == Finish::kBiasResidual) sum += load(y);
  if (piece.last) sum += load(bias);
  return sum;
}

// One tile of y: rows <= kRows, columns <= kWidth.
template <Finish kFinish>
void tile(const float *x, const float *packed, int64_t depth, const float *bias, float *y, int64_t stride, int64_t rows, int64_t columns,
          Piece piece) {
  for (int64_t r = 0; r < rows; ++r) __builtin_prefetch(y + r * stride, 1);
  if (columns == kWidth) {
    multiply<kPackedRow, kPackedNext>(x, packed, depth, [&](int r, Vec left, Vec right) {
      if (r >= rows) return;
      float *at = y + r * stride;
      store(at, finish<kFinish>(left, bias, at, piece));
      store(at + kLanes, finish<kFinish>(right, bias + kLanes, at + kLanes, piece));
    });
    return;
  }
  // The last columns of y are not a whole panel.
  float old[kWidth] = {}, added[kWidth] = {};
  copy(bias, columns, added);
  multiply<kPackedRow, kPackedNext>(x, packed, depth, [&](int r, Vec left, Vec right) {
    if (r >= rows) return;
    copy(y + r * stride, columns, old);
    left = finish<kFinish>(left, added, old, piece);
    right = finish<kFinish>(right, added + kLanes, old + kLanes, piece);
    store(old, left);
    store(old + kLanes, right);
    copy(old, columns, y + r * stride);
  });
}

// What LayerNorm needs to know of a row.
struct Moments {
  float mean, scale;  // scale: 1 / standard deviation
};

Moments moments(const float *x, int64_t channels, float eps) {
  Vec added = {};
  for (int64_t c = 0; c < channels; c += kLanes) added += load_some(x + c, channels - c);
  const float mean = sum(added) / static_cast<float>(channels);
  // The differences are squared, not the numbers: nothing is lost where the mean is large.
  const int64_t whole = channels / kLanes * kLanes;
  Vec squares = {};
  for (int64_t c = 0; c < whole; c += kLanes) {
    const Vec difference = load(x + c) - mean;
    squares += difference * difference;
  }
  float variance = sum(squares);
  for (int64_t c = whole; c < channels; ++c) variance += (x[c] - mean) * (x[c] - mean);
  return {mean, 1.0f / __builtin_sqrtf(variance / static_cast<float>(channels) + eps)};
}

// Packs x [rows, depth], which begins at column k of the whole rows.
void prepare(const LinearArgs &a, const float *x, int64_t k, int64_t rows, int64_t depth, const Moments *norms, float *packed) {
  switch (a.prepare) {
    case Prepare::kNone:
      return pack_rows(x, a.x_stride, rows, depth, packed, [](Vec v, int64_t, int64_t) { return v; });
    case Prepare::kGelu:
      return pack_rows(x, a.x_stride, rows, depth, packed, [](Vec v, int64_t, int64_t) { return gelu(v); });
    case Prepare::kNorm:
      return pack_rows(x, a.x_stride, rows, depth, packed, [&](Vec v, int64_t r, int64_t c) {
        const Vec weight = load_some(a.norm_weight + k + c, depth - c), bias = load_some(a.norm_bias + k + c, depth - c);
        return (v - norms[r].mean) * norms[r].scale * weight + bias;
      });
  }
}

template <Finish kFinish>
void linear_of(const LinearArgs &a) {
  const int64_t last_panel = least(a.first_panel + a.panels, (a.out + kWidth - 1) / kWidth);
  // Blocks and pieces of equal size: a small last one would read all weights for a few rows, or y for a few columns.
  const int64_t blocks = (a.rows + kRowBlock - 1) / kRowBlock, block = round_up((a.rows + blocks - 1) / blocks, kRows);
  const int64_t pieces = (a.in + kDepth - 1) / kDepth, piece_depth = round_up((a.in + pieces - 1) / pieces, kLanes);
  Moments *const norms = reinterpret_cast<Moments *>(a.scratch);
  float *const packed_x = a.scratch + 2 * block;
  for (int64_t row = 0; row < a.rows; row += block) {
    const int64_t rows = least(block, a.rows - row);
    const float *const x = a.x + row * a.x_stride;
    if (a.prepare == Prepare::kNorm)
      for (int64_t r = 0; r < rows; ++r) norms[r] = moments(x + r * a.x_stride, a.in, a.norm_eps);
    for (int64_t k = 0; k < a.in; k += piece_depth) {
      const int64_t depth = least(piece_depth, a.in - k), deep = round_up(depth, kLanes);
      const Piece piece{k == 0, k + depth == a.in};
      prepare(a, x + k, k, rows, depth, norms, packed_x);
      for (int64_t p = a.first_panel; p < last_panel; ++p) {
        const int64_t column = p * kWidth;
        const float *next = a.packed + (column + kWidth) * a.in + k * kWidth;
        for (int64_t r = 0; r < rows; r += kRows) {
          if (p + 1 < last_panel)
            for (int64_t i = r * depth / rows; i < (r + kRows) * depth / rows; ++i) __builtin_prefetch(next + i * kWidth, 0, 2);
          tile<kFinish>(packed_x + r * deep, a.packed + column * a.in + k * kWidth, depth, a.bias + column, a.y + (row + r) * a.y_stride + column,
                        a.y_stride, least(kRows, rows - r), least(kWidth, a.out - column), piece);
        }
      }
    }
  }
}

}  // namespace

int64_t packed_size(int64_t out, int64_t in) { return round_up(out, kWidth) * in; }

void pack_weights(const float *weight, int64_t stride, int64_t out, int64_t in, float *packed) {
  for (int64_t p = 0; p < out; p += kWidth)
    for (int64_t k = 0; k < in; ++k)
      for (int64_t c = p; c < p + kWidth; ++c) *packed++ = c < out ? weight[c * stride + k] : 0.0f;
}

int64_t linear_scratch(int64_t rows, int64_t in) {
  const int64_t block = round_up(least(rows, kRowBlock), kRows);
  return 2 * block + packed_rows_size(block, least(in, kDepth));
}

void linear(const LinearArgs &a) {
  switch (a.finish) {
    case Finish::kBias:
      return linear_of<Finish::kBias>(a);
    case Finish::kBiasResidual:
      return linear_of<Finish::kBiasResidual>(a);
  }
}

}  // namespace avx2

extern const CpuKernels kAvx2Kernels;
constexpr CpuKernels kAvx2Kernels = {kWidth,
                                     kRows,
                                     avx2::kRowBlock,
                                     avx2::kMostHeadDim,
                                     avx2::packed_size,
                                     avx2::pack_weights,
                                     avx2::linear_scratch,
                                     avx2::linear,
                                     avx2::pack_values,
                                     avx2::attention_scratch,
                                     avx2::attention,
                                     avx2::token_scores,
                                     avx2::spread};

}  // namespace sta::cpu
