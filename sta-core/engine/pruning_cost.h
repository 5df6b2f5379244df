// SPDX-License-Identifier: MIT
// Measures the cost of a window at several drop numbers, on the device that runs the model. Multiply-adds alone do not
// tell the cost. A small model at batch 1 on a GPU mostly waits for latency, and the pruning calls add more of it. Then
// a pruned pass takes longer than a dense one (ViT-S on an H200: 0.88 against 0.83 ms).
//
// It is pure arithmetic. The caller gives the pass as a function that returns its time, so tests can simulate a
// machine.
#pragma once

#include <functional>
#include <optional>
#include <vector>

namespace sta {

struct PruningCost {
  std::vector<int> drops;       // ascending, first 0
  std::vector<double> seconds;  // of one window, for each drop number

  /// Seconds of one window at any r, interpolated between the measured numbers around it. The number 0 is used only for
  /// r = 0, because any pruning adds the cost of its calls.
  double at(int r) const;
  /// The smallest r from which on every window costs at least kGain less than a dense one. Without a value: pruning
  /// does not pay.
  std::optional<int> pays_from() const;

  static constexpr double kGain = 0.02;
};

/// 0 and up to four more drop numbers, evenly spread up to max_drop.
std::vector<int> drops_to_measure(int max_drop);

/// pass(r) makes one pass of `batch` windows and returns its seconds. It returns 0 if the time does not count, because
/// later passes of this kind will be faster. After warm-up passes, all drop numbers take turns, so other work of the
/// machine disturbs all of them alike. The shortest time of each counts. Without a value: one dense pass takes more
/// than a small share of `budget` (seconds), or no time of a drop number counted. Then the estimate uses multiply-adds
/// alone.
std::optional<PruningCost> measure_pruning_cost(const std::vector<int> &drops, int batch, double budget, const std::function<double(int)> &pass);

}  // namespace sta
