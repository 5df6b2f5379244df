// SPDX-License-Identifier: MIT
// Parses the JSON of model files, which is untrusted. The parser accepts any depth. But copying, comparing and printing
// its result is recursive and runs out of stack on deep values. So this refuses text that is nested too deeply before
// it is parsed.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>

namespace sta {

/// Whether more than `limit` brackets of the text are open at once. Brackets in strings do not count.
bool json_too_deep(const char *text, size_t size, int limit);

/// Returns a discarded value if the text is not JSON or is nested deeper than `limit`. Does not throw.
nlohmann::json parse_json(const char *text, size_t size, int limit);

}  // namespace sta
