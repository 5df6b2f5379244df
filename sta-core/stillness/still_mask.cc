// SPDX-License-Identifier: MIT
// See still_mask.h.
#include "stillness/still_mask.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "stillness/difference.h"

namespace sta {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Walks the columns of tokens. difference(from, to, place): between the tubelets of two steps at one place.
template <typename Difference>
void walk(const StillGrid &grid, float threshold, StillMask &mask, Difference difference) {
  const int n = grid.step_tokens();
  mask.change.resize(static_cast<size_t>(grid.tokens()));
  std::fill_n(mask.change.begin(), n, kInfinity);
  mask.changed = n;
  for (int place = 0; place < n; ++place) {
    int last = 0;  // step of the last changed token
    for (int t = 1; t < grid.steps; ++t) {
      const float d = difference(last, t, place);
      const bool still = d < threshold;
      mask.change[static_cast<size_t>(t) * n + place] = still ? d : kInfinity;
      if (still) continue;
      last = t;
      ++mask.changed;
    }
  }
}

}  // namespace

void find_still(const StillGrid &grid, const uint8_t *const *frames, float threshold, StillMask &mask) {
  const size_t stride = size_t{3} * static_cast<size_t>(grid.columns) * static_cast<size_t>(grid.patch);
  const float volume = 3.0f * static_cast<float>(grid.tubelet * grid.patch * grid.patch);
  const std::array<float, 3> weight{std::fabs(grid.scale[0]) / volume, std::fabs(grid.scale[1]) / volume, std::fabs(grid.scale[2]) / volume};
  walk(grid, threshold, mask, [&](int from, int to, int place) {
    const size_t corner = static_cast<size_t>(place / grid.columns) * static_cast<size_t>(grid.patch) * stride +
                          size_t{3} * static_cast<size_t>(place % grid.columns) * static_cast<size_t>(grid.patch);
    std::array<uint64_t, 3> sums{};
    for (int i = 0; i < grid.tubelet; ++i)
      add_differences(frames[from * grid.tubelet + i] + corner, frames[to * grid.tubelet + i] + corner, stride, grid.patch, sums);
    return weight[0] * static_cast<float>(sums[0]) + weight[1] * static_cast<float>(sums[1]) + weight[2] * static_cast<float>(sums[2]);
  });
}

void find_still(const StillGrid &grid, const float *tubelets, int64_t volume, float threshold, StillMask &mask) {
  const int n = grid.step_tokens();
  walk(grid, threshold, mask, [&](int from, int to, int place) {
    const float *a = tubelets + (int64_t{from} * n + place) * volume, *b = tubelets + (int64_t{to} * n + place) * volume;
    return mean_difference(a, b, volume);
  });
}

int still_bucket(const StillGrid &grid, int count, int bucket) { return std::min(grid.tokens(), (count + bucket - 1) / bucket * bucket); }

StillTokens choose_tokens(const StillGrid &grid, const StillMask &mask, int count) {
  const int n = grid.step_tokens(), l = grid.tokens();
  StillTokens out;
  out.tokens.reserve(static_cast<size_t>(count));
  std::vector<int32_t> still;
  for (int32_t i = 0; i < l; ++i) (mask.change[static_cast<size_t>(i)] == kInfinity ? out.tokens : still).push_back(i);
  const auto fill =
      static_cast<ptrdiff_t>(std::clamp<size_t>(static_cast<size_t>(count), out.tokens.size(), static_cast<size_t>(l)) - out.tokens.size());
  std::partial_sort(still.begin(), still.begin() + fill, still.end(), [&](int32_t a, int32_t b) {
    const float x = mask.change[static_cast<size_t>(a)], y = mask.change[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  });
  out.tokens.insert(out.tokens.end(), still.begin(), still.begin() + fill);
  std::sort(out.tokens.begin(), out.tokens.end());
  // From the end: the step of the next kept token of each place.
  std::vector<int32_t> next(static_cast<size_t>(n), grid.steps);
  out.runs.resize(out.tokens.size());
  for (size_t i = out.tokens.size(); i-- > 0;) {
    const int32_t step = out.tokens[i] / n, place = out.tokens[i] % n;
    out.runs[i] = next[static_cast<size_t>(place)] - step;
    next[static_cast<size_t>(place)] = step;
  }
  return out;
}

}  // namespace sta
