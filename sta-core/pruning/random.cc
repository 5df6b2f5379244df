// SPDX-License-Identifier: MIT
// Random dropping, the baseline of the paper's Fig 4. It drops the same number of tokens from every group in the same
// three calls as STA, but chooses them without any score. It runs on the host with our own seeded generator. So a seed
// gives the same tokens on every device, in every library version and in every batch.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <numeric>

#include "pruning/pruning.h"

namespace sta {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014): a counter that goes through a mixer. It is good enough to shuffle and four
// lines long.
uint64_t next(uint64_t &state) {
  uint64_t z = (state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

}  // namespace

at::Tensor select_random(int64_t batch, int64_t tokens, at::Device device, const PruneCall &call, const PruneSettings &settings) {
  const int64_t t = call.groups, n = tokens / t, kept = n - settings.drop_number;
  at::Tensor index = at::empty({batch, t * kept}, at::kLong);
  int64_t *out = index.data_ptr<int64_t>();
  std::vector<int64_t> order(n);
  for (int64_t b = 0; b < batch; ++b) {
    uint64_t state =
        (b < static_cast<int64_t>(settings.seeds.size()) ? settings.seeds[b] : 0) * 0xD1342543DE82EF95u + static_cast<uint64_t>(call.index);
    for (int64_t g = 0; g < t; ++g) {
      std::iota(order.begin(), order.end(), g * n);
      int64_t chosen = 0;
      if (call.keep_token >= 0 && call.keep_token / n == g) std::swap(order[chosen++], order[call.keep_token % n]);
      // A Fisher-Yates shuffle, but only of the kept part. The bias of the modulo is below 2^-50 here.
      for (int64_t i = chosen; i < kept; ++i) std::swap(order[i], order[i + static_cast<int64_t>(next(state) % static_cast<uint64_t>(n - i))]);
      std::sort(order.begin(), order.begin() + kept);
      out = std::copy(order.begin(), order.begin() + kept, out);
    }
  }
  return index.to(device);
}

}  // namespace sta
