// SPDX-License-Identifier: MIT
// See pruning_cost.h.
#include "engine/pruning_cost.h"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace sta {
namespace {

constexpr int kMeasured = 4;  // drop numbers above 0
constexpr int kWarmUps = 4;   // a graph is captured in the third pass and replayed alone in the fourth
constexpr int kRounds = 5;

}  // namespace

double PruningCost::at(int r) const {
  if (r <= 0 || drops.size() < 2) return seconds[0];
  if (drops.size() == 2) return seconds[1];
  // Take the two measured numbers around r. Outside the measured range take the first two or the last two above 0.
  size_t right = 2;
  while (right + 1 < drops.size() && drops[right] < r) ++right;
  const size_t left = right - 1;
  const double share = static_cast<double>(r - drops[left]) / (drops[right] - drops[left]);
  return std::max(0.0, seconds[left] + share * (seconds[right] - seconds[left]));
}

std::optional<int> PruningCost::pays_from() const {
  std::optional<int> from;
  for (int r = drops.back(); r > 0 && at(r) <= (1 - kGain) * seconds[0]; --r) from = r;
  return from;
}

std::vector<int> drops_to_measure(int max_drop) {
  std::vector<int> drops{0};
  for (int i = 1; i <= kMeasured; ++i)
    if (const int r = max_drop * i / kMeasured; r > drops.back()) drops.push_back(r);
  return drops;
}

std::optional<PruningCost> measure_pruning_cost(const std::vector<int> &drops, int batch, double budget, const std::function<double(int)> &pass) {
  const double passes = static_cast<double>(drops.size() * (kWarmUps + kRounds));
  pass(0);  // the very first pass sets up what libraries set up lazily
  if (pass(0) * passes > budget) return std::nullopt;
  for (const int r : drops)
    for (int i = 0; i < kWarmUps; ++i) pass(r);
  PruningCost cost{drops, std::vector<double>(drops.size(), std::numeric_limits<double>::infinity())};
  for (int round = 0; round < kRounds; ++round)
    for (size_t i = 0; i < drops.size(); ++i)
      if (const double seconds = pass(drops[i]); seconds > 0) cost.seconds[i] = std::min(cost.seconds[i], seconds / batch);
  for (const double seconds : cost.seconds)
    if (seconds == std::numeric_limits<double>::infinity()) return std::nullopt;
  return cost;
}

}  // namespace sta
