// SPDX-License-Identifier: MIT
// Stream: one camera's state. Frames come in with their times. The sampling grid says which of them a window needs. A
// full window goes to the engine, and results come back through the port. Each frame is scaled to model size into our
// own memory when it arrives. The frame itself is never kept: the buffer pools of cameras and decoders are small, and
// keeping their buffers would stop the pipeline.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "cuda/device_ring.h"
#include "engine/engine.h"
#include "preprocess/preprocess.h"
#include "window/sampling_grid.h"

namespace sta {

struct StreamOptions {
  uint64_t sample_interval = 0;  // ns; 0: the model's
  uint64_t hop = 0;              // ns
  bool hold_gaps = false;
  uint64_t max_gap = 0;  // ns
  bool pad_tail = true;
  sta_pruning rule = STA_PRUNING_STA;
  int drop_number = 0;
  uint64_t seed = 0;
  sta_resize resize = STA_RESIZE_AUTO;
  bool blocking = false;
  int max_results = 64;
  int min_drop = 0, max_drop = 0;  // bounds of drop_number = STA_DROP_AUTO; max 0: the model's
  bool static_skip = true;
};

class Stream : private GridSink {
 public:
  static Result<std::unique_ptr<Stream>> create(std::shared_ptr<Engine> engine, const StreamOptions &options);
  ~Stream() override;

  // ---- any thread
  Status configure(const StreamOptions &options);
  void set_flushing(bool flushing);
  void stats(sta_stream_stats &out);
  GridSettings timing();
  std::unique_ptr<WindowResult> pop();
  void set_notify(sta_result_notify notify, void *user_data) { port_->set_notify(notify, user_data); }
  Engine &engine() { return *engine_; }

  // ---- one thread at a time
  Status push(const sta_frame &frame);
  Status advance(uint64_t time);
  Status drain();
  void reset();

 private:
  Stream(std::shared_ptr<Engine> engine, const StreamOptions &options);
  GridSettings grid_settings(const StreamOptions &options) const;
  void apply_pending();
  Status finish_step();
  Status scale(const sta_frame &frame);
  Status enter_memory(const sta_frame &frame);
  Status submit(const WindowSpan &span, uint64_t id);
  void take_spare(std::vector<uint8_t> &pixels);
  void copy_pixels(const WindowSpan &span, uint8_t *to) const;
  void count_equal(uint64_t samples, bool equal);
  uint64_t static_since(const WindowSpan &span, uint64_t id);

  void restart() override;
  void show() override;
  void settle(uint64_t k) override;
  void hold(uint64_t k, uint64_t count) override;
  void pass_over(uint64_t count) override;
  void window(const WindowSpan &span) override;

  const std::shared_ptr<Engine> engine_;
  const std::shared_ptr<StreamPort> port_;

  std::mutex mutex_;  // guards the next three members; taken before Engine's mutex, never held during scaling or a pass
  StreamOptions options_;
  bool pending_ = false;
  sta_stream_stats stats_{};  // the counters that the port does not have

  // Used by the pushing thread only.
  StreamOptions active_;
  SamplingGrid grid_;
  std::unique_ptr<Preprocessor> preprocessor_;
  bool antialias_ = false;
  size_t frame_bytes_;             // H·W·3
  std::vector<uint8_t> incoming_;  // [H,W,3] the frame being pushed, scaled
  std::vector<uint8_t> shown_;     // [H,W,3] the frame on screen
  std::vector<uint8_t> ring_;      // [T,H,W,3], sample k in slot k mod T
  // The same three buffers on the device, while frames come in device memory.
  std::unique_ptr<DeviceRing> device_ring_;
  uint64_t next_id_ = 0;

  // static_skip: when a sample is settled, it is compared with the sample one hop earlier. The ring still holds that
  // sample if windows overlap or touch. A window equals the previous one if all its samples are equal.
  uint64_t compared_hop_ = 0;            // the hop h for which equal_run_ was counted
  uint64_t equal_run_ = 0;               // number of newest samples in a row that equal the one a hop before
  uint64_t previous_first_ = kTimeNone;  // first sample of the previous window in this grid
  uint64_t static_since_ = 0;            // id of the oldest window with the pixels of the newest

  std::optional<Error> failed_;  // error of a step inside the sink
  bool submitted_ = false;       // a window went out during this call
  uint64_t sampled_ = 0, windows_ = 0, passed_over_ = 0, restarts_ = 0;
};

}  // namespace sta
