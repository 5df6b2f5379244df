// SPDX-License-Identifier: MIT
// The names of Python functions and classes that a pickle mentions: which of them no checkpoint needs and every attack
// does.
#pragma once

#include <string>
#include <string_view>

namespace sta::pickle {

/// Whether "module.name" runs what it is given, or reaches the system.
bool is_dangerous(std::string_view global);

/// At most 100 bytes of a name from the file, without control characters: it goes to a terminal.
std::string printable(std::string_view text);

}  // namespace sta::pickle
