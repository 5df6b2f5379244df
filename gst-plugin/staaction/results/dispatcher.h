// SPDX-License-Identifier: MIT
// A thread of the element that wakes up when results have come. So they are published between two frames and not only
// with the next one. And a slow handler of the application delays neither the stream nor the model.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace sta::gst {

class Dispatcher {
 public:
  // work: called from the thread after wake(). Several calls of wake() may lead to one call of work.
  explicit Dispatcher(std::function<void()> work) : work_(std::move(work)) {}
  ~Dispatcher() { stop(); }
  Dispatcher(const Dispatcher &) = delete;
  Dispatcher &operator=(const Dispatcher &) = delete;

  void start();
  // Ends the thread; waits for a call of work() under way.
  void stop();
  // Any thread; returns at once.
  void wake();
  // wake() as sta-core calls it; data is a Dispatcher.
  static void notify(void *data) { static_cast<Dispatcher *>(data)->wake(); }

 private:
  void run();

  const std::function<void()> work_;
  std::mutex mutex_;  // a leaf
  std::condition_variable woken_;
  bool wake_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace sta::gst
