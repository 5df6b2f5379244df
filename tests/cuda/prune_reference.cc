// SPDX-License-Identifier: MIT
// See prune_reference.h.
#include "prune_reference.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "cuda/scalar.h"

namespace reference {
namespace {

constexpr float kTiny = 1e-20f;

// Σ term(i), i < count, in the order of 32 lanes: each lane in turn takes `run` consecutive terms, then lanes at
// distance 16, 8, 4, 2, 1 are added.
float lane_sum(int count, int run, const std::function<void(int i, float &sum)> &add) {
  float lane[32] = {};
  for (int i = 0; i < count; ++i) add(i, lane[i / run % 32]);
  for (int distance = 16; distance > 0; distance /= 2)
    for (int i = 0; i < distance; ++i) lane[i] += lane[i + distance];
  return lane[0];
}

// Positions in ascending order of value. Equal values (0 and -0 too) are in order of index; NaN comes last.
std::vector<int> ascending(const std::vector<float> &values) {
  std::vector<int> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    if (std::isnan(values[a]) || std::isnan(values[b])) return !std::isnan(values[a]) && std::isnan(values[b]);
    return values[a] < values[b];
  });
  return order;
}

}  // namespace

PruneOutput prune(const PruneInput &in) {
  const int t = in.groups, n = in.n, l = t * n, d = in.dim, kept = n - in.drop, sources = (n + 1) / 2;
  PruneOutput out;

  // Unit keys and magnitudes of all tokens.
  std::vector<float> key(static_cast<size_t>(l) * d), magnitude(l);
  for (int token = 0; token < l; ++token) {
    const float *x = &in.x[static_cast<size_t>(token) * in.channels];
    magnitude[token] = lane_sum(in.channels, 8, [&](int c, float &sum) { sum += std::fabs(x[c]); });
    float *mean = &key[static_cast<size_t>(token) * d];
    for (int i = 0; i < d; ++i) {
      float total = 0;
      for (int h = 0; h < in.heads; ++h) total += in.keys[(static_cast<size_t>(token) * in.heads + h) * d + i];
      mean[i] = total / static_cast<float>(in.heads);
    }
    const float norm = std::max(std::sqrt(lane_sum(d, 1, [&](int i, float &sum) { sum = std::fma(mean[i], mean[i], sum); })), kTiny);
    for (int i = 0; i < d; ++i) mean[i] /= norm;
  }
  auto cosine = [&](int a, int b) {
    float sum = 0;
    for (int i = 0; i < d; ++i) sum = std::fma(key[static_cast<size_t>(a) * d + i], key[static_cast<size_t>(b) * d + i], sum);
    return sum;
  };

  out.semantic.resize(l);
  for (int g = 0; g < t; ++g) {
    const auto [low, high] = std::minmax_element(&magnitude[g * n], &magnitude[g * n] + n);
    const float range = std::max(*high - *low, kTiny);
    for (int i = 0; i < n; ++i) out.semantic[g * n + i] = (magnitude[g * n + i] - *low) / range;
  }

  std::vector<std::vector<int>> emitted(t);  // by group
  // Scores in the form that is sorted: the token that must stay has the smallest one.
  const auto ranked = [&](std::vector<float> scores, int group, int stride) {
    if (in.keep_token >= 0 && in.keep_token / n == group) scores[in.keep_token % n / stride] = -INFINITY;
    return ascending(scores);
  };
  out.accumulated.assign(l, -1);
  out.score.assign(l, -1);
  const auto scanned = [&](int step) { return in.backward ? t - 1 - step : step; };

  const int first = scanned(0) * n;
  out.first_similarity.assign(sources, 0);
  for (int i = 0; i < sources; ++i)
    for (int j = 0; j < n / 2; ++j) {
      const float c = cosine(first + 2 * i, first + 2 * j + 1);
      out.first_similarity[i] = j == 0 ? c : std::max(out.first_similarity[i], c);
    }
  for (int i = 1; i < n; i += 2) emitted[scanned(0)].push_back(i);
  const std::vector<int> by_similarity = ranked(out.first_similarity, scanned(0), 2);
  for (int i = 0; i < sources - in.drop; ++i) emitted[scanned(0)].push_back(2 * by_similarity[i]);

  // Old tokens that carry mass, and how much, before that mass is shared out.
  std::vector<int> old(n);
  std::iota(old.begin(), old.end(), 0);
  std::vector<float> mass(n, 1.0f);
  for (int step = 1; step < t; ++step) {
    const int from = scanned(step - 1) * n, to = scanned(step) * n;
    std::vector<float> spread(old.size() * n), weight(old.size());  // [old, new] before division by the sum over new tokens
    for (size_t k = 0; k < old.size(); ++k) {
      float *row = &spread[k * n];
      for (int i = 0; i < n; ++i) row[i] = sta::cuda::exponential(cosine(from + old[k], to + i));
      weight[k] = mass[k] / lane_sum(n, 1, [&](int i, float &sum) { sum += row[i]; });
    }
    std::vector<float> accumulated(n), score(n);
    for (int i = 0; i < n; ++i) {
      float slice[4] = {};
      for (size_t k = 0; k < old.size(); ++k) slice[k % 4] = std::fma(spread[k * n + i], weight[k], slice[k % 4]);
      accumulated[i] = ((slice[0] + slice[1]) + slice[2]) + slice[3];
      score[i] = accumulated[i] * (1.0f - out.semantic[to + i]);
      out.accumulated[to + i] = accumulated[i];
      out.score[to + i] = score[i];
    }
    old = ranked(score, scanned(step), 1);
    old.resize(kept);
    emitted[scanned(step)] = old;
    const float total = std::max(lane_sum(kept, 1, [&](int k, float &sum) { sum += accumulated[old[k]]; }), kTiny);
    mass.resize(kept);
    for (int k = 0; k < kept; ++k) mass[k] = accumulated[old[k]] / total;
  }
  for (int g = 0; g < t; ++g)
    for (const int i : emitted[g]) out.kept.push_back(static_cast<int64_t>(g) * n + i);
  return out;
}

}  // namespace reference
