// SPDX-License-Identifier: MIT
// Lists of class names as people have them. One reader for the property "labels", the command line and evaluations, so
// that a file means the same everywhere. The form is told by the content, not by the file's name:
//
//   one label a line   any line ends (Unix, Windows, old Mac); spaces around a label and empty lines at the end do not
//                      count
//   numbered lines     "0 steady", "1,pan-left", ...: the numbers go if they are 0..n-1 or 1..n in order, else they are
//                      part of the labels
//   a CSV table        with a header that names a column (name, label, class, ...), and maybe one of numbers (id,
//                      index, ...); quotes as usual
//   a JSON list        of names, or of objects with "name" or "label" and maybe "id"
//   a JSON object      {"0": "steady"} (id2label), {"steady": 0} (label2id), or a config.json that holds one of them
//
// UTF-8, with or without byte order mark, and UTF-16 with one. A file is untrusted: at most 16 MiB and a million
// labels.
#pragma once

#include <string>
#include <vector>

#include "result.h"

namespace sta {

struct LabelFile {
  std::vector<std::string> labels;  // in the order of the class numbers; UTF-8
  std::string form;                 // what the file was taken for: "one label a line", "a JSON list", ...
};

/// Errors: NOT_FOUND (no such file, or not a file), BAD_MODEL (encoding, an empty line between labels, numbers that are
/// not each once, no labels); the message names the file and the line.
Result<LabelFile> read_label_file(const std::string &path);

/// The same of a file's content; `path` is for messages.
Result<LabelFile> parse_label_file(const std::string &content, const std::string &path);

}  // namespace sta
