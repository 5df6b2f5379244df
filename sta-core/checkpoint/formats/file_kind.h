// SPDX-License-Identifier: MIT
// What people give as a model that is none: pointer files instead of weights, models of other frameworks, archives, web
// pages, devices. Told by the first bytes, so that the answer is one sentence that names what it is and what to do, and
// not the complaint of a parser.
#pragma once

#include <optional>
#include <string>

#include "result.h"

namespace sta {

/// ok() if the path is a folder or a regular file that is none of the known foreign kinds. Opens nothing but regular
/// files, so it never waits for a FIFO. Errors: NOT_FOUND, BAD_MODEL (no file, a pointer, an archive, a web page),
/// UNSUPPORTED (another framework's model); the message names the path.
Status check_file_kind(const std::string &path);

/// For a folder without weights that can be read: what it holds instead ("an adapter ...", "an ONNX model ...");
/// nullopt if nothing is recognised.
std::optional<std::string> foreign_folder(const std::string &folder);

}  // namespace sta
