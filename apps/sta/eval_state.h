// SPDX-License-Identifier: MIT
// The file with which an interrupted evaluation can go on. It has JSON lines: first the settings, then one for each
// finished video, written as soon as the video is finished. A line that was cut off by a power failure is ignored. A
// video that could not be read is tried again.
#pragma once

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "eval_score.h"

namespace cli {

nlohmann::ordered_json to_json(const VideoResult &result);
/// Throws nlohmann::json::exception for JSON that to_json would not write.
VideoResult result_of(const nlohmann::ordered_json &json);

class EvalState {
 public:
  /// path "": nothing is kept. Otherwise creates the file, or takes up its results. Throws RunError if the results are
  /// those of another evaluation (the error names the setting that differs), or if another process is writing the file.
  EvalState(const std::string &path, const nlohmann::ordered_json &settings);
  ~EvalState();
  EvalState(const EvalState &) = delete;
  EvalState &operator=(const EvalState &) = delete;

  /// The videos that were classified before, by index in the list.
  const std::map<int, VideoResult> &finished() const { return finished_; }
  /// Throws RunError if it cannot be written.
  void append(const VideoResult &result);

 private:
  void take_up(const nlohmann::ordered_json &settings);
  void write(const nlohmann::ordered_json &line);

  std::string path_;
  std::FILE *file_ = nullptr;
  std::map<int, VideoResult> finished_;
};

}  // namespace cli
