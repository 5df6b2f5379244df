// SPDX-License-Identifier: MIT
// Values with units, as people write them: 0.8s, 14d, 20GB. A number without a unit is refused, because its meaning is
// unknown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "monitor/config/settings.h"

namespace sta::monitor {

// Reads "250ms", "0.8s", "5min", "2h", "14d"; "0" needs no unit. Returns nothing for any other text, and for a duration
// that is too long.
std::optional<Nanoseconds> parseDuration(std::string_view text);
// Reads "500MB" (10^6), "20GB", "4GiB" (2^30), "1TB".
std::optional<std::uint64_t> parseSize(std::string_view text);
// The word of `known` that is most similar to `word`; empty if none is near.
std::string nearest(std::string_view word, const std::vector<std::string> &known);

}  // namespace sta::monitor
