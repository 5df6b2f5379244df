// SPDX-License-Identifier: MIT
// The paper's rule. Each token gets two scores, both in fp32:
//
//   semantic   F   = Σ_c |x_c|, min-max normalised within the group -> F~ in [0,1]
//   temporal   P_t = softmax over the NEW tokens of k^_new · k^_old^T: every old token distributes a mass of 1 over the
//              new group
//              A_1 = P_1 · 1 (all old tokens), A_t = P_t · A'_{t-1} with A' = A of the kept tokens, divided by its sum
//   S = A · (1 - F~) is large for a token that is redundant over time and has little meaning. The N-r tokens with the
//   smallest S stay, in ascending order of S; the others are dropped.
//
// The group that is scanned first has no past. Bipartite similarity prunes it: even positions are sources, odd ones are
// targets. The r sources that are most similar to some target are dropped. The output has the targets, then the other
// sources by ascending similarity. This order matters later, because it decides the even/odd split of the next call's
// first group.
//
// Because the softmax runs over new tokens, column j of P_t does not depend on which other old tokens survive. So one
// batched product and one softmax give all P_t. Only mat-vec, multiply, select and renormalise are sequential (T-1
// steps). All shapes depend on r alone, so nothing waits for the host.
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "pruning/pruning.h"

namespace sta {
namespace {

// The smallest divisor, far below any value of real data. The official code divides without a lower limit and gives NaN
// on degenerate input.
constexpr double kTiny = 1e-20;

// x [B,T,N,C] -> F~ [B,T,N]
at::Tensor semantic_score(const at::Tensor &x) {
  const at::Tensor f = at::linalg_vector_norm(x, 1, at::IntArrayRef{-1}, false, at::kFloat);
  const auto [low, high] = at::aminmax(f, -1, true);
  return (f - low) / (high - low).clamp_min(kTiny);
}

// Scores [B,N] for sorting. position: the token that has to stay, or -1. Its score becomes lower than all others, so it
// comes first.
at::Tensor ranked(const at::Tensor &scores, int64_t position) {
  if (position < 0) return scores;
  at::Tensor changed = scores.clone();
  changed.select(1, position).fill_(-std::numeric_limits<float>::infinity());
  return changed;
}

// The first group. key [B,N,D] unit rows -> kept positions int64 [B,N-r]; similarity [B,ceil(N/2)]; stays: position of
// the token that has to stay, or -1.
at::Tensor keep_first(at::Tensor key, int64_t r, int64_t stays, at::Tensor &similarity) {
  const int64_t b = key.size(0);
  int64_t first = 0, step = 1;  // position i of `key` is position first + step·i of the group
  TORCH_CHECK(stays < 0 || (stays % 2 == 0 && r < (key.size(1) + 1) / 2),
              "a token that has to stay must be one of the first group's sources, of which one is left");
  while (r > (key.size(1) + 1) / 2) {  // too few sources: drop all and match the targets again
    r -= (key.size(1) + 1) / 2;
    key = key.slice(1, 1, key.size(1), 2);
    first += step;
    step *= 2;
  }
  const int64_t n = key.size(1), sources = (n + 1) / 2;
  const at::Tensor even = key.slice(1, 0, n, 2), odd = key.slice(1, 1, n, 2);
  similarity = n > 1 ? at::amax(at::matmul(even, odd.transpose(1, 2)), -1) : at::zeros({b, 1}, key.options());
  const at::Tensor order =
      std::get<1>(at::sort(ranked(similarity, stays < 0 ? -1 : stays / 2), /*stable=*/true, -1, /*descending=*/false));  // [B,sources]
  const at::Tensor kept_sources = order.slice(1, 0, sources - r) * 2;
  const at::Tensor targets = at::arange(1, n, 2, order.options()).unsqueeze(0).expand({b, n / 2});
  return at::cat({targets, kept_sources}, 1) * step + first;
}

}  // namespace

at::Tensor select_sta(const at::Tensor &x_in, const at::Tensor &key_mean, const PruneCall &call, int drop_number, PruneTrace *trace) {
  const int64_t b = x_in.size(0), t = call.groups, n = x_in.size(1) / t, r = drop_number, kept = n - r;
  const at::Tensor x = x_in.reshape({b, t, n, x_in.size(2)});
  at::Tensor key = key_mean.to(at::kFloat).reshape({b, t, n, key_mean.size(2)});
  key = key / at::linalg_vector_norm(key, 2, at::IntArrayRef{-1}, true).clamp_min(kTiny);
  if (call.backward) key = key.flip(1);  // scan order
  const at::Tensor semantic = semantic_score(x);
  const at::Tensor meaningless = 1 - (call.backward ? semantic.flip(1) : semantic);  // [B,T,N] in scan order

  // spread[:,t-1] = P_t^T: row = old token, column = new token, rows sum to 1. [B,T-1,N,N]
  at::Tensor spread;
  if (t > 1) spread = at::softmax(at::matmul(key.slice(1, 0, t - 1), key.slice(1, 1, t).transpose(2, 3)), -1);

  std::vector<at::Tensor> keep(t), acc_trace(t), score_trace(t);  // in scan order
  at::Tensor similarity;
  // Position of the token that has to stay, if it is in the group at step g of the scan. Otherwise -1.
  auto stays = [&](int64_t g) { return call.keep_token >= 0 && call.keep_token / n == (call.backward ? t - 1 - g : g) ? call.keep_token % n : -1; };
  keep[0] = keep_first(key.select(1, 0), r, stays(0), similarity);
  acc_trace[0] = score_trace[0] = at::full({b, n}, -1.0, key.options());
  at::Tensor mass = at::ones({b, 1, n}, key.options());
  for (int64_t g = 1; g < t; ++g) {
    const at::Tensor acc = at::matmul(mass, spread.select(1, g - 1)).squeeze(1);  // A_t [B,N]
    const at::Tensor score = acc * meaningless.select(1, g);                      // S_t [B,N]
    keep[g] = std::get<1>(at::sort(ranked(score, stays(g)), /*stable=*/true, -1, /*descending=*/false)).slice(1, 0, kept);
    if (trace) {
      acc_trace[g] = acc;
      score_trace[g] = score;
    }
    if (g + 1 == t) break;
    const at::Tensor survivors = acc.gather(1, keep[g]);
    mass = at::zeros({b, n}, key.options()).scatter(1, keep[g], survivors / survivors.sum(1, true).clamp_min(kTiny)).unsqueeze(1);
  }
  auto in_time = [&](std::vector<at::Tensor> groups) {
    if (call.backward) std::reverse(groups.begin(), groups.end());
    return at::stack(groups, 1);  // [B,T,·]
  };
  if (trace) *trace = {semantic, in_time(acc_trace), in_time(score_trace), similarity};
  const at::Tensor offset = (at::arange(t, keep[0].options()) * n).view({1, t, 1});
  return (in_time(keep) + offset).reshape({b, t * kept});
}

int64_t keep_token_after(const PruneCall &call, const PruneSettings &settings, int64_t tokens) {
  const int64_t n = tokens / call.groups, group = call.keep_token / n, position = call.keep_token % n;
  // The random rule keeps the order of the tokens, so only the first token of a group has a known place.
  TORCH_CHECK(settings.rule == STA_PRUNING_STA || position == 0, "a token that has to stay must be the first of its group");
  const bool first = group == (call.backward ? call.groups - 1 : 0);
  // In the group that is scanned first it comes after the targets. In other groups it comes first, because its score is
  // the smallest.
  return group * (n - settings.drop_number) + (settings.rule == STA_PRUNING_STA && first ? n / 2 : 0);
}

at::Tensor select_tokens(const at::Tensor &x, const at::Tensor &key_mean, const PruneCall &call, const PruneSettings &settings, PruneTrace *trace) {
  if (settings.rule == STA_PRUNING_RANDOM) return select_random(x.size(0), x.size(1), x.device(), call, settings);
  return select_sta(x, key_mean, call, settings.drop_number, trace);
}

}  // namespace sta
