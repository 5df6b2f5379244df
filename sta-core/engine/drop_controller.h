// SPDX-License-Identifier: MIT
// DropController: load-adaptive pruning. It learns while running how much a window costs at each drop number. It
// chooses the smallest drop number that keeps up with the windows of all streams together. So quality goes down before
// windows are skipped, and comes back when there is room. It is pure arithmetic: the caller passes the time in, so a
// day of load is tested in a millisecond.
//
//   cost(r, batch) = pace · work(r) · form(r, batch)
//     work: multiply-adds at r, known
//     pace: seconds per multiply-add, learned fast, because other programs come and go
//     form: a factor near 1 for costs that multiply-adds do not show (attention, memory, launches). It is measured on
//           the device if that is quick (pruning_cost.h). Then it is learned slowly, from passes after a change of r
//
// Pruning is used only if it pays. If two drop numbers cost about the same, the smaller one is taken, however high the
// load is.
//
// Hysteresis: r rises at once when the load is above kHigh or a window was skipped. It rises to the smallest r that
// brings the load below kAim, or to the cheapest r if none does. r falls only after kPatience since the last change. It
// falls by one level if the load would stay below kLow there, or to a smaller r that costs less.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "engine/pruning_cost.h"

namespace sta {

/// The state of one stream. Each stream has its own, because streams with different bounds would push a common one to
/// and fro.
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

  /// Takes the costs that were measured for passes of `batch` windows before such passes run. Without a value nothing
  /// could be measured, so the estimate uses multiply-adds alone.
  void learn(int batch, const std::optional<PruningCost> &cost);
  /// Whether learn() was called for that batch size.
  bool knows(int batch) const { return learnt_.count(batch) > 0; }

  /// The r for the next window of a stream. demand: windows per second that are pruned adaptively. reserved: share of
  /// the time (0 .. 1) that other windows take. min, max: bounds of the stream. skipped: a window of this stream was
  /// replaced since the last call. now: any steady clock, ns.
  int choose(DropState &state, double demand, double reserved, int min, int max, bool skipped, uint64_t now);

  /// Estimated seconds of one window at r, in batches of the size that was seen last. 0 before the first measurement.
  double cost(int r) const;
  /// Share of the time that the last choice takes. Above 1: even this choice does not keep up.
  double load() const { return load_; }

 private:
  size_t level_at_least(int r) const;
  const std::vector<double> &form() const;
  double level_cost(size_t level) const { return pace_ * work_[level] * form()[level]; }
  double load_at(size_t level, double demand, double reserved) const { return reserved + demand * level_cost(level); }

  std::vector<int> levels_;   // ascending drop numbers, first 0, last max_drop
  std::vector<double> work_;  // per level
  // For each batch size that was learnt or measured: the form of each level. There are few sizes, because max_batch is
  // at most 64.
  std::map<int, std::vector<double>> form_;
  std::set<int> learnt_;
  int batch_ = 0;     // the batch size whose costs count now
  size_t level_ = 0;  // of the last measured pass; below: its batch size, and the passes since either changed
  int level_batch_ = 0, passes_ = 0;
  double pace_ = 0;  // seconds per multiply-add; 0: nothing measured yet
  double load_ = 0;
};

}  // namespace sta
