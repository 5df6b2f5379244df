// SPDX-License-Identifier: MIT
// See group_plan.h.
#include "pruning/group_plan.h"

#include <algorithm>

namespace sta {
namespace {

// Appends one window's groups. counts, kept: [T] in time order.
template <class Count, class Kept>
void add_window(int groups, bool backward, int64_t keep_token, Count &&count, Kept &&kept, std::vector<sta_cuda_group> &plan) {
  const size_t begin = plan.size();
  int32_t start = 0, place = 0;
  for (int g = 0; g < groups; ++g) {
    const int32_t tokens = count(g), stay = kept(g);
    const bool here = keep_token >= start && keep_token < start + tokens;
    if (tokens > 0) plan.push_back({start, tokens, stay, place, here ? static_cast<int32_t>(keep_token) - start : -1});
    start += tokens;
    place += stay;
  }
  if (backward) std::reverse(plan.begin() + static_cast<std::ptrdiff_t>(begin), plan.end());
  plan.resize(begin + static_cast<size_t>(groups), sta_cuda_group{});
}

}  // namespace

std::vector<sta_cuda_group> group_plan(const RaggedCall &call) {
  std::vector<sta_cuda_group> plan;
  for (const RaggedGroups &w : call.windows) {
    const auto count = [&](int g) { return static_cast<int32_t>(w.counts[static_cast<size_t>(g)]); };
    const auto kept = [&](int g) { return static_cast<int32_t>(w.counts[static_cast<size_t>(g)] - w.drops[static_cast<size_t>(g)]); };
    add_window(static_cast<int>(w.counts.size()), call.backward, w.keep_token, count, kept, plan);
  }
  return plan;
}

std::vector<sta_cuda_group> group_plan(int groups, int group_tokens, int drop, bool backward, int64_t keep_token) {
  std::vector<sta_cuda_group> plan;
  add_window(
      groups, backward, keep_token, [&](int) { return group_tokens; }, [&](int) { return group_tokens - drop; }, plan);
  return plan;
}

}  // namespace sta
