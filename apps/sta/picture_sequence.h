// SPDX-License-Identifier: MIT
// Pictures that together make a video: files such as frames/0001.png, frames/0002.png, ..., which one pattern names,
// frames/%04d.png.
#pragma once

#include <string>

namespace cli {

/// Whether a name is a pattern: its last part holds one %d or %0Nd (N from 1 to 9) and no other %. If a file or URI has
/// exactly that name, it is no pattern.
bool is_sequence(const std::string &name);

struct PictureSequence {
  std::string pattern;     // for printf(), also in the folder's name
  const char *media_type;  // of the pictures
  int first, last;         // their numbers; none between them is missing
};

/// Looks into the folder. Throws RunError if the pictures are of another kind, if there are none, or if a number is
/// missing.
PictureSequence find_sequence(const std::string &pattern);

/// The pattern of the sequence that a picture belongs to, such as frames/%04d.png for frames/0012.png. Returns "" if
/// the picture is not one of several numbered ones.
std::string sequence_around(const std::string &picture);

}  // namespace cli
