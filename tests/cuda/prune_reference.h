// SPDX-License-Identifier: MIT
// A second implementation of the pruning step, for one clip, as plain loops over vectors. The kernels must give the
// same results bit for bit. The order of sums is part of the definition here, and written out. Another test checks that
// it selects the same tokens as the ATen form.
#pragma once

#include <cstdint>
#include <vector>

namespace reference {

struct PruneInput {
  int groups, n, channels, heads, dim, drop;  // T, N, C, h, D, r
  bool backward;
  int keep_token;           // never dropped; -1: none
  std::vector<float> x;     // [L,C]
  std::vector<float> keys;  // [L,h,D]
};

struct PruneOutput {
  std::vector<int64_t> kept;                        // [T·(N-r)]
  std::vector<float> semantic, accumulated, score;  // [T,N]
  std::vector<float> first_similarity;              // [ceil(N/2)]
};

PruneOutput prune(const PruneInput &in);

}  // namespace reference
