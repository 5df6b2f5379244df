// SPDX-License-Identifier: MIT
// What is to be evaluated: annotation files in the formats in which data sets are published, or a folder with one
// sub-folder a class.
#pragma once

#include <string>
#include <vector>

namespace cli {

struct EvalVideo {
  std::string path;  // the file, or where it was expected if there is none
  int label = 0;     // number of the true class
};

struct EvalList {
  std::string format;  // "kinetics-csv", "ssv2-json", "paths", "folders"
  std::vector<EvalVideo> videos;
};

struct ListRules {
  std::string root;                     // folder of the videos; "": that of the list
  std::vector<std::string> labels;      // of the scored classes, by number
  std::vector<std::string> list_names;  // what the numbers of names in LIST are, if not as in `labels`; then they are numbers of scored classes
};

/// LIST is one of
///   a Kinetics CSV with a header that names the columns label, youtube_id, time_start, time_end; the files are found
///   below the root by the name
///     ID_000010_000020 (six digits), ID_10_20 or ID, in any sub-folder, with any extension of a video;
///   a Something-Something JSON list of objects with id and template (or label); the files are found by id;
///   lines "PATH NUMBER", separated by space, tab or comma, as VideoMAE's and mmaction2's lists: PATH below the root,
///   else by its name; a folder with one sub-folder for each class, named after it.
/// Throws RunError that names the line and what would be right. A video that does not exist is no error here.
EvalList read_eval_list(const std::string &list, const ListRules &rules);

/// Whether a file name ends like a video's.
bool is_video_name(const std::string &name);

/// One record of comma-separated values, "quoted" fields with "" for a quote inside.
std::vector<std::string> split_csv(const std::string &line);

}  // namespace cli
