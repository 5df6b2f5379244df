// SPDX-License-Identifier: MIT
// See stream.h.
#include "engine/stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/catch.h"
#include "engine/fault.h"
#include "engine/preprocess_spec.h"
#include "engine/still_choice.h"

namespace sta {
namespace {

Status check_options(const StreamOptions &o, const Engine &engine) {
  auto bad = [](const std::string &what) { return Error{STA_ERROR_INVALID_ARGUMENT, what}; };
  constexpr uint64_t kHour = 3'600'000'000'000;
  if (o.sample_interval > kHour || (o.sample_interval > 0 && o.sample_interval < 1'000'000))
    return bad("sample-interval should be 0 (the model's) or 1 ms to 1 h, in ns");
  if (o.hop > kHour) return bad("hop should be 0 (a quarter of a window) to 1 h, in ns");
  if (o.max_gap > kHour) return bad("max-gap should be 0 (automatic) to 1 h, in ns");
  if (o.max_results < 1 || o.max_results > 1024) return bad("max_results should be 1 to 1024");
  if (o.rule != STA_PRUNING_STA && o.rule != STA_PRUNING_RANDOM && o.rule != STA_PRUNING_NONE) return bad("pruning should be sta, random or none");
  if (o.resize != STA_RESIZE_AUTO && o.resize != STA_RESIZE_BILINEAR && o.resize != STA_RESIZE_ANTIALIAS)
    return bad("resize should be auto, bilinear or antialias");
  if (auto s = check_still_threshold(o.still_threshold, engine.description()); !s) return s;
  if (o.rule == STA_PRUNING_NONE) return ok();
  if (o.drop_number != STA_DROP_AUTO) return engine.check_drop_number(o.drop_number);
  for (int bound : {o.min_drop, o.max_drop})
    if (auto s = engine.check_drop_number(bound); !s) return s;
  if (o.max_drop > 0 && o.min_drop > o.max_drop)
    return bad("min-drop-number " + std::to_string(o.min_drop) + " should not be above max-drop-number " + std::to_string(o.max_drop));
  return ok();
}

}  // namespace

Result<std::unique_ptr<Stream>> Stream::create(std::shared_ptr<Engine> engine, const StreamOptions &options) {
  if (auto s = check_options(options, *engine); !s) return s.error();
  return std::unique_ptr<Stream>(new Stream(std::move(engine), options));
}

Stream::Stream(std::shared_ptr<Engine> engine, const StreamOptions &options)
    : engine_(std::move(engine)), port_(engine_->add_port()), options_(options), active_(options), grid_(grid_settings(options)) {
  const ModelDescription &m = engine_->description();
  frame_bytes_ = static_cast<size_t>(m.height) * m.width * 3;
  incoming_.resize(frame_bytes_);
  shown_.resize(frame_bytes_);
  ring_.resize(frame_bytes_ * m.num_frames);
  if (m.joint()) still_grid_ = still_grid(m);
  pictures_.resize(static_cast<size_t>(m.num_frames));
  pending_ = true;
  apply_pending();
}

Stream::~Stream() { engine_->remove_port(port_); }

GridSettings Stream::grid_settings(const StreamOptions &o) const {
  const ModelDescription &m = engine_->description();
  GridSettings g;
  g.num_frames = m.num_frames;
  g.spacing = o.sample_interval == 0 ? m.spacing : Spacing{static_cast<int64_t>(o.sample_interval), 1};
  g.hop = o.hop;
  g.hold_gaps = o.hold_gaps;
  g.max_gap = o.max_gap;
  g.pad_tail = o.pad_tail;
  // A live stream's mailbox keeps only the newest window. In blocking mode the caller can fetch as many results as are
  // kept.
  g.held_windows = o.blocking ? static_cast<uint64_t>(o.max_results) : 1;
  return g;
}

Status Stream::configure(const StreamOptions &options) {
  if (auto s = check_options(options, *engine_); !s) return s;
  {
    std::lock_guard lock(mutex_);
    options_ = options;
    pending_ = true;
  }
  return ok();
}

// New options hold from the next window on. The pushing thread takes them over between two frames.
void Stream::apply_pending() {
  {
    std::lock_guard lock(mutex_);
    if (!pending_) return;
    pending_ = false;
    active_ = options_;
  }
  const ModelDescription &m = engine_->description();
  const bool antialias = active_.resize == STA_RESIZE_AUTO ? m.antialias : active_.resize == STA_RESIZE_ANTIALIAS;
  if (!preprocessor_ || antialias != antialias_) {
    if (preprocessor_) grid_.reset();  // one window must not mix two ways of scaling
    antialias_ = antialias;
    preprocessor_ = std::make_unique<Preprocessor>(preprocess_spec(m, antialias));
    device_ring_.reset();  // made anew by the next frame that needs one
  }
  grid_.configure(grid_settings(active_));
  engine_->with(*port_, [&](StreamPort &p) {
    p.resize_results(static_cast<size_t>(active_.max_results));
    p.hop = grid_.settings().spacing.times(grid_.settings().hop_samples());
    p.adaptive = active_.drop_number == STA_DROP_AUTO && active_.rule != STA_PRUNING_NONE;
    p.min_drop = active_.min_drop;
    p.max_drop = active_.max_drop;
  });
}

// A window has frames of one kind of memory only. So the grid restarts at the first frame in another kind.
Status Stream::enter_memory(const sta_frame &frame) {
  int32_t memory = 0;  // a number from outside: it may be none of the enum's values
  static_assert(sizeof(memory) == sizeof(frame.memory));
  std::memcpy(&memory, &frame.memory, sizeof(memory));
  if (memory != STA_MEMORY_SYSTEM && memory != STA_MEMORY_CUDA)
    return Error{STA_ERROR_INVALID_ARGUMENT, "frame in memory " + std::to_string(memory) + ": it should be system or CUDA"};
  if ((memory == STA_MEMORY_CUDA) == (device_ring_ != nullptr)) return ok();
  std::unique_ptr<DeviceRing> ring;
  if (memory == STA_MEMORY_CUDA) {
    auto made = engine_->make_device_ring(antialias_);
    if (!made) return std::move(made).error();
    ring = *std::move(made);
  }
  grid_.reset();
  device_ring_ = std::move(ring);
  return ok();
}

Status Stream::scale(const sta_frame &frame) {
  if (auto s = enter_memory(frame); !s) return s;
  return device_ring_ ? device_ring_->take(frame) : preprocessor_->run(frame, incoming_.data());
}

Status Stream::push(const sta_frame &frame) {
  apply_pending();
  if (frame.time == STA_TIME_NONE) return Error{STA_ERROR_INVALID_ARGUMENT, "frame without a time"};
  if (grid_.goes_back(frame.time)) reset();  // windows in flight belong to another scene
  const auto begin = Clock::now();
  // Scale every frame, not only those on a grid point. Only the next frame shows which frame was on screen at a grid
  // point, and by then the frame is gone.
  if (auto s = scale(frame); !s) return s;
  const uint64_t spent = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin).count());
  grid_.frame(frame.time, frame.duration == STA_TIME_NONE ? kTimeNone : frame.duration, (frame.flags & STA_FRAME_DISCONT) != 0, *this);
  {
    std::lock_guard lock(mutex_);
    ++stats_.frames;
    stats_.max_preprocess_time = std::max(stats_.max_preprocess_time, spent);
    stats_.mean_preprocess_time += spent;  // a sum here, divided when read
  }
  return finish_step();
}

