// SPDX-License-Identifier: MIT
// The notices for the application, in order. Two threads take results (the streaming thread and, in live mode, the
// dispatcher). They do so under a lock, and no handler of the application may run under it. So they only note here what
// to tell. Then one of the two delivers the notices of both, without the lock.
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
  // Publishes all notices with no lock held. If another thread is already publishing, that thread publishes these too,
  // after the earlier ones.
  void deliver();
  // deliver(), and returns only when all notices added before are published. Exception: a call from a handler that is
  // just being told something returns at once.
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
