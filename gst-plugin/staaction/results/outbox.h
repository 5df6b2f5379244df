// SPDX-License-Identifier: MIT
// What the application is to be told, in order. Results are taken by two threads (the streaming thread and, in live
// mode, the dispatcher), under a lock that no handler of the application may run under; so they are noted here first,
// and whoever comes to deliver them does it for both.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "publish.h"

namespace sta::gst {

struct StructureFree {
  void operator()(GstStructure *structure) const { gst_structure_free(structure); }
};

struct Notice {
  enum class Kind { kWindow, kEvent, kFailure, kError, kProblem };
  Kind kind;
  std::string text{};     // of kFailure, kError, kProblem
  ActionRecord record{};  // of kWindow
  bool below_threshold = false;
  bool post = false;                                      // kWindow: also as a message
  std::unique_ptr<GstStructure, StructureFree> change{};  // of kEvent
};

// Thread-safe.
class Outbox {
 public:
  explicit Outbox(Publisher *publisher) : publisher_(publisher) {}

  void add(Notice notice);
  // Publishes all notices with no lock held. If another thread is at it, that one publishes these too, after the
  // earlier ones.
  void deliver();
  // deliver(), and all that was added before is published when this returns; unless it is called by a handler that is
  // being told something.
  void deliverAll();
  void clear();

 private:
  void publish(Notice *notice);

  Publisher *publisher_;
  std::mutex mutex_;  // a leaf
  std::condition_variable idle_;
  std::deque<Notice> notices_;
  bool delivering_ = false;
  std::thread::id deliverer_;
};

}  // namespace sta::gst
