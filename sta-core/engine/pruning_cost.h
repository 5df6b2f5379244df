// SPDX-License-Identifier: MIT
// What a window costs at several drop numbers, measured on the device that the model runs on. Multiply-adds alone do
// not tell: a small model at batch 1 on a GPU waits for latency, the pruning calls add some, and a pruned pass takes
// longer than a dense one (ViT-S on an H200: 0.88 against 0.83 ms).
//
// Pure arithmetic: the pass is given as a function that returns its time, so a machine is simulated in tests.
#pragma once

#include <functional>
#include <optional>
#include <vector>

namespace sta {

struct PruningCost {
  std::vector<int> drops;       // ascending, first 0
  std::vector<double> seconds;  // of one window, of each

  /// Seconds of one window at any r: on the line through the measured numbers around it, among them 0 only for 0
  /// itself, since any pruning at all adds its calls.
  double at(int r) const;
  /// The smallest r from which on every window costs at least kGain less than a dense one; none: pruning does not pay.
  std::optional<int> pays_from() const;

  static constexpr double kGain = 0.02;
};

/// 0 and up to four more, evenly up to max.
std::vector<int> drops_to_measure(int max_drop);

/// pass(r): makes one pass of `batch` windows and returns its seconds; 0 if that time does not count (it was longer
/// than such a pass will be from now on). Warm passes of all drop numbers in turns, so that whatever else the machine
/// does hits them alike; the shortest of each counts. None: one dense pass takes more than a small share of `budget`
/// (seconds), so that arithmetic decides and nothing was measured.
std::optional<PruningCost> measure_pruning_cost(const std::vector<int> &drops, int batch, double budget, const std::function<double(int)> &pass);

}  // namespace sta
