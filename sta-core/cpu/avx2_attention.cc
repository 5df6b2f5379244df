// SPDX-License-Identifier: MIT
// Attention with AVX2 and FMA. Scores never exist as a whole: a block of queries meets a block of keys, and what is kept
// of it is the sum of the weights and the weighted sum of the values (Milakov and Gimelshein 2018, "Online normalizer
// calculation for softmax"; blocked as in Dao et al. 2022, "FlashAttention").
#include "cpu/avx2_parts.h"
#include "cpu/avx2_tile.h"

namespace sta::cpu::avx2 {
namespace {

constexpr int64_t kQueryBlock = 4 * kRows;
constexpr int64_t kKeyBlock = 256;  // 24 · 256 scores are 24 KiB, a panel of 256 values 16 KiB
constexpr float kLowest = -__builtin_inff();

// A tile of queries, while the blocks of keys pass by.
struct Tile {
  Vec top[kRows];     // the largest scores of this block, by lanes
  Vec total[kRows];   // the sums of the weights so far, by lanes
  float most[kRows];  // the weights are 2^(score - most); a whole number, not below the largest score so far
};

int64_t tiles_of(int64_t rows) { return (rows + kRows - 1) / kRows; }

// What is behind the last key gets no weight.
Vec hide(Vec scores, int64_t keys) {
  for (int64_t i = keys < 0 ? 0 : keys; i < kLanes; ++i) scores[i] = kLowest;
  return scores;
}

// scores [kRows, kKeyBlock] of `keys` keys -> weights. The tile's sums and results are reduced to the same scale.
void soften(float *scores, int64_t keys, Tile &tile, float *results, int64_t width) {
  for (int r = 0; r < kRows; ++r, scores += kKeyBlock, results += width) {
    const float top = __builtin_ceilf(largest(tile.top[r]));
    if (top > tile.most[r]) {
      const float smaller = __builtin_exp2f(tile.most[r] - top);  // 0 at first
      tile.total[r] *= smaller;
      for (int64_t d = 0; d < width; d += kLanes) store(results + d, load(results + d) * smaller);
      tile.most[r] = top;
    }
    float most = tile.most[r];
    if (!(__builtin_fabsf(most) < Exp2::kLimit)) {
      for (int64_t j = 0; j < keys; j += kLanes) store(scores + j, load(scores + j) - most);
      most = 0;
    }
    const Exp2 exp2(most);
    Vec added = {};
    for (int64_t j = 0; j < keys; j += kLanes) {
      const Vec e = exp2(load(scores + j));
      store(scores + j, e);
      added += e;
    }
    tile.total[r] += added;
  }
}

}  // namespace

// Panels of kWidth of the head's channels: [D / kWidth, keys, kWidth].
void pack_values(const float *v, int64_t stride, int64_t keys, int64_t head_dim, float *packed) {
  for (int64_t p = 0; p < head_dim; p += kWidth)
    for (int64_t j = 0; j < keys; ++j)
      for (int64_t d = p; d < p + kWidth; ++d) *packed++ = d < head_dim ? v[j * stride + d] : 0.0f;
}

int64_t attention_scratch(int64_t rows, int64_t head_dim) {
  const int64_t whole = round_up(rows, kRows);
  // Tiles, which begin at a multiple of a vector's size; packed queries; results; the scores of a block.
  return kLanes + tiles_of(rows) * static_cast<int64_t>(sizeof(Tile) / sizeof(float)) + packed_rows_size(rows, head_dim) +
         whole * round_up(head_dim, kWidth) + kQueryBlock * kKeyBlock;
}

void attention(const AttentionArgs &a) {
  const int64_t rows = round_up(a.rows, kRows), d = a.head_dim, deep = round_up(d, kLanes), width = round_up(d, kWidth);
  Tile *const tiles = reinterpret_cast<Tile *>((reinterpret_cast<uintptr_t>(a.scratch) + sizeof(Vec) - 1) / sizeof(Vec) * sizeof(Vec));
  float *const q = reinterpret_cast<float *>(tiles + tiles_of(rows)), *const results = q + rows * deep, *const scores = results + rows * width;
  // e^s is 2^(s·log2 e)
  pack_rows(a.q, a.q_stride, a.rows, d, q, [scale = a.scale * kLog2E](Vec v, int64_t, int64_t) { return v * scale; });
  for (int64_t i = 0; i < rows * width; ++i) results[i] = 0.0f;
  for (int64_t t = 0; t < tiles_of(rows); ++t)
    for (int r = 0; r < kRows; ++r) {
      tiles[t].total[r] = Vec{};
      tiles[t].most[r] = kLowest;
    }
  for (int64_t first = 0; first < a.keys; first += kKeyBlock) {
    const int64_t keys = least(kKeyBlock, a.keys - first);
    // A panel of keys or values is read from the second-level cache once for all tiles of the block.
    for (int64_t block = 0; block < rows; block += kQueryBlock) {
      const int64_t end = least(block + kQueryBlock, rows);
      for (int64_t r = block; r < end; ++r) tiles[r / kRows].top[r % kRows] = all(kLowest);
      for (int64_t j = 0; j < keys; j += kWidth)
        for (int64_t r = block; r < end; r += kRows) {
          float *const at = scores + (r - block) * kKeyBlock + j;
          Tile &tile = tiles[r / kRows];
          multiply<kPackedRow, kPackedNext>(q + r * deep, a.packed_k + (first + j) * d, d, [&](int i, Vec left, Vec right) {
            if (j + kWidth > keys) {
              left = hide(left, keys - j);
              right = hide(right, keys - j - kLanes);
            }
            store(at + i * kKeyBlock, left);
            store(at + i * kKeyBlock + kLanes, right);
            tile.top[i] = larger(left, larger(right, tile.top[i]));
          });
        }
      for (int64_t r = block; r < end; r += kRows) soften(scores + (r - block) * kKeyBlock, keys, tiles[r / kRows], results + r * width, width);
      for (int64_t c = 0; c < width; c += kWidth)
        for (int64_t r = block; r < end; r += kRows) {
          float *const at = results + r * width + c;
          const float *const values = a.packed_v + c * a.keys + first * kWidth;
          multiply<kKeyBlock, kLanes>(scores + (r - block) * kKeyBlock, values, keys, [&](int i, Vec left, Vec right) {
            store(at + i * width, load(at + i * width) + left);
            store(at + i * width + kLanes, load(at + i * width + kLanes) + right);
          });
        }
    }
  }
  for (int64_t r = 0; r < a.rows; ++r) {
    const float share = 1.0f / sum(tiles[r / kRows].total[r % kRows]);
    for (int64_t c = 0; c < d; ++c) a.y[r * a.y_stride + c] = results[r * width + c] * share;
  }
}

}  // namespace sta::cpu::avx2
