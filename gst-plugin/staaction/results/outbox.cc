// SPDX-License-Identifier: MIT
// See outbox.h.
#include "outbox.h"

#include <utility>

namespace sta::gst {

void Outbox::add(Notice notice) {
  std::lock_guard<std::mutex> lock(mutex_);
  notices_.push_back(std::move(notice));
}

void Outbox::publish(Notice *notice) {
  switch (notice->kind) {
    case Notice::Kind::kWindow:
      publisher_->window(notice->record, notice->below_threshold, notice->post);
      break;
    case Notice::Kind::kEvent:
      publisher_->event(notice->change.release());
      break;
    case Notice::Kind::kFailure:
      publisher_->failure(notice->text);
      break;
    case Notice::Kind::kError:
      publisher_->error(notice->text);
      break;
    case Notice::Kind::kProblem:
      publisher_->problem(notice->text);
      break;
  }
}

void Outbox::deliver() {
  std::unique_lock<std::mutex> lock(mutex_);
  if (delivering_) return;
  delivering_ = true;
  deliverer_ = std::this_thread::get_id();
  while (!notices_.empty()) {
    Notice notice = std::move(notices_.front());
    notices_.pop_front();
    lock.unlock();
    try {
      publish(&notice);
    } catch (...) {  // there was no memory for a message; the next one may succeed
    }
    lock.lock();
  }
  delivering_ = false;
  idle_.notify_all();
}

void Outbox::deliverAll() {
  deliver();
  std::unique_lock<std::mutex> lock(mutex_);
  if (delivering_ && deliverer_ == std::this_thread::get_id()) return;
  idle_.wait(lock, [this] { return !delivering_; });
}

void Outbox::clear() {
  std::lock_guard<std::mutex> lock(mutex_);
  notices_.clear();
}

}  // namespace sta::gst
