// SPDX-License-Identifier: MIT
// Reads lists of class names in the forms that people have. The property "labels", the command line and evaluations all
// use this reader, so a file means the same everywhere. The content decides the form, not the file's name:
//
//   one label a line   any line ends (Unix, Windows, old Mac); spaces around a label and empty lines at the end do not
//                      count
//   numbered lines     "0 steady", "1,pan-left", ...: the numbers are removed if they are 0..n-1 or 1..n in order, else
//                      they are part of the labels
//   a CSV table        with a header that names a column (name, label, class, ...), and maybe one of numbers (id,
//                      index, ...); quotes as usual
//   a JSON list        of names, or of objects with "name" or "label" and maybe "id"
//   a JSON object      {"0": "steady"} (id2label), {"steady": 0} (label2id), or a config.json that holds one of them
//
// The encoding is UTF-8, with or without byte order mark, or UTF-16 with one. A file is untrusted: it may have at most
// 16 MiB and a million labels.
#pragma once

#include <string>
#include <vector>

#include "result.h"

namespace sta {

struct LabelFile {
  std::vector<std::string> labels;  // in the order of the class numbers; UTF-8
  std::string form;                 // the form that was recognised: "one label a line", "a JSON list", ...
};

/// Errors: NOT_FOUND (no such file, or not a file), BAD_MODEL (wrong encoding, an empty line between labels, missing or
/// repeated numbers, no labels). The message names the file and the line.
Result<LabelFile> read_label_file(const std::string &path);

/// The same for the content of a file. `path` is for messages.
Result<LabelFile> parse_label_file(const std::string &content, const std::string &path);

}  // namespace sta
