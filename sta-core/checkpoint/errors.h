// SPDX-License-Identifier: MIT
// The two ways in which a model file can be wrong, said shortly because reading one says them on every other line.
#pragma once

#include <string>

#include "result.h"

namespace sta {

/// The file contradicts itself or its format: BAD_MODEL. what: one sentence that names the file or tensor, and what
/// would be right.
inline Error bad(const std::string &what) { return {STA_ERROR_BAD_MODEL, what}; }
/// The file is well formed, but a variant that this library does not implement: UNSUPPORTED.
inline Error unsupported(const std::string &what) { return {STA_ERROR_UNSUPPORTED, what}; }

}  // namespace sta
