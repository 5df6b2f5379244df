// SPDX-License-Identifier: MIT
// Random dropping, the baseline of the paper's Fig 4. It drops the same number of tokens from every group in the same
// three calls as STA, but chooses them without any score. It runs on the host with our own seeded generator. So a seed
// gives the same tokens on every device, in every library version and in every batch.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <numeric>

#include "pruning/pruning.h"
#include "pruning/ragged.h"

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

// Of one item of the batch in one call.
uint64_t first_state(const PruneSettings &settings, int64_t item, int call) {
  const uint64_t seed = item < static_cast<int64_t>(settings.seeds.size()) ? settings.seeds[static_cast<size_t>(item)] : 0;
  return seed * 0xD1342543DE82EF95u + static_cast<uint64_t>(call);
}

// Writes `kept` of the n tokens from `first` on, ascending; returns the place behind them. keep_token: always one of
// them, if it is in this group.
int64_t *draw(uint64_t &state, int64_t first, int64_t n, int64_t kept, int64_t keep_token, int64_t *out) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), first);
  int64_t chosen = 0;
  if (keep_token >= first && keep_token < first + n) std::swap(order[static_cast<size_t>(chosen++)], order[static_cast<size_t>(keep_token - first)]);
  // Fisher-Yates, of which only the kept part is needed; the bias of the modulo is below 2^-50 here.
  for (int64_t i = chosen; i < kept; ++i)
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(i + static_cast<int64_t>(next(state) % static_cast<uint64_t>(n - i)))]);
  std::sort(order.begin(), order.begin() + kept);
  return std::copy(order.begin(), order.begin() + kept, out);
}

}  // namespace

at::Tensor select_random(int64_t batch, int64_t tokens, at::Device device, const PruneCall &call, const PruneSettings &settings) {
  const int64_t t = call.groups, n = tokens / t, kept = n - settings.drop_number;
  at::Tensor index = at::empty({batch, t * kept}, at::kLong);
  int64_t *out = index.data_ptr<int64_t>();
  for (int64_t b = 0; b < batch; ++b) {
    uint64_t state = first_state(settings, b, call.index);
    for (int64_t g = 0; g < t; ++g) out = draw(state, g * n, n, kept, call.keep_token, out);
  }
  return index.to(device);
}

at::Tensor select_ragged_random(at::Device device, const RaggedCall &call, const PruneSettings &settings) {
  const int64_t batch = static_cast<int64_t>(call.windows.size());
  at::Tensor index = at::empty({batch, call.kept}, at::kLong);
  int64_t *out = index.data_ptr<int64_t>();
  for (int64_t b = 0; b < batch; ++b) {
    const RaggedGroups &window = call.windows[static_cast<size_t>(b)];
    uint64_t state = first_state(settings, b, call.index);
    int64_t first = 0;
    for (size_t g = 0; g < window.counts.size(); ++g) {
      out = draw(state, first, window.counts[g], window.counts[g] - window.drops[g], window.keep_token, out);
      first += window.counts[g];
    }
  }
  return index.to(device);
}

}  // namespace sta
