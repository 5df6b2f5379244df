// SPDX-License-Identifier: MIT
// JSON of model files, which is untrusted: the parser itself takes any depth, but copying, comparing and printing what
// it made do not, they call themselves for each level and run out of stack. So text that is nested deeper than any such
// file has a reason to be is refused before it is parsed.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>

namespace sta {

/// Whether the text has more than `limit` brackets open at once. Brackets in strings do not count.
bool json_too_deep(const char *text, size_t size, int limit);

/// A discarded value if the text is no JSON, or is nested deeper than `limit`. Does not throw.
nlohmann::json parse_json(const char *text, size_t size, int limit);

}  // namespace sta
