// SPDX-License-Identifier: MIT
// Turns the logits of views into the verdict on a video, and verdicts into accuracy, as the published evaluations do:
// softmax of each view (sigmoid if classes do not exclude each other), mean over the views, most probable class.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace cli {

/// What views took, summed.
struct Spent {
  double seconds = 0;  // their share of the forward passes
  double tokens = 0;   // that entered the first block
  double gmacs = 0;    // billions of multiply-adds
};

/// The verdict on one video at one threshold of stillness and one drop number.
struct Verdict {
  double still_threshold = 0;
  int drop_number = 0;
  std::vector<std::pair<int, double>> top;  // the five most probable classes, most probable first; ties: lower class first
  int label_rank = 0;                       // how many classes are more probable than the true one
  double label_probability = 0;
  Spent spent;                        // by its views
  std::vector<double> probabilities;  // [classes]; empty unless they are kept
};

/// The result of one video of the list.
struct VideoResult {
  int index = 0;  // in the list
  std::string video;
  int label = 0;
  std::string error;  // why it could not be read; "" if it was classified
  int frames = 0, views = 0;
  double decode_seconds = 0;
  std::vector<Verdict> verdicts;  // one for each threshold and drop number
};

/// The mean of the probabilities over the views of one video.
class ViewAverage {
 public:
  /// multi_label: each class has a probability of its own (sigmoid).
  explicit ViewAverage(int classes, bool multi_label = false) : multi_label_(multi_label), sum_(static_cast<size_t>(classes)) {}
  /// logits: f32, of all the model's classes. selected: the scored ones of them, in the order of the scored classes;
  /// empty: all. The softmax is taken over the scored classes alone, as if the classifier had no others.
  void add(const float *logits, const std::vector<int> &selected);
  Verdict verdict(int label, bool keep_probabilities) const;

 private:
  bool multi_label_;
  std::vector<double> sum_, view_;
  int views_ = 0;
};

/// Counts at one threshold and drop number.
struct Tally {
  int64_t videos = 0, right1 = 0, right5 = 0, views = 0;
  Spent spent;
  std::map<std::pair<int, int>, int64_t> confusion;  // (true class, predicted class)
  void add(const VideoResult &video, const Verdict &verdict);
  double top1() const { return videos ? static_cast<double>(right1) / static_cast<double>(videos) : 0; }
  double top5() const { return videos ? static_cast<double>(right5) / static_cast<double>(videos) : 0; }
  /// Means over the views.
  double tokens() const { return views ? spent.tokens / static_cast<double>(views) : 0; }
  double gmacs() const { return views ? spent.gmacs / static_cast<double>(views) : 0; }
};

}  // namespace cli
