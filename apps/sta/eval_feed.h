// SPDX-License-Identifier: MIT
// Decodes beside inference. Threads turn the videos of a list into views, and a queue holds a few videos for the thread
// that computes. So neither side waits longer than it must, and memory stays bounded.
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

/// Only one thread calls next().
class ViewFeed {
 public:
  struct Item {
    int index = 0;      // in the list
    std::string error;  // why there are no views; "" if there are some
    ViewSet set;
  };
  /// undone: indices in the list, in the order in which they are decoded. Both lists must outlive the feed. There
  /// is at least one thread.
  ViewFeed(const sta::Engine &engine, const ViewPlan &plan, sta_resize resize, const std::vector<EvalVideo> &videos, const std::vector<int> &undone,
           int threads);
  /// Waits until the videos that are being decoded are done.
  ~ViewFeed();
  ViewFeed(const ViewFeed &) = delete;
  ViewFeed &operator=(const ViewFeed &) = delete;

  /// The next video that is ready, or nullopt when all were given out. If a decoding thread met an error that is not a
  /// video's fault, throws that error.
  std::optional<Item> next();

 private:
  void work();

  const sta::Engine engine_;
  const ViewPlan plan_;
  const sta_resize resize_;
  const std::vector<EvalVideo> &videos_;
  const std::vector<int> &undone_;
  const size_t depth_;  // the most videos that the queue holds

  std::mutex mutex_;  // guards the members below; held for moments only
  std::condition_variable room_, ready_;
  std::deque<Item> queue_;
  size_t taken_ = 0;      // how many of undone_ the threads have taken
  size_t given_out_ = 0;  // how many next() has returned
  bool stop_ = false;
  std::string fatal_;
  std::vector<std::thread> threads_;
};

}  // namespace cli
