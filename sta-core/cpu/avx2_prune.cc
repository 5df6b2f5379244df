// SPDX-License-Identifier: MIT
// The parts of the pruning rule that read many numbers, with AVX2 and FMA: what each token is worth by itself, and the
// softmax by which old tokens hand out their mass. pruning/prune_cpu.cc puts them together.
#include "cpu/avx2_parts.h"
#include "cpu/simd.h"

namespace sta::cpu::avx2 {

void token_scores(const TokenScoreArgs &a) {
  float mean[kMostHeadDim];
  for (int64_t t = 0; t < a.tokens; ++t) {
    const float *const keys = a.keys + t * a.key_token, *const x = a.x + t * a.channels;
    float *const unit = a.unit_keys + t * a.head_dim;
    Vec squares = {};
    for (int64_t d = 0; d < a.head_dim; d += kLanes) {
      Vec added = {};
      for (int64_t h = 0; h < a.heads; ++h) added += load_some(keys + h * a.key_head + d, a.head_dim - d);
      added /= static_cast<float>(a.heads);
      squares += added * added;
      store(mean + d, added);
    }
    constexpr float kTiny = 1e-20f;  // the smallest divisor, as in sta.cc
    const float length = __builtin_sqrtf(sum(squares));
    for (int64_t d = 0; d < a.head_dim; ++d) unit[d] = mean[d] / (length < kTiny ? kTiny : length);
    Vec size = {};
    for (int64_t c = 0; c < a.channels; c += kLanes) size += magnitude(load_some(x + c, a.channels - c));
    a.sizes[t] = sum(size);
  }
}

void spread(float *scores, int64_t stride, int64_t rows, int64_t columns, float *shares) {
  const Exp2 exp2(0);
  for (int64_t r = 0; r < rows; ++r, scores += stride) {
    for (int64_t c = columns; c < round_up(columns, kLanes); ++c) scores[c] = -__builtin_inff();
    Vec added = {};
    for (int64_t c = 0; c < columns; c += kLanes) {
      const Vec e = exp2(load(scores + c) * kLog2E);
      store(scores + c, e);
      added += e;
    }
    for (int64_t c = columns; c < round_up(columns, kLanes); ++c) scores[c] = 0;
    shares[r] = 1.0f / sum(added);
  }
}

}  // namespace sta::cpu::avx2
