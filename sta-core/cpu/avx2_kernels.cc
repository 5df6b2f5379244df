// SPDX-License-Identifier: MIT
// The kernels of cpu_kernels.h with AVX2 and FMA. This file is compiled for those, so nothing else may be in it.
//
// A product is made of tiles of kRows rows and kWidth columns, whose sums stay in registers while they grow. For each
// step along the depth two vectors of the packed weights are loaded, and a number of each row is broadcast. That is
// less work for the load units than the 2 · kRows multiply-adds are for the arithmetic units.
//
// A panel of weights is read in pieces of kDepth rows, so a piece stays in the first-level cache while the rows of x
// pass by. The piece of x, packed too, stays in the second-level cache while all panels pass by.
#include "cpu/cpu_kernels.h"
#include "cpu/simd.h"

namespace sta::cpu {
namespace {

constexpr int kRows = 6;  // 12 of the 16 registers hold sums
constexpr int kWidth = 2 * kLanes;
constexpr int64_t kDepth = 256;    // 256 · 16 floats of a panel are 16 KiB
constexpr int64_t kRowBlock = 96;  // 96 · 256 floats of x are 96 KiB
constexpr int64_t kQueryBlock = 4 * kRows;
constexpr int64_t kKeyBlock = 256;  // 24 · 256 scores are 24 KiB, a panel of 256 values 16 KiB

// No function of the standard library is used here, except through the compiler's own names: an inline function that
// was compiled for AVX2 could become the one copy that the whole library uses, and crash an older processor.
int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }
int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
void fill(float *p, int64_t n, float value) {
  for (int64_t i = 0; i < n; ++i) p[i] = value;
}
void copy(const float *from, int64_t n, float *to) {
  for (int64_t i = 0; i < n; ++i) to[i] = from[i];
}

// Σ_k a[r, k] · b[k] of a tile. a: element (r, k) is at r · row + k · column. b [depth, kWidth]. done(r, left, right) is
// called for each row.
template <class Done>
inline __attribute__((always_inline)) void multiply(const float *a, int64_t row, int64_t column, const float *b, int64_t depth, Done &&done) {
  Vec left[kRows] = {}, right[kRows] = {};
  for (int64_t k = 0; k < depth; ++k) {
    const Vec b0 = load(b), b1 = load(b + kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec value = all(a[r * row]);
      left[r] += value * b0;
      right[r] += value * b1;
    }
    a += column;
    b += kWidth;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) done(r, left[r], right[r]);
}

// -------------------------------------------------------------------------------------------------------------- weights

int64_t packed_size(int64_t out, int64_t in) { return round_up(out, kWidth) * in; }

void pack_weights(const float *weight, int64_t stride, int64_t out, int64_t in, float *packed) {
  for (int64_t p = 0; p < out; p += kWidth)
    for (int64_t k = 0; k < in; ++k)
      for (int64_t c = p; c < p + kWidth; ++c) *packed++ = c < out ? weight[c * stride + k] : 0.0f;
}

// x [rows, depth] -> tiles [rows / kRows, depth, kRows], zeros after the last row; each times scale.
void pack_rows(const float *x, int64_t stride, int64_t rows, int64_t depth, float scale, float *packed) {
  for (int64_t first = 0; first < rows; first += kRows) {
    const int64_t there = least(kRows, rows - first);
    for (int64_t k = 0; k < depth; ++k)
      for (int64_t r = 0; r < kRows; ++r) *packed++ = r < there ? x[(first + r) * stride + k] * scale : 0.0f;
  }
}

// ------------------------------------------------------------------------------------------------------------- products

// How far along the depth a tile is.
struct Piece {
  bool first, last;
};

template <Finish kFinish>
inline __attribute__((always_inline)) Vec finish(Vec sum, const float *bias, const float *y, Piece piece) {
  if (!piece.first || kFinish == Finish::kBiasResidual) sum += load(y);
  if (piece.last) sum += load(bias);
  if (piece.last && kFinish == Finish::kBiasGelu) sum = gelu(sum);
  return sum;
}

// One tile of y: rows <= kRows, columns <= kWidth.
template <Finish kFinish>
void tile(const float *x, const float *packed, int64_t depth, const float *bias, float *y, int64_t stride, int64_t rows, int64_t columns,
          Piece piece) {
  for (int64_t r = 0; r < rows; ++r) __builtin_prefetch(y + r * stride, 1);
  if (columns == kWidth) {
    multiply(x, 1, kRows, packed, depth, [&](int r, Vec left, Vec right) {
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
  multiply(x, 1, kRows, packed, depth, [&](int r, Vec left, Vec right) {
    if (r >= rows) return;
    copy(y + r * stride, columns, old);
    left = finish<kFinish>(left, added, old, piece);
    right = finish<kFinish>(right, added + kLanes, old + kLanes, piece);
    store(old, left);
    store(old + kLanes, right);
    copy(old, columns, y + r * stride);
  });
}

int64_t linear_scratch(int64_t rows) { return round_up(least(rows, kRowBlock), kRows) * kDepth; }

template <Finish kFinish>
void linear_of(const LinearArgs &a) {
  const int64_t last_panel = least(a.first_panel + a.panels, (a.out + kWidth - 1) / kWidth);
  // Blocks of equal size: a small last one would read all weights for a few rows.
  const int64_t blocks = (a.rows + kRowBlock - 1) / kRowBlock, block = round_up((a.rows + blocks - 1) / blocks, kRows);
  for (int64_t row = 0; row < a.rows; row += block) {
    const int64_t rows = least(block, a.rows - row);
    for (int64_t k = 0; k < a.in; k += kDepth) {
      const int64_t depth = least(kDepth, a.in - k);
      const Piece piece{k == 0, k + depth == a.in};
      pack_rows(a.x + row * a.x_stride + k, a.x_stride, rows, depth, 1.0f, a.scratch);
      for (int64_t p = a.first_panel; p < last_panel; ++p) {
        const int64_t column = p * kWidth;
        const float *next = a.packed + (column + kWidth) * a.in + k * kWidth;
        for (int64_t r = 0; r < rows; r += kRows) {
          if (p + 1 < last_panel)
            for (int64_t i = r * depth / rows; i < (r + kRows) * depth / rows; ++i) __builtin_prefetch(next + i * kWidth, 0, 2);
          tile<kFinish>(a.scratch + r * depth, a.packed + column * a.in + k * kWidth, depth, a.bias + column, a.y + (row + r) * a.y_stride + column,
                        a.y_stride, least(kRows, rows - r), least(kWidth, a.out - column), piece);
        }
      }
    }
  }
}

void linear(const LinearArgs &a) {
  switch (a.finish) {
    case Finish::kBias:
      return linear_of<Finish::kBias>(a);
    case Finish::kBiasGelu:
      return linear_of<Finish::kBiasGelu>(a);
    case Finish::kBiasResidual:
      return linear_of<Finish::kBiasResidual>(a);
  }
}

// ------------------------------------------------------------------------------------------------------------ attention

// Panels of kWidth of the head's channels: [D / kWidth, keys, kWidth].
void pack_values(const float *v, int64_t stride, int64_t keys, int64_t head_dim, float *packed) {
  for (int64_t p = 0; p < head_dim; p += kWidth)
    for (int64_t j = 0; j < keys; ++j)
      for (int64_t d = p; d < p + kWidth; ++d) *packed++ = d < head_dim ? v[j * stride + d] : 0.0f;
}

int64_t attention_scratch(int64_t rows, int64_t head_dim) {
  const int64_t tiles = round_up(rows, kRows);
  // Packed queries, results of the queries, the largest score and the sum of each query, the scores of a block.
  return tiles * head_dim + tiles * round_up(head_dim, kWidth) + 2 * tiles + kQueryBlock * kKeyBlock;
}

// scores [kRows, kKeyBlock] of `keys` keys -> 2 to their power, less the largest score so far. A tile's results are
// reduced to the same scale.
void soften(float *scores, int64_t keys, float *most, float *total, float *results, int64_t width) {
  const int64_t whole = round_up(keys, kLanes);
  for (int r = 0; r < kRows; ++r, scores += kKeyBlock, results += width) {
    for (int64_t j = keys; j < whole; ++j) scores[j] = -__builtin_inff();
    Vec top = all(most[r]);
    for (int64_t j = 0; j < whole; j += kLanes) top = larger(load(scores + j), top);
    const float now = largest(top);
    if (now > most[r]) {
      const float smaller = __builtin_exp2f(most[r] - now);  // 0 at first
      total[r] *= smaller;
      for (int64_t d = 0; d < width; d += kLanes) store(results + d, load(results + d) * smaller);
      most[r] = now;
    }
    Vec added = {};
    for (int64_t j = 0; j < whole; j += kLanes) {
      const Vec e = exp2(load(scores + j) - now);
      store(scores + j, e);
      added += e;
    }
    total[r] += sum(added);
  }
}

void attention(const AttentionArgs &a) {
  const int64_t rows = round_up(a.rows, kRows), d = a.head_dim, width = round_up(d, kWidth);
  float *q = a.scratch, *results = q + rows * d, *most = results + rows * width, *total = most + rows, *scores = total + rows;
  pack_rows(a.q, a.q_stride, a.rows, d, a.scale * kLog2E, q);  // e^s is 2^(s·log2 e)
  fill(results, rows * width, 0.0f);
  fill(most, rows, -__builtin_inff());
  fill(total, rows, 0.0f);
  for (int64_t first = 0; first < a.keys; first += kKeyBlock) {
    const int64_t keys = least(kKeyBlock, a.keys - first);
    // A panel of keys or values is read from the second-level cache once for all tiles of the block.
    for (int64_t block = 0; block < rows; block += kQueryBlock) {
      const int64_t end = least(block + kQueryBlock, rows);
      for (int64_t j = 0; j < keys; j += kWidth)
        for (int64_t r = block; r < end; r += kRows) {
          float *const at = scores + (r - block) * kKeyBlock + j;
          multiply(q + r * d, 1, kRows, a.packed_k + (first + j) * d, d, [&](int i, Vec left, Vec right) {
            store(at + i * kKeyBlock, left);
            store(at + i * kKeyBlock + kLanes, right);
          });
        }
      for (int64_t r = block; r < end; r += kRows) soften(scores + (r - block) * kKeyBlock, keys, most + r, total + r, results + r * width, width);
      for (int64_t c = 0; c < width; c += kWidth)
        for (int64_t r = block; r < end; r += kRows) {
          float *const at = results + r * width + c;
          multiply(scores + (r - block) * kKeyBlock, kKeyBlock, 1, a.packed_v + c * a.keys + first * kWidth, keys, [&](int i, Vec left, Vec right) {
            store(at + i * width, load(at + i * width) + left);
            store(at + i * width + kLanes, load(at + i * width + kLanes) + right);
          });
        }
    }
  }
  for (int64_t r = 0; r < a.rows; ++r) {
    const float share = 1.0f / total[r];
    for (int64_t c = 0; c < d; ++c) a.y[r * a.y_stride + c] = results[r * width + c] * share;
  }
}

// ----------------------------------------------------------------------------------------------------------------- norm

void layer_norm(const float *x, const float *weight, const float *bias, double eps, int64_t rows, int64_t channels, float *y) {
  const int64_t whole = channels / kLanes * kLanes;
  for (int64_t r = 0; r < rows; ++r, x += channels, y += channels) {
    Vec added = {};
    for (int64_t c = 0; c < whole; c += kLanes) added += load(x + c);
    float mean = sum(added);
    for (int64_t c = whole; c < channels; ++c) mean += x[c];
    mean /= static_cast<float>(channels);
    // The differences are squared, not the numbers: nothing is lost where the mean is large.
    Vec squares = {};
    for (int64_t c = 0; c < whole; c += kLanes) {
      const Vec difference = load(x + c) - mean;
      squares += difference * difference;
    }
    float variance = sum(squares);
    for (int64_t c = whole; c < channels; ++c) variance += (x[c] - mean) * (x[c] - mean);
    const float scale = 1.0f / __builtin_sqrtf(variance / static_cast<float>(channels) + static_cast<float>(eps));
    for (int64_t c = 0; c < whole; c += kLanes) store(y + c, (load(x + c) - mean) * scale * load(weight + c) + load(bias + c));
    for (int64_t c = whole; c < channels; ++c) y[c] = (x[c] - mean) * scale * weight[c] + bias[c];
  }
}

}  // namespace

extern const CpuKernels kAvx2Kernels;
constexpr CpuKernels kAvx2Kernels = {kWidth, kRows,       packed_size,       pack_weights, linear_scratch,
                                     linear, pack_values, attention_scratch, attention,    layer_norm};

}  // namespace sta::cpu
