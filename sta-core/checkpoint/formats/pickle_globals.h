// SPDX-License-Identifier: MIT
// Checks the names of Python functions and classes that a pickle mentions. Some names are in no checkpoint but in every
// attack.
#pragma once

#include <string>
#include <string_view>

namespace sta::pickle {

/// Whether "module.name" executes its argument as code, or gives access to the system.
bool is_dangerous(std::string_view global);

/// At most 100 bytes of a name from the file, without control characters, because messages go to a terminal.
std::string printable(std::string_view text);

}  // namespace sta::pickle
