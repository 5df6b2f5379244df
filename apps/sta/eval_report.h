// SPDX-License-Identifier: MIT
// The output of `sta eval`: progress while it works, tables and a JSON file at the end.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval_score.h"

namespace cli {

/// Accuracy at one threshold of stillness and one drop number.
struct EvalPoint {
  double still_threshold = 0;
  int drop_number = 0;
  double tokens = 0, gmacs = 0;  // of one view, in the mean
  Tally tally;
};

struct EvalReport {
  std::string model, device;        // for people
  nlohmann::ordered_json settings;  // as in the state file
  std::vector<std::string> labels;  // of the scored classes
  std::vector<EvalPoint> points;    // one for each threshold and drop number
  std::vector<VideoResult> videos;  // of the whole list, in its order
  size_t taken_up = 0;              // how many of them come from the state file
  double seconds = 0;               // of this run, from the first video to the last
  std::vector<VideoResult> broken() const;
};

/// Adds the verdicts of the videos to the points' tallies, and takes the means of what they took.
void tally(EvalReport &report);

/// Prints the tables for people to stdout. The last line says how many videos there were, and how many of them could
/// not be read.
void print_report(const EvalReport &report);

/// Writes everything, including each video, into a file. Throws RunError if that fails.
void write_report(const EvalReport &report, const std::string &path);

/// Shows the progress on stderr: on a terminal one line that is overwritten, in a log one line a minute.
class EvalProgress {
 public:
  EvalProgress(size_t videos, size_t done);
  ~EvalProgress();
  /// A video is finished. top1: of the first drop number so far.
  void video(int views, double top1);
  /// Prints a line that stays.
  void note(const std::string &line);

 private:
  using Clock = std::chrono::steady_clock;
  void clear();
  const bool terminal_;
  const size_t videos_, before_;
  size_t done_;
  int64_t views_ = 0;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point shown_;
};

}  // namespace cli
