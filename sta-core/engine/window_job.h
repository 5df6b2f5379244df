// SPDX-License-Identifier: MIT
// What a stream and its engine exchange: a window to classify, and its result. The port that holds both is in
// stream_port.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cuda/device_ring.h"
#include "cuda/window_upload.h"
#include "result.h"
#include "window/sampling_grid.h"

namespace sta {

using Clock = std::chrono::steady_clock;

struct WindowResult {
  WindowSpan span{};
  uint64_t id = 0;
  int drop_number = 0;
  int batch_size = 1;
  bool reused = false;          // copied from the previous window's result, without a forward pass
  uint64_t inference_time = 0;  // ns
  uint64_t queue_time = 0;      // ns
  sta_status status = STA_OK;
  std::string message;
  std::vector<float> probabilities;  // [n]
};

struct WindowJob {
  std::vector<uint8_t> pixels;           // [T,H,W,3] RGB, model size; for frames in system memory
  std::unique_ptr<UploadedWindow> sent;  // the same pixels on their way to a CUDA device; `pixels` is then empty
  std::unique_ptr<DeviceClip> clip;      // [3,T,H,W], normalised; for frames in device memory
  std::unique_ptr<WindowResult> result;  // made with the job, because the worker must not allocate
  WindowSpan span{};
  uint64_t id = 0;
  uint64_t generation = 0;  // the stream's number when the window was cut; a job with an older one is void
  sta_pruning rule = STA_PRUNING_STA;
  int drop_number = 0;  // STA_DROP_AUTO until the worker takes the window
  uint64_t seed = 0;
  uint64_t static_since = 0;  // id of the oldest window since which no pixel has changed; the own id: changed now
  Clock::time_point submitted{};
};

}  // namespace sta
