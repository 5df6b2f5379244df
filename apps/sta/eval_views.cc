// SPDX-License-Identifier: MIT
// See eval_views.h. Positions are computed in double and rounded as in the Python of the published code: int() rounds
// towards zero, numpy.round half to even.
#include "eval_views.h"

#include <algorithm>
#include <cmath>

namespace cli {
namespace {

std::vector<std::vector<int>> dense_videomae(const ViewPlan &p, int total) {
  std::vector<int> sparse;
  for (int i = 0; i < total; i += p.stride) sparse.push_back(i);
  while (static_cast<int>(sparse.size()) < p.frames) sparse.push_back(sparse.back());
  const int room = static_cast<int>(sparse.size()) - p.frames;
  std::vector<std::vector<int>> views;
  for (int c = 0; c < p.clips; ++c) {
    // With one clip the published formula divides by zero; then this takes the middle.
    const int start = p.clips == 1 ? room / 2 : static_cast<int>(c * (1.0 * room / (p.clips - 1)));
    views.emplace_back(sparse.begin() + start, sparse.begin() + start + p.frames);
  }
  return views;
}

std::vector<std::vector<int>> uniform_videomae(const ViewPlan &p, int total) {
  const double tick = total / static_cast<double>(p.frames);
  std::vector<int> all;
  for (int i = 0; i < p.frames; ++i) all.push_back(static_cast<int>(tick / 2.0 + tick * i));
  for (int i = 0; i < p.frames; ++i) all.push_back(static_cast<int>(tick * i));
  std::sort(all.begin(), all.end());
  std::vector<std::vector<int>> views(static_cast<size_t>(p.clips));
  for (int c = 0; c < p.clips; ++c)
    for (int i = 0; i < p.frames; ++i) views[static_cast<size_t>(c)].push_back(all[static_cast<size_t>(2 * i + c)]);
  return views;
}

std::vector<std::vector<int>> dense_mmaction(const ViewPlan &p, int total) {
  const int span = p.frames * p.stride;
  const double part = (total - span + 1) / static_cast<double>(p.clips);
  std::vector<std::vector<int>> views;
  for (int c = 0; c < p.clips; ++c) {
    const int start = total > span - 1 ? static_cast<int>(c * part + part / 2.0) : 0;
    std::vector<int> view;
    for (int i = 0; i < p.frames; ++i) view.push_back((start + i * p.stride) % total);
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<std::vector<int>> uniform_mmaction(const ViewPlan &p, int total) {
  const double segment = static_cast<double>(total - 1) / p.frames;
  std::vector<int> view;
  for (int i = 0; i < p.frames; ++i)
    view.push_back((static_cast<int>(std::nearbyint(segment * i)) + static_cast<int>(std::nearbyint(segment * (i + 1)))) / 2);
  return {view};
}

}  // namespace

std::vector<std::vector<int>> clip_frames(const ViewPlan &plan, int total) {
  const bool mmaction = plan.rules == ViewRules::kMmaction;
  if (plan.sampling == Sampling::kDense) return mmaction ? dense_mmaction(plan, total) : dense_videomae(plan, total);
  return mmaction ? uniform_mmaction(plan, total) : uniform_videomae(plan, total);
}

bool may_be_sampled(const ViewPlan &plan, int index) {
  return plan.sampling != Sampling::kDense || plan.rules != ViewRules::kVideoMae || index % plan.stride == 0;
}

std::string plan_fault(const ViewPlan &plan) {
  const int most = plan.sampling != Sampling::kUniform ? 1000 : plan.rules == ViewRules::kMmaction ? 1 : 2;
  if (plan.clips < 1 || plan.clips > most)
    return "--clips " + std::to_string(plan.clips) + " should be 1" + (most > 1 ? " to " + std::to_string(most) : std::string()) +
           (plan.sampling == Sampling::kUniform ? " with this uniform sampling" : "");
  if (plan.crops < 1 || plan.crops > 16) return "--crops " + std::to_string(plan.crops) + " should be 1 to 16";
  if (plan.stride < 1 || plan.stride > 1000) return "--stride " + std::to_string(plan.stride) + " should be 1 to 1000";
  return "";
}

}  // namespace cli
