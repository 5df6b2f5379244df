// SPDX-License-Identifier: MIT
// Decides which forward passes are replayed as captured graphs, and when a graph is captured. At batch 1 the host needs
// more time to launch a few hundred kernels one by one than the GPU needs to compute them. A graph is launched at once.
// But a graph fits one batch size and one pruning only, its capture takes the time of a few passes, and it holds
// memory. So:
//
//   - A pass is captured when its key comes up for the third time. The two passes before let libraries finish what they
//     set up lazily.
//   - There are few graphs. A new one replaces the least recently used one, but only if that has not been used for a
//     while. Otherwise a drop number that goes up and down (drop-number=auto), or more batch sizes than places, would
//     make graphs replace each other again and again.
//   - A key whose capture fails twice stays with ordinary passes. If memory ran out, the other graphs are given up.
//
// GraphBackend hides capturing and replaying, so all of this is tested on a CPU.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "model/model.h"

namespace sta {

/// The passes that a captured graph fits. The random rule cannot be captured, because its tokens are drawn on the host.
struct GraphKey {
  int64_t batch;
  int drop_number;  // 0: dense
  auto operator<=>(const GraphKey &) const = default;
};

class CapturedForward {
 public:
  virtual ~CapturedForward() = default;
  /// Puts the pass on another clip into the current stream. The clip has the same shape and any floating type and
  /// device. The caller owns the result. Throws c10::Error.
  virtual ForwardOutput replay(const at::Tensor &clip) = 0;
};

class GraphBackend {
 public:
  using Forward = std::function<ForwardOutput(const at::Tensor &clip)>;
  virtual ~GraphBackend() = default;
  /// Captures `forward` for clips of this shape. `forward` must not wait for the device. Throws c10::Error,
  /// c10::OutOfMemoryError.
  virtual std::unique_ptr<CapturedForward> capture(const at::Tensor &clip, const Forward &forward) = 0;
};

class GraphCache {
 public:
  struct Limits {
    size_t graphs = 12;
    int warm_ups = 2;        // passes of a key before it is captured
    uint64_t patience = 50;  // passes since a graph's last use before another may take its place
    int failures = 2;        // failed captures of a key before it stays with ordinary passes
    size_t keys = 256;       // keys that are remembered; beyond this the least recently used one is forgotten
  };
  struct Stats {
    uint64_t eager = 0, captured = 0, replayed = 0, failed = 0, given_up = 0;
    size_t graphs = 0;
  };

  GraphCache(std::unique_ptr<GraphBackend> backend, Limits limits);

  /// Makes one pass: it replays a graph, or captures one and replays it, or calls `forward`. The result equals
  /// forward(clip). Thread-safe.
  ForwardOutput run(const GraphKey &key, const at::Tensor &clip, const GraphBackend::Forward &forward);
  /// Gives up all graphs and forgets all keys.
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
  // Held while a pass is captured or replayed: graphs share their memory, so they run one after the other. This is
  // short, because replaying only puts work into a stream.
  mutable std::mutex mutex_;
  std::map<GraphKey, Entry> entries_;
  uint64_t passes_ = 0;
  Stats stats_;
};

}  // namespace sta
