// SPDX-License-Identifier: MIT
// See dispatcher.h.
#include "dispatcher.h"

namespace sta::gst {

void Dispatcher::start() {
  stop();
  stop_ = wake_ = false;
  thread_ = std::thread([this] { run(); });
}

void Dispatcher::stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Dispatcher::wake() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    wake_ = true;
  }
  woken_.notify_all();
}

void Dispatcher::run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    woken_.wait(lock, [this] { return stop_ || wake_; });
    if (stop_) return;
    wake_ = false;
    lock.unlock();
    work_();
    lock.lock();
  }
}

}  // namespace sta::gst
