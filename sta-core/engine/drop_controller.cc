// SPDX-License-Identifier: MIT
// See drop_controller.h.
#include "engine/drop_controller.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace sta {
namespace {

constexpr int kLevels = 12;        // above level 0: a step is a few percent of the cost
constexpr double kPaceRate = 0.3;  // share of a new measurement in the pace
constexpr double kFormRate = 0.1;  // share of a new measurement in the form
constexpr int kFormPasses = 10;    // after a change of level: later passes cannot tell the form from the pace
constexpr double kLeastForm = 0.02, kMostForm = 50;

}  // namespace

DropController::DropController(int max_drop, const std::function<double(int)> &work) {
  levels_.push_back(0);
  for (int i = 1; i <= kLevels; ++i)
    if (const int r = (max_drop * i + kLevels / 2) / kLevels; r > levels_.back()) levels_.push_back(r);
  for (int r : levels_) work_.push_back(work(r));
  form_[0].assign(levels_.size(), 1.0);
}

// The form for the batch size that was seen last, or for the next smaller size that is known.
const std::vector<double> &DropController::form() const { return std::prev(form_.upper_bound(batch_))->second; }

size_t DropController::level_at_least(int r) const {
  const size_t at = static_cast<size_t>(std::lower_bound(levels_.begin(), levels_.end(), r) - levels_.begin());
  return std::min(at, levels_.size() - 1);
}

double DropController::cost(int r) const { return level_cost(level_at_least(r)); }

void DropController::learn(int batch, const std::optional<PruningCost> &cost) {
  batch_ = batch;
  learnt_.insert(batch);
  std::vector<double> form = this->form();
  if (cost) {
    if (pace_ == 0) pace_ = cost->seconds[0] / work_[0];
    for (size_t level = 0; level < levels_.size(); ++level)
      form[level] = std::clamp(cost->at(levels_[level]) / (pace_ * work_[level]), kLeastForm, kMostForm);
  }
  form_[batch] = std::move(form);
}

void DropController::measured(int r, double seconds, int batch) {
  if (!(seconds > 0)) return;
  batch_ = batch;
  std::vector<double> &form = form_.try_emplace(batch, this->form()).first->second;
  const size_t level = level_at_least(r);
  if (level != level_ || batch != level_batch_) passes_ = pace_ == 0 ? kFormPasses : 0;
  level_ = level;
  level_batch_ = batch;
  if (pace_ == 0) {
    pace_ = seconds / work_[level];
    return;
  }
  const double expected = pace_ * work_[level] * form[level];
  // One hiccup (a page fault storm, a suspended laptop) must not throw the estimate off for long.
  const double ratio = std::clamp(seconds / expected, 0.1, 10.0);
  // Powers make this symmetric: a measurement and its opposite cancel out, so noise moves nothing permanently.
  if (passes_++ < kFormPasses) form[level] = std::clamp(form[level] * std::pow(std::clamp(ratio, 0.5, 2.0), kFormRate), kLeastForm, kMostForm);
  pace_ *= std::pow(ratio, kPaceRate);
}

int DropController::choose(DropState &state, double demand, double reserved, int min, int max, bool skipped, uint64_t now) {
  // A bound between two levels is rounded up here. The clamp at the end keeps it exactly.
  const size_t lowest = level_at_least(min), highest = level_at_least(max);
  const size_t before = state.level;
  size_t level = std::clamp(before, lowest, highest);
  if (pace_ > 0) {
    const double load = load_at(level, demand, reserved);
    const auto pays = [&](size_t above, size_t below) { return level_cost(above) < (1 - PruningCost::kGain) * level_cost(below); };
    if (load > kHigh || skipped) {
      // If a window was skipped although the estimate shows room, take a level that is cheaper, if there is one.
      bool enough = load > kHigh;
      for (size_t next = level + 1; next <= highest && !(enough && load_at(level, demand, reserved) <= kAim); ++next) {
        if (!pays(next, level)) continue;
        level = next;
        enough = true;
      }
    }
    if (level == before && level > lowest && now - state.changed >= kPatience) {
      // A level that has turned out not to pay is left, however high the load is.
      size_t cheaper = lowest;
      while (cheaper < level && level_cost(cheaper) > level_cost(level)) ++cheaper;
      if (cheaper < level)
        level = cheaper;
      else if (!skipped && load_at(level - 1, demand, reserved) < kLow)
        --level;
    }
    load_ = load_at(level, demand, reserved);
  }
  if (level != before) state = {level, now};
  return std::clamp(levels_[level], min, std::max(min, max));
}

}  // namespace sta
