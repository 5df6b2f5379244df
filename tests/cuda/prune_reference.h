// SPDX-License-Identifier: MIT
// The pruning step once more, for one clip, as plain loops over vectors: what the kernels must give bit for bit. The
// order in which sums are taken is part of the definition here, and written out; that it selects the same tokens as the
// ATen form is the business of another test.
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
