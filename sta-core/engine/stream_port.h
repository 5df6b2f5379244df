// SPDX-License-Identifier: MIT
// StreamPort: one stream as its engine sees it: the mailbox on the way in, the finished results on the way out. It
// outlives its stream as long as a forward pass works for it.
//
// Nothing the worker does to a port allocates: its containers get their capacity when the stream is made or configured.
// An allocation that fails thus fails in the thread of the stream that needs it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/drop_controller.h"
#include "engine/window_job.h"

namespace sta {

/// Every member but notify's is guarded by Engine's mutex.
struct StreamPort {
  explicit StreamPort(int num_classes);

  /// Room for that many finished results.
  void resize_results(size_t most);
  /// Puts a result behind the others; the oldest is given up beyond max_results. Does not throw.
  void add_result(std::unique_ptr<WindowResult> result);
  std::unique_ptr<WindowResult> take_result();
  /// Keeps a pixel buffer for the next window.
  void recycle(std::vector<uint8_t> pixels);

  /// Fills the job's result from the newest one if no pixel and nothing about pruning has changed since. The job's drop
  /// number is settled.
  bool reuse_last(WindowJob &job) const;
  /// Counts an answered window and keeps its result, unless the stream has been reset since the window was cut.
  void answer(WindowJob &job);

  std::optional<WindowJob> mailbox;  // one slot: a newer window replaces an unstarted one
  int in_flight = 0;                 // windows the worker has taken and not yet answered
  uint64_t generation = 0;
  bool flushing = false;
  std::vector<std::unique_ptr<WindowResult>> results;  // oldest first
  size_t max_results = 64;
  std::vector<std::vector<uint8_t>> spare;  // pixel buffers to be used again: after warm-up a window allocates no pixels

  // The newest window that was classified, for static_skip.
  struct Last {
    bool valid = false;
    uint64_t id = 0, generation = 0;
    sta_pruning rule = STA_PRUNING_NONE;
    int drop_number = 0;  // the one really used
    float still_threshold = 0;
    std::vector<float> probabilities;  // [n]
  } last;

  // Load-adaptive pruning.
  bool adaptive = false;
  uint64_t hop = 0;                    // ns, demand is one window a hop
  int min_drop = 0, max_drop = 0;      // bounds of STA_DROP_AUTO
  Clock::time_point last_submitted{};  // a port that has not submitted for some hops asks for nothing
  bool skipped_since = false;          // a window was replaced since the last one was taken
  int last_drop = 0;
  int last_tokens = 0;  // of the newest window that had a pass
  double share = 1;     // of the work of a dense window of the same drop number that this stream's windows take, smoothed
  DropState drop_state;

  uint64_t classified = 0, skipped = 0, failed = 0, discarded = 0, lost = 0, reused = 0;
  uint64_t last_inference = 0, total_inference = 0, last_queue = 0;

  /// Tells the stream's owner that results have come. Called without Engine's mutex.
  void call_notify();
  /// On return the former function is not running and will not be called again.
  void set_notify(sta_result_notify function, void *user_data);

 private:
  std::mutex notify_mutex_;  // a leaf: guards the two below, held while the function runs, so that taking it away can wait for that
  sta_result_notify notify_ = nullptr;
  void *notify_data_ = nullptr;
};

/// The drop number that a rule really uses.
inline int effective_drop(sta_pruning rule, int drop_number) { return rule == STA_PRUNING_NONE ? 0 : drop_number; }

}  // namespace sta
