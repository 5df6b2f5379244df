// SPDX-License-Identifier: MIT
// The functions of CpuKernels with AVX2, one file for each concept. avx2_linear.cc makes the table of them.
#pragma once

#include "cpu/cpu_kernels.h"

namespace sta::cpu::avx2 {

int64_t packed_size(int64_t out, int64_t in);
void pack_weights(const float *weight, int64_t stride, int64_t out, int64_t in, float *packed);
int64_t linear_scratch(int64_t rows, int64_t in);
void linear(const LinearArgs &args);

void pack_values(const float *v, int64_t stride, int64_t keys, int64_t head_dim, float *packed);
int64_t attention_scratch(int64_t rows, int64_t head_dim);
void attention(const AttentionArgs &args);

constexpr int64_t kMostHeadDim = 256;
void token_scores(const TokenScoreArgs &args);
void spread(float *scores, int64_t stride, int64_t rows, int64_t columns, float *shares);

}  // namespace sta::cpu::avx2
