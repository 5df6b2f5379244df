// SPDX-License-Identifier: MIT
// The engine and the streams of one element, for threads other than the streaming thread. An application reads stats;
// FLUSH_START and the state change end waits. At the same time the streaming thread makes and ends streams (a model
// swap, an object that comes or goes).
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "session.h"

namespace sta::gst {

// Counted by the run itself, not by its streams.
struct RunCounters {
  std::atomic<guint64> frames{0};           // looked at
  std::atomic<guint64> model_swaps{0};      // models taken over while running
  std::atomic<guint64> objects{0};          // tracks that have windows now
  std::atomic<guint64> objects_evicted{0};  // tracks that lost their place to a newer one
  std::atomic<guint64> objects_ignored{0};  // detections for which there was no place
};

// Thread-safe. The mutex is a leaf: under it sta-core is only told of flushing and asked for counters, and both return
// at once.
class Handles {
 public:
  struct Opened {
    std::shared_ptr<Engine> engine;
    std::shared_ptr<Stream> main;  // the stream of whole frames, whose timing counts
  };
  Opened opened() const;
  // Returns the handles from before. Ending them may wait for a forward pass, so the caller chooses the thread.
  Opened exchange(Opened next);

  // Starts a new run: all counters are zero, waiting is allowed again, `main` is its first stream.
  void beginRun(const std::shared_ptr<Stream> &main);
  // Adds a further stream. It is flushing if the others are. counted: its windows are in the statistics.
  void add(const std::shared_ptr<Stream> &stream, bool counted);
  void count(const std::shared_ptr<Stream> &stream);
  // The stream is about to end. Its counts stay in the statistics.
  void retire(const std::shared_ptr<Stream> &stream);

  // Ends or allows waits for a forward pass, in all streams.
  void setFlushing(bool flushing);
  // The state goes down: no wait is allowed until beginRun(), whatever setFlushing() says.
  void stopWaiting();

  // Sums over the run.
  sta_stream_stats stats() const;
  RunCounters counters;

 private:
  struct Entry {
    std::shared_ptr<Stream> stream;
    bool counted;
  };
  void applyFlushing(const Entry &entry) const;

  mutable std::mutex mutex_;
  Opened opened_;
  std::vector<Entry> streams_;
  sta_stream_stats ended_{};  // sums of streams that are gone
  bool flushing_ = false;
  bool stopping_ = false;
};

}  // namespace sta::gst
