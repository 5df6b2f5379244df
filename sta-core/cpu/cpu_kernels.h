// SPDX-License-Identifier: MIT
// Products and attention in fp32 for the CPU, made for what a vision transformer needs. LibTorch's products pack the
// weights anew in every call, and its bias, GELU and residual are passes of their own over memory. Here the weights are
// packed once, when the model is loaded, and all that follows a product happens while its result is in registers.
//
// They need AVX2 and FMA. Where a processor has AVX-512, LibTorch's own products use it and these do not, so LibTorch
// computes there, as it does on processors without AVX2 and in other precisions.
//
// All functions work in the calling thread alone; who calls them shares out the work (ops/cpu_ops.h). They are
// thread-safe, do not allocate and do not throw.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sta::cpu {

/// What happens to x before it is multiplied, while it is packed.
enum class Prepare {
  kNone,
  kGelu,  // GELU(x), exact (erf)
  kNorm,  // LayerNorm(x)
};

/// What happens to a product before it is stored.
enum class Finish {
  kBias,          // y = x·Wᵀ + b
  kBiasResidual,  // y = y + x·Wᵀ + b
};

/// One product y [rows, out] = finish(prepare(x [rows, in]) · Wᵀ), or some columns of it.
struct LinearArgs {
  const float *x;       // [rows, in]
  int64_t x_stride;     // floats from row to row
  const float *packed;  // of pack_weights
  const float *bias;    // [out]
  float *y;             // [rows, out]
  int64_t y_stride;     // floats from row to row
  int64_t rows, in, out;
  int64_t first_panel, panels;  // the columns to compute, in panels of panel_width
  Prepare prepare;
  const float *norm_weight, *norm_bias;  // [in], for kNorm
  float norm_eps;
  Finish finish;
  float *scratch;  // linear_scratch floats
};

/// Attention of one head for some of its queries: y = softmax(q kᵀ · scale) v.
struct AttentionArgs {
  const float *q;         // [rows, D]
  int64_t q_stride;       // floats from row to row
  const float *packed_k;  // of pack_weights
  const float *packed_v;  // of pack_values
  float *y;               // [rows, D]
  int64_t y_stride;
  int64_t rows, keys, head_dim;
  float scale;
  float *scratch;  // attention_scratch floats
};

/// What the pruning rule (pruning/sta.cc) needs to know of some tokens.
struct TokenScoreArgs {
  const float *x;  // [tokens, channels], dense: the residual stream
  int64_t tokens, channels;
  const float *keys;  // element (token, head, d) is at token · key_token + head · key_head + d
  int64_t key_token, key_head;
  int64_t heads, head_dim;  // head_dim is at most most_head_dim
  float *unit_keys;         // out [tokens, head_dim], dense: the mean over heads, divided by its length
  float *sizes;             // out [tokens]: Σ |x|
};

struct CpuKernels {
  int64_t panel_width;    // columns of a panel of packed weights
  int64_t tile_rows;      // rows that are computed at once; a multiple of it wastes nothing
  int64_t block_rows;     // the most rows for which x is packed at once: more in one call are no faster
  int64_t most_head_dim;  // of token_scores

  /// Floats of packed weights: the columns are filled up to whole panels.
  int64_t (*packed_size)(int64_t out, int64_t in);
  /// weight [out, in], stride: floats from row to row -> panels [out / width, in, width], zeros after the last column.
  /// The keys [keys, D] of a head are packed by this too: queries times keys is such a product.
  void (*pack_weights)(const float *weight, int64_t stride, int64_t out, int64_t in, float *packed);
  int64_t (*linear_scratch)(int64_t rows, int64_t in);
  void (*linear)(const LinearArgs &args);

  /// The values [keys, D] of a head -> panels [D / width, keys, width]: packed_size(D, keys) floats.
  void (*pack_values)(const float *v, int64_t stride, int64_t keys, int64_t head_dim, float *packed);
  int64_t (*attention_scratch)(int64_t rows, int64_t head_dim);
  void (*attention)(const AttentionArgs &args);

  void (*token_scores)(const TokenScoreArgs &args);
  /// scores [rows, columns], which are cosines -> e to their power; shares [rows]: 1 / the sum of each row, so that
  /// share · row is the softmax. stride: floats from row to row, a multiple of panel_width; up to it anything may be
  /// written.
  void (*spread)(float *scores, int64_t stride, int64_t rows, int64_t columns, float *shares);
};

/// The kernels for this processor; NULL: LibTorch shall compute. The environment variable STA_CPU_KERNELS decides
/// otherwise, for comparisons: "off" gives NULL, "avx2" the kernels wherever they run. Thread-safe; always the same.
const CpuKernels *cpu_kernels();

}  // namespace sta::cpu
