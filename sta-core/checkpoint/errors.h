// SPDX-License-Identifier: MIT
// Short names for the two kinds of error that a model file can have. Code that reads model files uses them on every
// other line.
#pragma once

#include <string>

#include "result.h"

namespace sta {

/// BAD_MODEL: the file contradicts itself or its format. what: one sentence that names the file or tensor and says what
/// would be right.
inline Error bad(const std::string &what) { return {STA_ERROR_BAD_MODEL, what}; }
/// UNSUPPORTED: the file is well formed, but is a variant that this library does not implement.
inline Error unsupported(const std::string &what) { return {STA_ERROR_UNSUPPORTED, what}; }

}  // namespace sta
