// SPDX-License-Identifier: MIT
// Recognises files that people give as a model although they are none: pointer files instead of weights, models of
// other frameworks, archives, web pages, devices. The first bytes tell the kind. So the user gets one sentence that
// names the kind and says what to do, not a parser's complaint.
#pragma once

#include <optional>
#include <string>

#include "result.h"

namespace sta {

/// ok() if the path is a folder, or a regular file of none of the known foreign kinds. It opens regular files only, so
/// it never waits for a FIFO. Errors: NOT_FOUND, BAD_MODEL (no file, a pointer, an archive, a web page), UNSUPPORTED
/// (another framework's model); the message names the path.
Status check_file_kind(const std::string &path);

/// For a folder without readable weights: says what the folder holds instead ("an adapter ...", "an ONNX model ...").
/// nullopt if it recognises nothing.
std::optional<std::string> foreign_folder(const std::string &folder);

}  // namespace sta
