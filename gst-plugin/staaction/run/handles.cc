// SPDX-License-Identifier: MIT
// See handles.h.
#include "handles.h"

#include <algorithm>
#include <utility>

namespace sta::gst {
namespace {

guint64 weighted(guint64 mean_a, guint64 count_a, guint64 mean_b, guint64 count_b) {
  const guint64 count = count_a + count_b;
  return count ? (mean_a * count_a + mean_b * count_b) / count : 0;
}

// Windows that went through a forward pass.
guint64 passes(const sta_stream_stats &s) { return s.windows_classified + s.windows_failed - s.windows_reused; }

void addStats(sta_stream_stats *total, const sta_stream_stats &s) {
  total->mean_inference_time = weighted(total->mean_inference_time, passes(*total), s.mean_inference_time, passes(s));
  total->mean_preprocess_time = weighted(total->mean_preprocess_time, total->frames, s.mean_preprocess_time, s.frames);
  total->max_preprocess_time = std::max(total->max_preprocess_time, s.max_preprocess_time);
  total->frames += s.frames;
  total->frames_sampled += s.frames_sampled;
  total->windows += s.windows;
  total->windows_classified += s.windows_classified;
  total->windows_skipped += s.windows_skipped;
  total->windows_failed += s.windows_failed;
  total->windows_discarded += s.windows_discarded;
  total->windows_reused += s.windows_reused;
  total->results_lost += s.results_lost;
  total->gaps += s.gaps;
  total->resets += s.resets;
  if (s.windows_classified + s.windows_failed > 0) {  // from the last stream that has any
    total->last_inference_time = s.last_inference_time;
    total->last_queue_time = s.last_queue_time;
    total->drop_number = s.drop_number;
    total->tokens = s.tokens;
  }
  total->load = s.load;
}

}  // namespace

Handles::Opened Handles::opened() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return opened_;
}

Handles::Opened Handles::exchange(Opened next) {
  std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(opened_, std::move(next));
}

void Handles::applyFlushing(const Entry &entry) const {
  entry.stream->core().sta_stream_set_flushing(entry.stream->handle(), flushing_ || stopping_);
}

void Handles::beginRun(const std::shared_ptr<Stream> &main) {
  counters.frames = counters.model_swaps = counters.objects = counters.objects_evicted = counters.objects_ignored = 0;
  std::vector<Entry> before;
  std::lock_guard<std::mutex> lock(mutex_);
  before.swap(streams_);
  ended_ = {};
  flushing_ = stopping_ = false;
  streams_.push_back({main, true});
}

void Handles::add(const std::shared_ptr<Stream> &stream, bool counted) {
  std::lock_guard<std::mutex> lock(mutex_);
  streams_.push_back({stream, counted});
  applyFlushing(streams_.back());
}

void Handles::count(const std::shared_ptr<Stream> &stream) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (Entry &entry : streams_) entry.counted |= entry.stream == stream;
}

void Handles::retire(const std::shared_ptr<Stream> &stream) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto entry = std::find_if(streams_.begin(), streams_.end(), [&](const Entry &e) { return e.stream == stream; });
  if (entry == streams_.end()) return;
  if (entry->counted) addStats(&ended_, stream->stats());
  streams_.erase(entry);
}

void Handles::setFlushing(bool flushing) {
  std::lock_guard<std::mutex> lock(mutex_);
  flushing_ = flushing;
  for (const Entry &entry : streams_) applyFlushing(entry);
}

void Handles::stopWaiting() {
  std::lock_guard<std::mutex> lock(mutex_);
  stopping_ = true;
  for (const Entry &entry : streams_) applyFlushing(entry);
}

sta_stream_stats Handles::stats() const {
  std::lock_guard<std::mutex> lock(mutex_);
  sta_stream_stats total = ended_;
  for (const Entry &entry : streams_)
    if (entry.counted) addStats(&total, entry.stream->stats());
  total.frames = counters.frames;  // one frame can go into several streams
  return total;
}

}  // namespace sta::gst
