// SPDX-License-Identifier: MIT
// See ragged.h; the formulas are those of sta.cc.
//
// Scores are computed on groups padded to the largest one: [B,G,M] slots, G groups that have tokens in scan order, M
// tokens of the largest. So all windows of a batch go through the same few operations. Padding hands out no mass, gets
// none, and is sorted behind all tokens; which places of the sorted groups are tokens to keep the host knows from the
// plan. The products of the network itself are never padded.
#include "pruning/ragged.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "ops/ops.h"

namespace sta {
namespace {

constexpr double kTiny = 1e-20;  // far below any value of real data, see sta.cc
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// What the host knows of a call, as index tensors.
struct Slots {
  int64_t groups = 0, most = 0;  // G, M
  at::Tensor token;              // int64 [B,G·M] which token of the input; 0 for padding
  at::Tensor valid;              // bool [B,G,M]
  at::Tensor survives;           // bool [B,G,M] by rank in the sorted group
  at::Tensor column;             // int64 [B,K'] place of each emitted token in the sorted groups, 0..G·M-1
  at::Tensor base;               // int64 [B,K'] first slot of its group
  at::Tensor stays;              // bool [B,G,M] the slot of the token that has to stay; undefined: none
};

Slots make_slots(const RaggedCall &call, at::Device device) {
  Slots s;
  const int64_t b = static_cast<int64_t>(call.windows.size());
  for (const RaggedGroups &w : call.windows) {
    int64_t groups = 0;
    for (const int n : w.counts) {
      groups += n > 0;
      s.most = std::max<int64_t>(s.most, n);
    }
    s.groups = std::max(s.groups, groups);
  }
  const int64_t g = s.groups, m = s.most;
  at::Tensor token = at::zeros({b, g * m}, at::kLong), valid = at::zeros({b, g, m}, at::kBool), survives = at::zeros({b, g, m}, at::kBool);
  at::Tensor column = at::empty({b, call.kept}, at::kLong), base = at::empty({b, call.kept}, at::kLong), stays;
  if (call.windows[0].keep_token >= 0) stays = at::zeros({b, g, m}, at::kBool);
  for (int64_t i = 0; i < b; ++i) {
    const RaggedGroups &w = call.windows[static_cast<size_t>(i)];
    const int64_t steps = static_cast<int64_t>(w.counts.size());
    std::vector<int64_t> start(w.counts.size());  // first token of each group in the input
    for (size_t k = 1; k < start.size(); ++k) start[k] = start[k - 1] + w.counts[k - 1];
    std::vector<int64_t> order(w.counts.size(), -1);  // place of a group among those that have tokens, in scan order
    int64_t next = 0;
    for (int64_t k = 0; k < steps; ++k)
      if (const size_t group = static_cast<size_t>(call.backward ? steps - 1 - k : k); w.counts[group] > 0) order[group] = next++;
    int64_t *tokens = token.data_ptr<int64_t>() + i * g * m;
    bool *valids = valid.data_ptr<bool>() + i * g * m, *survivors = survives.data_ptr<bool>() + i * g * m;
    int64_t *columns = column.data_ptr<int64_t>() + i * call.kept, *bases = base.data_ptr<int64_t>() + i * call.kept;
    for (size_t group = 0; group < start.size(); ++group) {
      const int n = w.counts[group], keep = n - w.drops[group];
      if (n == 0) continue;
      const int64_t first = order[group] * m;
      std::iota(tokens + first, tokens + first + n, start[group]);
      std::fill_n(valids + first, n, true);
      std::fill_n(survivors + first, keep, true);
      const int64_t targets = n / 2;
      for (int64_t j = 0; j < keep; ++j) {
        // The group scanned first: its targets stand in the first M/2 places, its sources behind them.
        const bool source = order[group] == 0 && j >= targets;
        *columns++ = first + (source ? m / 2 + j - targets : j);
        *bases++ = first;
      }
      if (w.keep_token >= start[group] && w.keep_token < start[group] + n)
        stays.data_ptr<bool>()[i * g * m + first + w.keep_token - start[group]] = true;
    }
  }
  const auto there = [&](const at::Tensor &t) { return t.defined() ? t.to(device) : t; };
  s.token = there(token);
  s.valid = there(valid);
  s.survives = there(survives);
  s.column = there(column);
  s.base = there(base);
  s.stays = there(stays);
  return s;
}

// [B,M] ranks of the group scanned first: its M/2 odd places, then its even ones by similarity. key [B,M,D] unit rows.
at::Tensor sort_first(const at::Tensor &key, const at::Tensor &valid, const at::Tensor &stays) {
  const int64_t b = key.size(0), m = key.size(1);
  const auto even = [&](const at::Tensor &t) { return t.slice(1, 0, m, 2); };
  const auto odd = [&](const at::Tensor &t) { return t.slice(1, 1, m, 2); };
  at::Tensor similarity = at::zeros({b, (m + 1) / 2}, key.options());
  if (m > 1)
    similarity = at::amax(at::matmul(even(key), odd(key).transpose(1, 2)).masked_fill(odd(valid).logical_not().unsqueeze(1), -kInfinity), -1);
  similarity = similarity.masked_fill(even(valid).logical_not(), kInfinity);
  if (stays.defined()) similarity = similarity.masked_fill(even(stays), -kInfinity);
  const at::Tensor order = std::get<1>(at::sort(similarity, /*stable=*/true, -1, /*descending=*/false)) * 2;
  const at::Tensor targets = at::arange(1, m, 2, order.options()).unsqueeze(0).expand({b, m / 2});
  return at::cat({targets, order}, 1);
}

at::Tensor select_ragged_sta(const at::Tensor &x, const at::Tensor &key_mean, const RaggedCall &call) {
  const Slots s = make_slots(call, x.device());
  const int64_t b = x.size(0), g = s.groups, m = s.most;
  const at::Tensor key_pad = ops::gather_tokens(key_mean.to(at::kFloat), s.token).view({b, g, m, key_mean.size(2)});
  const at::Tensor key = key_pad / at::linalg_vector_norm(key_pad, 2, at::IntArrayRef{-1}, true).clamp_min(kTiny);
  const at::Tensor invalid = s.valid.logical_not();
  const at::Tensor f = at::linalg_vector_norm(x, 1, at::IntArrayRef{-1}, false, at::kFloat).gather(1, s.token).view({b, g, m});
  const at::Tensor low = at::amin(f.masked_fill(invalid, kInfinity), -1, true), high = at::amax(f.masked_fill(invalid, -kInfinity), -1, true);
  const at::Tensor meaningless = 1 - (f - low) / (high - low).clamp_min(kTiny);
  at::Tensor spread;  // [B,G-1,M,M]: row = old token, column = new token
  if (g > 1)
    spread = at::softmax(
        at::matmul(key.slice(1, 0, g - 1), key.slice(1, 1, g).transpose(2, 3)).masked_fill(invalid.slice(1, 1, g).unsqueeze(2), -kInfinity), -1);
  const auto stays = [&](int64_t group) { return s.stays.defined() ? s.stays.select(1, group) : at::Tensor(); };
  std::vector<at::Tensor> ranks{sort_first(key.select(1, 0), s.valid.select(1, 0), stays(0))};  // [B,M] each
  at::Tensor mass = s.valid.select(1, 0).to(at::kFloat).unsqueeze(1);                           // [B,1,M]
  for (int64_t k = 1; k < g; ++k) {
    const at::Tensor acc = at::matmul(mass, spread.select(1, k - 1)).squeeze(1);
    at::Tensor score = (acc * meaningless.select(1, k)).masked_fill(invalid.select(1, k), kInfinity);
    if (s.stays.defined()) score = score.masked_fill(stays(k), -kInfinity);
    ranks.push_back(std::get<1>(at::sort(score, /*stable=*/true, -1, /*descending=*/false)));
    if (k + 1 == g) break;
    const at::Tensor survivors = acc.gather(1, ranks.back()).masked_fill(s.survives.select(1, k).logical_not(), 0);
    mass = at::zeros({b, m}, key.options()).scatter(1, ranks.back(), survivors / survivors.sum(1, true).clamp_min(kTiny)).unsqueeze(1);
  }
  const at::Tensor slot = at::stack(ranks, 1).view({b, g * m}).gather(1, s.column) + s.base;
  return s.token.gather(1, slot);
}

}  // namespace

at::Tensor select_ragged(const at::Tensor &x, const at::Tensor &key_mean, const RaggedCall &call, const PruneSettings &settings) {
  if (settings.rule == STA_PRUNING_RANDOM) return select_ragged_random(x.device(), call, settings);
  return select_ragged_sta(x, key_mean, call);
}

}  // namespace sta
