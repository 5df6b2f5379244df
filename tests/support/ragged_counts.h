// SPDX-License-Identifier: MIT
// Random counts of tokens by step, as stillness leaves them: for the tests of pruning where groups differ in size.
#pragma once

#include <algorithm>
#include <random>
#include <vector>

namespace ragged_counts {

/// [batch][steps] tokens of each step of windows that keep as many tokens. The first step has all n, later ones 0 to n.
inline std::vector<std::vector<int>> random_counts(std::mt19937 &random, int batch, int steps, int n) {
  const int later = static_cast<int>(random() % static_cast<unsigned>((steps - 1) * n + 1)) / (1 + static_cast<int>(random() % 4));
  std::vector<std::vector<int>> counts;
  for (int b = 0; b < batch; ++b) {
    std::vector<int> c(static_cast<size_t>(steps));
    c[0] = n;
    for (int left = later; left > 0;)
      if (int &x = c[1 + random() % static_cast<unsigned>(steps - 1)]; x < n) {
        const int more = std::min({left, n - x, 1 + static_cast<int>(random() % static_cast<unsigned>(n))});
        x += more;
        left -= more;
      }
    counts.push_back(c);
  }
  return counts;
}

}  // namespace ragged_counts
