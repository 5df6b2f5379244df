// SPDX-License-Identifier: MIT
// Writes one clip. A thread of its own feeds a small muxing pipeline, so a slow or full disk stops neither the camera
// nor the main loop. The file is a fragmented MP4 with one fragment a second: whatever happens, the part that was
// written can be played.
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

struct ClipMuxer;

class ClipWriter {
 public:
  // `done` is called once, from the writer's thread. good: the file is complete.
  using Done = std::function<void(bool good, const std::string &why)>;
  ClipWriter(std::string path, std::array<HeldCaps, kStreams> caps, Done done);
  ~ClipWriter();  // finishes, and waits until the file is closed
  ClipWriter(const ClipWriter &) = delete;

  // Any thread; never blocks. The first video sample has to be a key frame.
  void push(MediaSample sample);
  void finish();

 private:
  void run();
  bool feed(ClipMuxer &muxer, const MediaSample &sample);
  // False: the pipeline has failed, the disk hangs, or too much waits for it.
  bool waitForRoom(const ClipMuxer &muxer, int stream);

  const std::string path_;
  const std::array<HeldCaps, kStreams> caps_;
  const Done done_;
  std::mutex mutex_;  // guards the members below; no other lock is taken under it
  std::condition_variable changed_;
  std::deque<MediaSample> samples_;
  std::size_t bytes_ = 0;
  bool finished_ = false, overrun_ = false;
  GstClockTime origin_ = GST_CLOCK_TIME_NONE;  // used by the writer's thread only
  std::thread thread_;
};

}  // namespace sta::monitor
