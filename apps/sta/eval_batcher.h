// SPDX-License-Identifier: MIT
// Runs views of one or several videos through the model in batches, each batch once for every threshold of stillness and
// every drop number. When the last view of a video is done, it gives the verdict on that video.
#pragma once

#include <functional>
#include <list>
#include <utility>
#include <vector>

#include "eval_feed.h"
#include "eval_score.h"
#include "options.h"

namespace cli {

struct BatchRules {
  std::vector<double> still_thresholds;  // 0 to 10
  std::vector<int> drop_numbers;
  sta_pruning pruning = STA_PRUNING_STA;
  uint64_t seed = 0;
  int batch = 8;
  std::vector<int> selected;  // the model's classes that are scored; empty: all
  int classes = 0;            // how many classes are scored
  bool multi_label = false;   // as sta_model_info says
  bool keep_probabilities = false;
};

/// Not thread-safe.
class Batcher {
 public:
  using Finished = std::function<void(VideoResult)>;
  Batcher(const sta::Engine &engine, BatchRules rules, Finished finished);

  /// Takes a video. Runs forward passes as batches fill. Throws sta::Exception if one fails.
  void add(ViewFeed::Item item, const EvalVideo &video);
  /// Runs the rest, in a batch that is not full.
  void flush();

 private:
  struct Pending {
    VideoResult result;
    ViewSet set;
    std::vector<ViewAverage> averages;  // one for each threshold and drop number
    std::vector<Spent> spent;
    size_t done = 0;  // views
  };
  void run();

  const sta::Engine &engine_;
  const BatchRules rules_;
  std::vector<std::pair<double, int>> settings_;  // (threshold, drop number)
  const Finished finished_;
  std::list<Pending> videos_;                        // oldest first
  std::vector<std::pair<Pending *, size_t>> batch_;  // (video, view)
};

}  // namespace cli
