// SPDX-License-Identifier: MIT
// What passes between a stream and its engine: a window to classify, the result, and the port that holds both. A port outlives its stream as long as
// a forward pass works for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/drop_controller.h"
#include "result.h"
#include "window/sampling_grid.h"

namespace sta {

using Clock = std::chrono::steady_clock;

struct WindowJob {
  std::vector<uint8_t> pixels;  // [T,H,W,3] RGB, model size
  WindowSpan span{};
  uint64_t id = 0;
  uint64_t generation = 0;  // of the stream when the window was cut; an older one is void
  sta_pruning rule = STA_PRUNING_STA;
  int drop_number = 0;  // STA_DROP_AUTO until the worker takes the window
  uint64_t seed = 0;
  Clock::time_point submitted{};
};

struct WindowResult {
  WindowSpan span{};
  uint64_t id = 0;
  int drop_number = 0;
  int batch_size = 1;
  uint64_t inference_time = 0;  // ns
  uint64_t queue_time = 0;      // ns
  sta_status status = STA_OK;
  std::string message;
  std::vector<float> probabilities;  // [n]
};

/// One stream as its engine sees it. Every member is guarded by Engine's mutex.
struct StreamPort {
  std::optional<WindowJob> mailbox;  // one slot: a newer window replaces an unstarted one
  int in_flight = 0;                 // windows the worker has taken and not yet answered
  uint64_t generation = 0;
  bool flushing = false;
  std::deque<std::unique_ptr<WindowResult>> results;
  size_t max_results = 64;
  std::vector<std::vector<uint8_t>> spare;  // pixel buffers to be used again: after warm-up a window allocates nothing

  // Load-adaptive pruning.
  bool adaptive = false;
  uint64_t hop = 0;                    // ns, demand is one window a hop
  int min_drop = 0, max_drop = 0;      // bounds of STA_DROP_AUTO
  Clock::time_point last_submitted{};  // a port that has not submitted for some hops asks for nothing
  bool skipped_since = false;          // a window was replaced since the last one was taken
  int last_drop = 0;
  DropState drop_state;

  uint64_t classified = 0, skipped = 0, failed = 0, discarded = 0, lost = 0;
  uint64_t last_inference = 0, total_inference = 0, last_queue = 0;
};

}  // namespace sta
