// SPDX-License-Identifier: MIT
// See drop_controller.h.
#include "engine/drop_controller.h"

#include <algorithm>

namespace sta {
namespace {

constexpr int kLevels = 12;        // above 0: fine enough that a step is a few percent of the cost
constexpr double kPaceRate = 0.3;  // share of a new measurement in the pace
constexpr double kFormRate = 0.1;  // and in the form

}  // namespace

DropController::DropController(int max_drop, const std::function<double(int)> &work) {
  levels_.push_back(0);
  for (int i = 1; i <= kLevels; ++i)
    if (const int r = (max_drop * i + kLevels / 2) / kLevels; r > levels_.back()) levels_.push_back(r);
  for (int r : levels_) work_.push_back(work(r));
  form_.assign(levels_.size(), 1.0);
}

size_t DropController::level_at_least(int r) const {
  const size_t at = static_cast<size_t>(std::lower_bound(levels_.begin(), levels_.end(), r) - levels_.begin());
  return std::min(at, levels_.size() - 1);
}

double DropController::cost(int r) const {
  const size_t level = level_at_least(r);
  return pace_ * work_[level] * form_[level];
}

void DropController::measured(int r, double seconds) {
  if (!(seconds > 0)) return;
  const size_t level = level_at_least(r);
  if (pace_ == 0) {
    pace_ = seconds / work_[level];
    return;
  }
  const double expected = pace_ * work_[level] * form_[level];
  // One hiccup (a page fault storm, a suspended laptop) must not throw the estimate off for long.
  const double ratio = std::clamp(seconds / expected, 0.1, 10.0);
  form_[level] = std::clamp(form_[level] * (1 + kFormRate * (std::clamp(ratio, 0.5, 2.0) - 1)), 0.25, 4.0);
  pace_ *= 1 + kPaceRate * (ratio - 1);
}

double DropController::load_at(size_t level, double demand, double reserved) const { return reserved + demand * pace_ * work_[level] * form_[level]; }

int DropController::choose(DropState &state, double demand, double reserved, int min, int max, bool skipped, uint64_t now) {
  // A bound between two levels is rounded up here and kept exactly by the clamp at the end.
  const size_t lowest = level_at_least(min), highest = level_at_least(max);
  const size_t before = state.level;
  size_t level = std::clamp(before, lowest, highest);
  if (pace_ > 0) {
    const double load = load_at(level, demand, reserved);
    if (load > kHigh || skipped) {
      if (load <= kHigh) level = std::min(level + 1, highest);  // skipped although the estimate says that there is room
      while (level < highest && load_at(level, demand, reserved) > kAim) ++level;
    } else if (level > lowest && now - state.changed >= kPatience && load_at(level - 1, demand, reserved) < kLow) {
      --level;
    }
    load_ = load_at(level, demand, reserved);
  }
  if (level != before) state = {level, now};
  return std::clamp(levels_[level], min, std::max(min, max));
}

}  // namespace sta