Status Stream::advance(uint64_t time) {
  apply_pending();
  grid_.advance(time, *this);
  return finish_step();
}

Status Stream::finish_step() {
  {
    std::lock_guard lock(mutex_);
    stats_.frames_sampled += sampled_;
    stats_.windows += windows_;
    stats_.resets += restarts_;
    stats_.gaps = grid_.gaps();
  }
  // These windows were not skipped because of load, so the drop controller does not learn of them.
  if (passed_over_ > 0) engine_->with(*port_, [this](StreamPort &p) { p.skipped += passed_over_; });
  sampled_ = windows_ = passed_over_ = restarts_ = 0;
  const bool submitted = std::exchange(submitted_, false);
  if (failed_) return *std::exchange(failed_, std::nullopt);
  if (submitted && active_.blocking && !engine_->wait_idle(*port_)) return Error{STA_ERROR_FLUSHING, "flushing"};
  return ok();
}

Status Stream::drain() {
  grid_.finish(*this);
  if (auto s = finish_step(); !s) return s;
  if (!engine_->wait_idle(*port_)) return Error{STA_ERROR_FLUSHING, "flushing"};
  return ok();
}

void Stream::reset() {
  grid_.reset();
  engine_->with(*port_, [](StreamPort &p) {
    ++p.generation;
    p.discarded += p.mailbox ? 1 : 0;
    p.mailbox.reset();
    p.results.clear();
  });
  engine_->wake();
  std::lock_guard lock(mutex_);
  ++stats_.resets;
}

