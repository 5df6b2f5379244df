// SPDX-License-Identifier: MIT
// The file that lets an interrupted evaluation go on: JSON lines, the first the settings, then one for each finished
// video, written as it is finished. A line that was being written when the power went is ignored; a video that could
// not be read is tried again.
#pragma once

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "eval_score.h"

namespace cli {

nlohmann::ordered_json to_json(const VideoResult &result);
/// Throws nlohmann::json::exception for what to_json would not write.
VideoResult result_of(const nlohmann::ordered_json &json);

class EvalState {
 public:
  /// path "": nothing is kept. Else the file is created, or its results are taken up. Throws RunError that names the
  /// setting that differs if they are those of another evaluation, or if another process is writing it.
  EvalState(const std::string &path, const nlohmann::ordered_json &settings);
  ~EvalState();
  EvalState(const EvalState &) = delete;
  EvalState &operator=(const EvalState &) = delete;

  /// What was classified before, by index in the list.
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
