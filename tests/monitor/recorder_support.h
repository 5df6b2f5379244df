// SPDX-License-Identifier: MIT
// Makes real encoded streams like those of a camera, and reads what a player finds in a clip's file.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "monitor/camera/recorder.h"
#include "support.h"

namespace sta::monitor {

// A stream with its caps. Times are running times from 0, as a camera's pipeline gives them.
struct Encoded {
  HeldCaps caps;
  std::vector<MediaSample> samples;
};

// 30 frames a second with a key frame every `group`; `options` go to x264enc.
Encoded encodeVideo(int frames, int group, const std::string &size = "64x48", const std::string &options = "");
Encoded encodeSound(int milliseconds);

struct Played {
  std::vector<GstClockTime> times;  // running times of the frames
  int width = 0, height = 0;
  bool eos = false;
  std::string error;
};

// Plays the file: its pictures decoded, or its packets of sound.
Played play(const std::string &path, Stream stream = kVideo);

// Collects what a writer reports.
class Report {
 public:
  ClipWriter::Done done();
  bool wait(int milliseconds = 20'000);  // for the first report
  int calls() const;
  bool good() const;
  std::string why() const;

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    int calls = 0;
    bool good = false;
    std::string why;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

inline constexpr GstClockTime kFrame = GST_SECOND / 30;

}  // namespace sta::monitor