void Stream::set_flushing(bool flushing) {
  engine_->with(*port_, [&](StreamPort &p) { p.flushing = flushing; });
  engine_->wake();
}

std::unique_ptr<WindowResult> Stream::pop() {
  return engine_->with(*port_, [](StreamPort &p) { return p.take_result(); });
}

void Stream::stats(sta_stream_stats &out) {
  std::lock_guard lock(mutex_);
  out = stats_;
  out.mean_preprocess_time = stats_.frames ? stats_.mean_preprocess_time / stats_.frames : 0;
  out.load = engine_->load_share();
  engine_->with(*port_, [&](StreamPort &p) {
    out.drop_number = p.last_drop;
    out.windows_classified = p.classified;
    out.windows_skipped = p.skipped;
    out.windows_failed = p.failed;
    out.windows_discarded = p.discarded;
    out.results_lost = p.lost;
    out.last_inference_time = p.last_inference;
    out.windows_reused = p.reused;
    const uint64_t done = p.classified + p.failed - p.reused;
    out.mean_inference_time = done ? p.total_inference / done : 0;
    out.last_queue_time = p.last_queue;
    out.tokens = p.last_tokens;
  });
}

GridSettings Stream::timing() {
  std::lock_guard lock(mutex_);
  return grid_settings(options_);
}

void Stream::restart() {
  ++restarts_;
  equal_run_ = 0;
  previous_first_ = kTimeNone;
}

void Stream::show() {
  if (device_ring_)
    device_ring_->show();
  else
    std::swap(incoming_, shown_);
}

void Stream::settle(uint64_t k) {
  if (device_ring_) {
    if (auto s = device_ring_->settle(k); !s && !failed_) failed_ = std::move(s).error();
    count_equal(1, false);
    return;  // pixels on the device are not compared
  }
  const uint64_t n = static_cast<uint64_t>(grid_.settings().num_frames), h = grid_.settings().hop_samples();
  const bool equal =
      active_.static_skip && h <= n && k >= h && std::memcmp(ring_.data() + ((k - h) % n) * frame_bytes_, shown_.data(), frame_bytes_) == 0;
  count_equal(1, equal);
  std::memcpy(ring_.data() + (k % n) * frame_bytes_, shown_.data(), frame_bytes_);
}

// Nothing is copied: every slot of the ring already holds the frame on screen.
void Stream::hold(uint64_t, uint64_t count) {
  count_equal(count, !device_ring_ && active_.static_skip && grid_.settings().hop_samples() <= static_cast<uint64_t>(grid_.settings().num_frames));
}

// equal: these samples equal the ones a hop before.
void Stream::count_equal(uint64_t samples, bool equal) {
  sampled_ += samples;
  const uint64_t h = grid_.settings().hop_samples();
  if (h != std::exchange(compared_hop_, h)) equal_run_ = 0;
  equal_run_ = equal ? equal_run_ + samples : 0;
}

void Stream::pass_over(uint64_t count) {
  windows_ += count;
  passed_over_ += count;
  next_id_ += count;
  previous_first_ = kTimeNone;  // the window before the passed-over ones may show something else
}

