// SPDX-License-Identifier: MIT
// StreamPort: one stream as its engine sees it. It has the mailbox for windows on the way in and the finished results
// on the way out. It outlives its stream while a forward pass still works for it.
//
// The worker never allocates in a port. The containers get their capacity when the stream is made or configured. So a
// failed allocation fails in the thread of the stream that needs the memory.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/drop_controller.h"
#include "engine/window_job.h"

namespace sta {

/// Engine's mutex guards every member except those of notify.
struct StreamPort {
  explicit StreamPort(int num_classes);

  /// Makes room for that many finished results.
  void resize_results(size_t most);
  /// Appends a result. If there are more than max_results, the oldest one is lost. Does not throw.
  void add_result(std::unique_ptr<WindowResult> result);
  std::unique_ptr<WindowResult> take_result();
  /// Keeps a pixel buffer for the next window.
  void recycle(std::vector<uint8_t> pixels);

  /// Fills the job's result from the newest result, if no pixel and no pruning setting has changed since. The job's
  /// drop number must be decided already.
  bool reuse_last(WindowJob &job) const;
  /// Counts an answered window and keeps its result, unless the stream has been reset since the window was cut.
  void answer(WindowJob &job);

  std::optional<WindowJob> mailbox;  // one slot: a newer window replaces one that has not started
  int in_flight = 0;                 // windows the worker has taken and not yet answered
  uint64_t generation = 0;
  bool flushing = false;
  std::vector<std::unique_ptr<WindowResult>> results;  // oldest first
  size_t max_results = 64;
  std::vector<std::vector<uint8_t>> spare;  // pixel buffers for reuse: after warm-up a window allocates no pixels

  // The newest classified window, for static_skip.
  struct Last {
    bool valid = false;
    uint64_t id = 0, generation = 0;
    sta_pruning rule = STA_PRUNING_NONE;
    int drop_number = 0;               // the drop number that was really used
    std::vector<float> probabilities;  // [n]
  } last;

  // Load-adaptive pruning.
  bool adaptive = false;
  uint64_t hop = 0;                    // ns; the demand is one window per hop
  int min_drop = 0, max_drop = 0;      // bounds of STA_DROP_AUTO
  Clock::time_point last_submitted{};  // a port without a window for some hops has no demand
  bool skipped_since = false;          // a window was replaced since the last one was taken
  int last_drop = 0;
  DropState drop_state;

  uint64_t classified = 0, skipped = 0, failed = 0, discarded = 0, lost = 0, reused = 0;
  uint64_t last_inference = 0, total_inference = 0, last_queue = 0;

  /// Tells the stream's owner that results are there. Called without Engine's mutex.
  void call_notify();
  /// When this returns, the previous function is not running and will not be called again.
  void set_notify(sta_result_notify function, void *user_data);

 private:
  std::mutex notify_mutex_;  // a leaf lock for the next two members; held while the function runs: set_notify() waits
  sta_result_notify notify_ = nullptr;
  void *notify_data_ = nullptr;
};

/// The drop number that a rule really uses.
inline int effective_drop(sta_pruning rule, int drop_number) { return rule == STA_PRUNING_NONE ? 0 : drop_number; }

}  // namespace sta
