// SPDX-License-Identifier: MIT
// Reads the list of videos to evaluate: an annotation file in one of the formats in which data sets are published, or a
// folder with one sub-folder for each class.
#pragma once

#include <string>
#include <vector>

namespace cli {

struct EvalVideo {
  std::string path;  // the file, or where it should be if it is missing
  int label = 0;     // number of the true class
};

struct EvalList {
  std::string format;  // "kinetics-csv", "ssv2-json", "paths", "folders"
  std::vector<EvalVideo> videos;
};

struct ListRules {
  std::string root;                     // folder of the videos; "": the list's folder
  std::vector<std::string> labels;      // of the scored classes, by number
  std::vector<std::string> list_names;  // class names as LIST has them, by number of the scored class; empty: `labels`
};

/// LIST is one of
///   a Kinetics CSV     Its header names the columns label, youtube_id, time_start, time_end. The files are found below
///                      the root by the name ID_000010_000020 (six digits), ID_10_20 or ID, in any sub-folder, with any
///                      extension of a video.
///   an SSv2 JSON       Something-Something's list of objects with id and template (or label). The files are found by
///                      id.
///   lines PATH NUMBER  Separated by space, tab or comma, like the lists of VideoMAE and mmaction2. PATH is below the
///                      root; if there is no such file, it is found by its name.
///   a folder           It has one sub-folder for each class, named after the class.
/// Throws RunError that names the line and says what would be right. A video that does not exist is no error here.
EvalList read_eval_list(const std::string &list, const ListRules &rules);

/// Whether a file name ends like the name of a video.
bool is_video_name(const std::string &name);

/// One record of comma-separated values; fields may be "quoted", with "" for a quote inside.
std::vector<std::string> split_csv(const std::string &line);

}  // namespace cli
