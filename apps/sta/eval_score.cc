// SPDX-License-Identifier: MIT
// See eval_score.h.
#include "eval_score.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace cli {

void ViewAverage::add(const float *logits, const std::vector<int> &selected) {
  view_.resize(sum_.size());
  for (size_t i = 0; i < view_.size(); ++i) view_[i] = selected.empty() ? logits[i] : logits[selected[i]];
  ++views_;
  if (multi_label_) {
    for (size_t i = 0; i < view_.size(); ++i) sum_[i] += 1 / (1 + std::exp(-view_[i]));
    return;
  }
  const double most = *std::max_element(view_.begin(), view_.end());
  double total = 0;
  for (double &v : view_) total += v = std::exp(v - most);
  for (size_t i = 0; i < view_.size(); ++i) sum_[i] += view_[i] / total;
}

Verdict ViewAverage::verdict(int label, bool keep_probabilities) const {
  std::vector<double> mean(sum_);
  for (double &p : mean) p /= std::max(1, views_);
  std::vector<int> order(mean.size());
  std::iota(order.begin(), order.end(), 0);
  const size_t k = std::min<size_t>(5, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(k), order.end(), [&](int a, int b) {
    return mean[static_cast<size_t>(a)] != mean[static_cast<size_t>(b)] ? mean[static_cast<size_t>(a)] > mean[static_cast<size_t>(b)] : a < b;
  });
  Verdict v;
  for (size_t i = 0; i < k; ++i) v.top.emplace_back(order[i], mean[static_cast<size_t>(order[i])]);
  v.label_probability = mean[static_cast<size_t>(label)];
  for (size_t i = 0; i < mean.size(); ++i)
    v.label_rank += mean[i] > v.label_probability || (mean[i] == v.label_probability && static_cast<int>(i) < label);
  if (keep_probabilities) v.probabilities = std::move(mean);
  return v;
}

void Tally::add(const VideoResult &video, const Verdict &verdict) {
  ++videos;
  right1 += verdict.label_rank < 1;
  right5 += verdict.label_rank < 5;
  views += video.views;
  spent.seconds += verdict.spent.seconds;
  spent.tokens += verdict.spent.tokens;
  spent.gmacs += verdict.spent.gmacs;
  ++confusion[{video.label, verdict.top.empty() ? -1 : verdict.top[0].first}];
}

}  // namespace cli
