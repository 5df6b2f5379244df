// SPDX-License-Identifier: MIT
// The last seconds of a camera as it sent them, kept in memory, and the clip that is being written from them: so a clip
// begins before its event was known.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "monitor/camera/clip_writer.h"

namespace sta::monitor {

class Recorder {
 public:
  // Keeps `before` (and whole groups of pictures) in memory, at most kMostBytes.
  explicit Recorder(GstClockTime before) : before_(before) {}

  // Streaming threads. Caps that change end a clip that is being written: one file has one format.
  void setCaps(Stream stream, GstCaps *caps);
  void push(MediaSample sample);

  // Main loop. Writes from the key frame at or before `from` (as times of samples) on, else from the oldest. false:
  // there is no picture yet.
  bool start(const std::string &path, GstClockTime from, ClipWriter::Done done);
  void finish();
  bool writing() const;
  // Forgets what is in memory (the camera starts anew, so running times do too); a clip that is being written ends.
  void reset();

 private:
  static void close(std::unique_ptr<ClipWriter> writer);
  void trim();  // mutex_ is held

  static constexpr std::size_t kMostBytes = 96 << 20;
  const GstClockTime before_;
  mutable std::mutex mutex_;  // guards what follows; ClipWriter's is taken under it
  std::array<HeldCaps, kStreams> caps_;
  std::deque<MediaSample> ring_;  // begins with a key frame of the video, if it has any video
  std::size_t bytes_ = 0;
  std::unique_ptr<ClipWriter> writer_;
};

}  // namespace sta::monitor
