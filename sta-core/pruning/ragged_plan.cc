// SPDX-License-Identifier: MIT
// See ragged_plan.h.
#include "pruning/ragged_plan.h"

#include <algorithm>
#include <numeric>

namespace sta {
namespace {

int sum(const std::vector<int> &v) { return std::accumulate(v.begin(), v.end(), 0); }

// How many tokens a group can lose.
int most(int count, bool first, bool limited) {
  if (count < 2) return 0;
  const int sources = (count + 1) / 2;
  return first ? sources - (limited ? 1 : 0) : count - 1;
}

// The first group in scan order that has a token; the calls never get a window without any.
int first_group(const std::vector<int> &counts, bool backward) {
  const int n = static_cast<int>(counts.size());
  for (int i = 0; i < n; ++i)
    if (const int g = backward ? n - 1 - i : i; counts[static_cast<size_t>(g)] > 0) return g;
  return 0;
}

// Group and position in it of a token of a call's input.
struct Place {
  int group;
  int64_t position;
};
Place place_of(const std::vector<int> &counts, int64_t token) {
  int group = 0;
  for (; token >= counts[static_cast<size_t>(group)]; ++group) token -= counts[static_cast<size_t>(group)];
  return {group, token};
}

}  // namespace

std::vector<int> share_drops(const std::vector<int> &counts, int total, int first, bool limited) {
  const size_t n = counts.size();
  const int64_t tokens = sum(counts);
  std::vector<int> drops(n), limits(n);
  int64_t room = 0;
  for (size_t g = 0; g < n; ++g) room += limits[g] = most(counts[g], static_cast<int>(g) == first, limited);
  int64_t left = std::min<int64_t>(total, room);
  const int64_t wanted = left;
  for (size_t g = 0; g < n; ++g) {
    drops[g] = static_cast<int>(std::min<int64_t>(limits[g], wanted * counts[g] / std::max<int64_t>(tokens, 1)));
    left -= drops[g];
  }
  // One more for each, largest remainder first, for as long as there is something to share.
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return wanted * counts[a] % tokens > wanted * counts[b] % tokens; });
  while (left > 0)
    for (const size_t g : order) {
      if (left == 0 || drops[g] == limits[g]) continue;
      ++drops[g];
      --left;
    }
  return drops;
}

std::vector<RaggedCall> plan_ragged(const std::vector<std::vector<int>> &counts, int step_tokens, int drop_number, bool class_token, bool by_score) {
  std::vector<RaggedCall> calls;
  std::vector<RaggedGroups> now(counts.size());
  for (size_t b = 0; b < counts.size(); ++b) now[b] = {counts[b], {}, class_token ? 0 : -1, -1};
  int64_t dense = step_tokens;  // N
  for (int index = 1; index <= 3; ++index) {
    RaggedCall call;
    call.index = index;
    call.backward = index == 2;
    call.tokens = sum(now[0].counts);
    const int wanted = static_cast<int>((2 * int64_t{drop_number} * call.tokens + dense) / (2 * dense));
    int total = wanted;
    std::vector<int> firsts;
    std::vector<bool> limited;
    for (RaggedGroups &window : now) {
      const int first = first_group(window.counts, call.backward);
      bool source = false;
      if (window.keep_token >= 0) {
        const Place place = place_of(window.counts, window.keep_token);
        source = place.group == first && place.position % 2 == 0;
      }
      firsts.push_back(first);
      limited.push_back(source);
      total = std::min(total, sum(share_drops(window.counts, wanted, first, source)));
    }
    for (size_t b = 0; b < now.size(); ++b) {
      RaggedGroups &window = now[b];
      window.drops = share_drops(window.counts, total, firsts[b], limited[b]);
      if (window.keep_token < 0) continue;
      // Where it goes, known without looking at scores. In the group scanned first targets come first, in their order,
      // then the sources by score, of which it has the smallest; in others it has the smallest score of all.
      const Place place = place_of(window.counts, window.keep_token);
      int64_t before = 0;
      for (int g = 0; g < place.group; ++g) before += window.counts[static_cast<size_t>(g)] - window.drops[static_cast<size_t>(g)];
      const int n = window.counts[static_cast<size_t>(place.group)];
      int64_t position = 0;
      if (by_score && place.group == firsts[b]) position = place.position % 2 == 0 ? n / 2 : place.position / 2;
      window.keep_token_after = before + position;
    }
    call.kept = call.tokens - total;
    call.windows = now;
    calls.push_back(call);
    // Two neighbours merge.
    std::vector<RaggedGroups> next(now.size());
    for (size_t b = 0; b < now.size(); ++b) {
      for (size_t g = 0; g + 1 < now[b].counts.size(); g += 2)
        next[b].counts.push_back(now[b].counts[g] - now[b].drops[g] + now[b].counts[g + 1] - now[b].drops[g + 1]);
      next[b].keep_token = now[b].keep_token_after;
    }
    now = std::move(next);
    dense = 2 * (dense - drop_number);
  }
  return calls;
}

}  // namespace sta
