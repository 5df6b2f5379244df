// SPDX-License-Identifier: MIT
// DropController: load-adaptive pruning. Learns online what a window costs at each drop number, and says which is the
// smallest that keeps up with the windows that all streams together ask for. So quality gives way before windows are
// skipped, and comes back when there is room. Pure arithmetic: the time is passed in, so a day of load is tested in a
// millisecond.
//
//   cost(r, batch) = pace · work(r) · form(r, batch)
//     work: multiply-adds of r, known
//     pace: seconds per multiply-add, learned fast, since other programs come and go
//     form: what multiply-adds do not tell (attention, memory, launches), near 1; measured on the device where that is
//     quick (pruning_cost.h), and
//           learned slowly from then on, from the passes after a change of r
//
// Pruning is used only where it pays: of two drop numbers that cost about the same the smaller one is taken, however
// high the load.
//
// Hysteresis: r rises at once when the load is above kHigh (or a window was skipped), to the smallest r that brings it
// below kAim, or to the cheapest one; it falls not before kPatience after the last change: one level if the load would
// stay below kLow there, or to a smaller r that costs less.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "engine/pruning_cost.h"

namespace sta {

/// Where one stream stands. Its own, because streams with other bounds would push a common one to and fro.
struct DropState {
  size_t level = 0;
  uint64_t changed = 0;  // when the level last changed, ns
};

class DropController {
 public:
  static constexpr double kHigh = 0.9, kAim = 0.8, kLow = 0.7;
  static constexpr uint64_t kPatience = 3'000'000'000;  // ns

  /// work: multiply-adds of one window at r, for r = 0 .. max_drop. Levels are spread evenly over that range.
  DropController(int max_drop, const std::function<double(int)> &work);

  /// A forward pass of `batch` windows at r took `seconds` per window.
  void measured(int r, double seconds, int batch = 1);

  /// What was measured for passes of `batch` windows, before they count; without a value: it could not be, so
  /// multiply-adds have to do.
  void learn(int batch, const std::optional<PruningCost> &cost);
  /// Whether learn() was called for that size.
  bool knows(int batch) const { return learnt_.count(batch) > 0; }

  /// The r for the next window of a stream. demand: windows a second that are pruned adaptively; reserved: share of the
  /// time (0 .. 1) that other windows take; min, max: bounds of the stream; skipped: a window of this stream was
  /// replaced since the last call; now: any steady clock, ns.
  int choose(DropState &state, double demand, double reserved, int min, int max, bool skipped, uint64_t now);

  /// Seconds a window takes at r in batches of the size seen last, as far as known; 0 before the first measurement.
  double cost(int r) const;
  /// Share of the time that the last choice takes; above 1: does not keep up even so.
  double load() const { return load_; }

 private:
  size_t level_at_least(int r) const;
  const std::vector<double> &form() const;
  double level_cost(size_t level) const { return pace_ * work_[level] * form()[level]; }
  double load_at(size_t level, double demand, double reserved) const { return reserved + demand * level_cost(level); }

  std::vector<int> levels_;   // ascending drop numbers, first 0, last max_drop
  std::vector<double> work_;  // per level
  // Per batch size that was learnt or measured: per level. Sizes are few: max_batch is 64 at most.
  std::map<int, std::vector<double>> form_;
  std::set<int> learnt_;
  int batch_ = 0;     // whose costs count now
  size_t level_ = 0;  // of the pass measured last, with its batch size and how many there were since it changed
  int level_batch_ = 0, passes_ = 0;
  double pace_ = 0;  // seconds per multiply-add; 0: nothing measured yet
  double load_ = 0;
};

}  // namespace sta
