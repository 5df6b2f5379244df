// SPDX-License-Identifier: MIT
// Pictures that make a video: files such as frames/0001.png, frames/0002.png, ..., which are named by one pattern,
// frames/%04d.png.
#pragma once

#include <string>

namespace cli {

/// Whether a name is a pattern: its last part holds one %d or %0Nd (N from 1 to 9) and no other %. A file or URI of
/// that very name goes first.
bool is_sequence(const std::string &name);

struct PictureSequence {
  std::string pattern;     // of printf(), for the folder's name too
  const char *media_type;  // of its pictures
  int first, last;         // their numbers; none between them is missing
};

/// Looks into the folder. Throws RunError: another kind of pictures, no such picture, a number that is missing.
PictureSequence find_sequence(const std::string &pattern);

/// The pattern that a picture is part of, frames/%04d.png of frames/0012.png; "" if it is none of several numbered
/// pictures.
std::string sequence_around(const std::string &picture);

}  // namespace cli
