// SPDX-License-Identifier: MIT
#include "monitor/camera/recorder.h"

#include <utility>

namespace sta::monitor {

void Recorder::setCaps(Stream stream, GstCaps *caps) {
  const std::lock_guard lock(mutex_);
  if (caps_[stream] && gst_caps_is_equal(caps_[stream].get(), caps)) return;
  const bool first = !caps_[stream];
  caps_[stream] = HeldCaps::share(caps);
  if (first) return;
  if (writer_) close(std::exchange(writer_, nullptr));
  ring_.clear();
  bytes_ = 0;
}

void Recorder::push(MediaSample sample) {
  const std::lock_guard lock(mutex_);
  // Before a key frame nothing can be shown.
  if (ring_.empty() && !(sample.stream == kVideo && sample.key)) return;
  if (writer_) writer_->push(sample);
  bytes_ += gst_buffer_get_size(sample.buffer.get());
  ring_.push_back(std::move(sample));
  trim();
}

void Recorder::trim() {
  if (!(ring_.back().stream == kVideo && ring_.back().key) && bytes_ <= kMostBytes) return;
  const GstClockTime newest = ring_.back().time();
  // Finds the newest key frame that is old enough, and drops everything before it. If there is too much data, it takes
  // a later key frame.
  std::size_t first = 0;
  std::size_t before_it = 0, bytes = 0;
  for (std::size_t i = 0; i < ring_.size(); ++i) {
    if (i > 0 && ring_[i].stream == kVideo && ring_[i].key) {
      const bool old_enough = ring_[i].time() + before_ <= newest;
      if (!old_enough && bytes_ - before_it <= kMostBytes) break;
      first = i;
      before_it = bytes;
    }
    bytes += gst_buffer_get_size(ring_[i].buffer.get());
  }
  ring_.erase(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(first));
  bytes_ -= before_it;
  // One group of pictures alone is too large: starts anew at the next key frame.
  if (bytes_ > kMostBytes) {
    ring_.clear();
    bytes_ = 0;
  }
}

bool Recorder::start(const std::string &path, GstClockTime from, ClipWriter::Done done) {
  finish();
  const std::lock_guard lock(mutex_);
  if (ring_.empty() || !caps_[kVideo]) return false;
  std::size_t first = 0;
  for (std::size_t i = 0; i < ring_.size(); ++i)
    if (ring_[i].stream == kVideo && ring_[i].key && ring_[i].time() <= from) first = i;
  // Announces sound only if some has come: mp4mux waits for each stream that it was told of.
  std::array<HeldCaps, kStreams> caps = caps_;
  bool sound = false;
  for (const MediaSample &sample : ring_) sound = sound || sample.stream == kAudio;
  if (!sound) caps[kAudio] = HeldCaps();
  writer_ = std::make_unique<ClipWriter>(path, std::move(caps), std::move(done));
  for (std::size_t i = first; i < ring_.size(); ++i) writer_->push(ring_[i]);
  return true;
}

void Recorder::finish() {
  std::unique_ptr<ClipWriter> writer;
  {
    const std::lock_guard lock(mutex_);
    writer = std::exchange(writer_, nullptr);
  }
  if (!writer) return;
  close(std::move(writer));
}

// Closing the file may take as long as the disk does. A thread does it, so nobody waits here.
void Recorder::close(std::unique_ptr<ClipWriter> writer) {
  writer->finish();
  std::thread([writer = std::move(writer)]() mutable { writer.reset(); }).detach();
}

bool Recorder::writing() const {
  const std::lock_guard lock(mutex_);
  return writer_ != nullptr;
}

void Recorder::reset() {
  finish();
  const std::lock_guard lock(mutex_);
  ring_.clear();
  bytes_ = 0;
  caps_ = {};
}

}  // namespace sta::monitor