// Id of the oldest window since which all windows have had the same pixels as this one.
uint64_t Stream::static_since(const WindowSpan &span, uint64_t id) {
  const bool after_hop = previous_first_ != kTimeNone && span.first_sample == previous_first_ + compared_hop_;
  const bool equal = after_hop && !span.tail && equal_run_ >= static_cast<uint64_t>(grid_.settings().num_frames);
  previous_first_ = span.first_sample;
  if (!equal) static_since_ = id;
  return static_since_;
}

void Stream::window(const WindowSpan &span) {
  ++windows_;
  // If the source is slower than the grid, or a gap is held, one push can complete several windows. In blocking mode
  // each of them is classified.
  if (active_.blocking && submitted_ && !failed_ && !engine_->wait_idle(*port_)) {
    failed_ = Error{STA_ERROR_FLUSHING, "flushing"};
    return;
  }
  const uint64_t id = next_id_++;
  const Status status = guarded("window", [&]() -> Status { return submit(span, id); });
  if (!status) engine_->reject(*port_, span, id, status.error());
}

// Takes a buffer for a window in pageable memory.
void Stream::take_spare(std::vector<uint8_t> &pixels) {
  pixels = engine_->with(*port_, [](StreamPort &p) {
    if (p.spare.empty()) return std::vector<uint8_t>();
    auto spare = std::move(p.spare.back());
    p.spare.pop_back();
    return spare;
  });
  pixels.resize(ring_.size());
}

// Sample i of a window, [H,W,3].
const uint8_t *Stream::picture(const WindowSpan &span, uint64_t i) const {
  const uint64_t n = static_cast<uint64_t>(grid_.settings().num_frames);
  const uint64_t k = span.first_sample + std::min<uint64_t>(i, static_cast<uint64_t>(span.num_samples) - 1);
  return ring_.data() + (k % n) * frame_bytes_;
}

// to: [T,H,W,3]
void Stream::copy_pixels(const WindowSpan &span, uint8_t *to) const {
  const uint64_t n = static_cast<uint64_t>(grid_.settings().num_frames);
  for (uint64_t i = 0; i < n; ++i) std::memcpy(to + i * frame_bytes_, picture(span, i), frame_bytes_);
}

// Here and not in the worker, so that what a window will cost is known before its drop number is chosen. Frames in
// device memory are not looked at.
void Stream::find_still_tokens(const WindowSpan &span, WindowJob &job) {
  const ModelDescription &m = engine_->description();
  job.tokens = m.tokens();
  job.still_threshold = device_ring_ ? 0 : still_threshold(active_.still_threshold, m);
  if (!(job.still_threshold > 0)) return;
  for (size_t i = 0; i < pictures_.size(); ++i) pictures_[i] = picture(span, i);
  find_still(still_grid_, pictures_.data(), job.still_threshold, job.still);
  job.tokens = tokens_of_pass(still_grid_, job.still.changed, engine_->model().device().is_cuda());
  if (job.tokens == m.tokens()) job.still = StillMask();
}

Status Stream::submit(const WindowSpan &span, uint64_t id) {
  WindowJob job;
  job.static_since = static_since(span, id);
  fault_point(FaultPoint::kWindowCopy);
  job.result = std::make_unique<WindowResult>();
  job.result->probabilities.resize(static_cast<size_t>(engine_->description().num_classes));
  job.result->span = span;
  job.result->id = id;
  find_still_tokens(span, job);
  if (device_ring_) {
    auto clip = device_ring_->window(span.first_sample, static_cast<int>(span.num_samples));
    if (!clip) return std::move(clip).error();
    job.clip = *std::move(clip);
  } else if ((job.sent = engine_->take_upload())) {
    copy_pixels(span, job.sent->pixels());
    if (auto sent = job.sent->send(); !sent) return sent;
  } else {
    take_spare(job.pixels);
    copy_pixels(span, job.pixels.data());
  }
  job.span = span;
  job.id = id;
  job.rule = active_.rule;
  job.drop_number = active_.drop_number;
  job.seed = active_.seed;
  submitted_ = true;
  engine_->submit(*port_, std::move(job));
  return ok();
}

}  // namespace sta
