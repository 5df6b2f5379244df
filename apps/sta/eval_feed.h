// SPDX-License-Identifier: MIT
// Decoding beside inference: threads that turn the videos of a list into views, and a queue of a few videos between
// them and whoever computes, so that neither waits for the other longer than it must and memory stays bounded.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "eval_decoder.h"
#include "eval_list.h"

namespace cli {

/// next() is called by one thread.
class ViewFeed {
 public:
  struct Item {
    int index = 0;      // in the list
    std::string error;  // why there are no views; "" if there are
    ViewSet set;
  };
  /// undone: indices in the list, in the order in which they are to be decoded. Both lists must outlive the feed.
  /// threads >= 1.
  ViewFeed(const sta::Engine &engine, const ViewPlan &plan, sta_resize resize, const std::vector<EvalVideo> &videos, const std::vector<int> &undone,
           int threads);
  /// Waits for the videos being decoded.
  ~ViewFeed();
  ViewFeed(const ViewFeed &) = delete;
  ViewFeed &operator=(const ViewFeed &) = delete;

  /// The next video that is ready, or nullopt when all were given out. Throws what a decoding thread could not report
  /// as a fault of a video.
  std::optional<Item> next();

 private:
  void work();

  const sta::Engine engine_;
  const ViewPlan plan_;
  const sta_resize resize_;
  const std::vector<EvalVideo> &videos_;
  const std::vector<int> &undone_;
  const size_t depth_;  // most videos in the queue

  std::mutex mutex_;  // of what follows; held for moments only
  std::condition_variable room_, ready_;
  std::deque<Item> queue_;
  size_t taken_ = 0;      // of undone_, by the threads
  size_t given_out_ = 0;  // by next()
  bool stop_ = false;
  std::string fatal_;
  std::vector<std::thread> threads_;
};

}  // namespace cli
