// SPDX-License-Identifier: MIT
// DropController: load-adaptive pruning. Learns online what a window costs at each drop number, and says which is the smallest that keeps up with the
// windows that all streams together ask for. So quality gives way before windows are skipped, and comes back when there is room. Pure arithmetic: the
// time is passed in, so a day of load is tested in a millisecond.
//
//   cost(r) = pace · work(r) · form(r)
//     work: multiply-adds of r, known
//     pace: seconds per multiply-add, learned fast, since other programs come and go
//     form: what multiply-adds do not tell (attention, memory), learned slowly, near 1
//
// Hysteresis: r rises at once when the load is above kHigh (or a window was skipped), to the smallest r that brings it below kAim; it falls one level
// at a time, not before kPatience after the last change, and only if the load would stay below kLow there.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

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

  /// A forward pass at r took `seconds` per window.
  void measured(int r, double seconds);

  /// The r for the next window of a stream. demand: windows a second that are pruned adaptively; reserved: share of the time (0 .. 1) that other
  /// windows take; min, max: bounds of the stream; skipped: a window of this stream was replaced since the last call; now: any steady clock, ns.
  int choose(DropState &state, double demand, double reserved, int min, int max, bool skipped, uint64_t now);

  /// Seconds a window takes at r, as far as known; 0 before the first measurement.
  double cost(int r) const;
  /// Share of the time that the last choice takes; above 1: does not keep up even so.
  double load() const { return load_; }

 private:
  size_t level_at_least(int r) const;
  double load_at(size_t level, double demand, double reserved) const;

  std::vector<int> levels_;   // ascending drop numbers, first 0, last max_drop
  std::vector<double> work_;  // per level
  std::vector<double> form_;  // per level
  double pace_ = 0;           // seconds per multiply-add; 0: nothing measured yet
  double load_ = 0;
};

}  // namespace sta
