// SPDX-License-Identifier: MIT
// See eval_feed.h.
#include "eval_feed.h"

#include <utility>

#include "options.h"

namespace cli {

ViewFeed::ViewFeed(const sta::Engine &engine, const ViewPlan &plan, sta_resize resize, const std::vector<EvalVideo> &videos,
                   const std::vector<int> &undone, int threads)
    : engine_(engine), plan_(plan), resize_(resize), videos_(videos), undone_(undone), depth_(static_cast<size_t>(threads) + 1) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ViewFeed::~ViewFeed() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  room_.notify_all();
  for (std::thread &thread : threads_) thread.join();
}

void ViewFeed::work() {
  try {
    ViewDecoder decoder(engine_, plan_, resize_);
    for (;;) {
      Item item;
      {
        std::unique_lock lock(mutex_);
        room_.wait(lock, [&] { return stop_ || queue_.size() < depth_; });
        if (stop_ || taken_ == undone_.size()) return;
        item.index = undone_[taken_++];
      }
      try {
        item.set = decoder.decode(videos_[static_cast<size_t>(item.index)].path);
      } catch (const std::bad_alloc &) {
        throw;
      } catch (const std::exception &e) {
        item.error = e.what();
      }
      {
        std::lock_guard lock(mutex_);
        queue_.push_back(std::move(item));
      }
      ready_.notify_one();
    }
  } catch (const std::exception &e) {
    {
      std::lock_guard lock(mutex_);
      fatal_ = e.what();
    }
    ready_.notify_one();
  }
}

std::optional<ViewFeed::Item> ViewFeed::next() {
  Item item;
  {
    std::unique_lock lock(mutex_);
    if (given_out_ == undone_.size()) return std::nullopt;
    ready_.wait(lock, [&] { return !queue_.empty() || !fatal_.empty(); });
    if (queue_.empty()) throw RunError("decoding: " + fatal_);
    item = std::move(queue_.front());
    queue_.pop_front();
    ++given_out_;
  }
  room_.notify_one();
  return item;
}

}  // namespace cli
