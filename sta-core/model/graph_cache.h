// SPDX-License-Identifier: MIT
// Which forward passes are replayed as captured graphs, and when one is captured. At batch 1 a GPU spends less time
// computing than the host spends launching some hundred kernels one by one; a graph is launched at once. A graph is
// good for one batch size and one pruning only, costs some passes' time to capture and holds memory, so:
//
//   - a pass is captured when its key has come up a third time: the two before warm up what libraries set up lazily;
//   - there are few graphs; a new one takes the place of the one not used for longest, if that has not been used for a
//     while, so that a drop number that goes up and down (drop-number=auto) or more batch sizes than places do not have
//     graphs captured in turns;
//   - a key whose capture fails twice stays with ordinary passes. When memory ran out, the other graphs are given up.
//
// What captures and replays is behind GraphBackend, so that all of this is tested on a CPU.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "model/model.h"

namespace sta {

/// What a captured pass is good for. The random rule cannot be captured: its tokens are drawn on the host.
struct GraphKey {
  int64_t batch;
  int drop_number;  // 0: dense
  auto operator<=>(const GraphKey &) const = default;
};

class CapturedForward {
 public:
  virtual ~CapturedForward() = default;
  /// The pass on another clip of the same shape, any floating type and device, put into the current stream. The result
  /// is the caller's own. Throws c10::Error.
  virtual ForwardOutput replay(const at::Tensor &clip) = 0;
};

class GraphBackend {
 public:
  using Forward = std::function<ForwardOutput(const at::Tensor &clip)>;
  virtual ~GraphBackend() = default;
  /// Captures `forward`, which must not wait for the device, for clips of this shape. Throws c10::Error,
  /// c10::OutOfMemoryError.
  virtual std::unique_ptr<CapturedForward> capture(const at::Tensor &clip, const Forward &forward) = 0;
};

class GraphCache {
 public:
  struct Limits {
    size_t graphs = 12;
    int warm_ups = 2;        // passes of a key before it is captured
    uint64_t patience = 50;  // passes since a graph's last use before another may take its place
    int failures = 2;        // of a key's capture, then it is left alone
    size_t keys = 256;       // whose counts are kept; beyond, the one not used for longest is forgotten
  };
  struct Stats {
    uint64_t eager = 0, captured = 0, replayed = 0, failed = 0, given_up = 0;
    size_t graphs = 0;
  };

  GraphCache(std::unique_ptr<GraphBackend> backend, Limits limits);

  /// One pass: replayed, captured and replayed, or as `forward` does it. Thread-safe; what it returns equals
  /// forward(clip).
  ForwardOutput run(const GraphKey &key, const at::Tensor &clip, const GraphBackend::Forward &forward);
  /// Gives up all graphs and what is known of keys.
  void clear();
  Stats stats() const;

 private:
  struct Entry {
    uint64_t last_used = 0;
    int seen = 0, failures = 0;
    std::unique_ptr<CapturedForward> graph;
  };
  bool make_room(uint64_t now);
  void forget_keys(const GraphKey &but);
  bool capture(Entry &entry, const GraphKey &key, const at::Tensor &clip, const GraphBackend::Forward &forward);
  void give_up_others(const GraphKey &but);

  const std::unique_ptr<GraphBackend> backend_;
  const Limits limits_;
  // Held while a pass is captured or replayed: graphs share their memory, so one goes after the other. Replaying only
  // puts work into a stream.
  mutable std::mutex mutex_;
  std::map<GraphKey, Entry> entries_;
  uint64_t passes_ = 0;
  Stats stats_;
};

}  // namespace sta
