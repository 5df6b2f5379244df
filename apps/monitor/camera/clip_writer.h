// SPDX-License-Identifier: MIT
// Writes one clip: a thread of its own that feeds a small muxing pipeline, so that a slow or full disk stops neither
// the camera nor the main loop. The file is a fragmented MP4 with a fragment a second: whatever happens, what was
// written plays.
#pragma once

#include <array>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "monitor/camera/media_sample.h"

namespace sta::monitor {

class ClipWriter {
 public:
  // `done` is called once, from the writer's thread; good: the file is complete.
  using Done = std::function<void(bool good, const std::string &why)>;
  ClipWriter(std::string path, std::array<HeldCaps, kStreams> caps, Done done);
  ~ClipWriter();  // finishes, and waits for the file
  ClipWriter(const ClipWriter &) = delete;

  // Any thread; never blocks. The first video sample has to be a key frame.
  void push(MediaSample sample);
  void finish();

 private:
  void run();
  bool feed(struct ClipMuxer &muxer, const MediaSample &sample);

  const std::string path_;
  const std::array<HeldCaps, kStreams> caps_;
  const Done done_;
  std::mutex mutex_;  // guards what follows; nothing else is locked under it
  std::condition_variable changed_;
  std::deque<MediaSample> samples_;
  std::size_t bytes_ = 0;
  bool finished_ = false, overrun_ = false;
  GstClockTime origin_ = GST_CLOCK_TIME_NONE;  // of the writer's thread
  std::thread thread_;
};

}  // namespace sta::monitor
