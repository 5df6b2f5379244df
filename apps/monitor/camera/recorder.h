// SPDX-License-Identifier: MIT
// Keeps the last seconds of a camera in memory, as the camera sent them, and writes the clip from them. So a clip can
// begin before its event was known.
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
  // Keeps `before` (rounded up to whole groups of pictures) in memory, at most kMostBytes.
  explicit Recorder(GstClockTime before) : before_(before) {}

  // Called by streaming threads. New caps end the clip that is being written: one file has one format.
  void setCaps(Stream stream, GstCaps *caps);
  void push(MediaSample sample);

  // Called by the main loop. Writes from the key frame at or before `from` (a time of samples) on, or else from the
  // oldest one. false: there is no picture yet.
  bool start(const std::string &path, GstClockTime from, ClipWriter::Done done);
  void finish();
  bool writing() const;
  // Forgets the samples in memory: the camera starts anew, and so do running times. Ends a clip that is being written.
  void reset();

 private:
  static void close(std::unique_ptr<ClipWriter> writer);
  void trim();  // the caller holds mutex_

  static constexpr std::size_t kMostBytes = 96 << 20;
  const GstClockTime before_;
  mutable std::mutex mutex_;  // guards the members below; ClipWriter's mutex is taken under it
  std::array<HeldCaps, kStreams> caps_;
  std::deque<MediaSample> ring_;  // begins with a key frame of the video, if it is not empty
  std::size_t bytes_ = 0;
  std::unique_ptr<ClipWriter> writer_;
};

}  // namespace sta::monitor
