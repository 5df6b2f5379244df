// SPDX-License-Identifier: MIT
// Reading values of config.json and preprocessor_config.json. Each getter leaves the value as it is if the key is
// absent, and otherwise wants it right: an error names the file, the key, and what would be right.
#pragma once

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "result.h"
#include "window/sampling_grid.h"

namespace sta {

/// A JSON object of at most 64 MiB that is not nested deeply. Errors: NOT_FOUND, BAD_MODEL.
Result<nlohmann::json> read_json(const std::string &path);

/// A positive integer.
Status get_size(const nlohmann::json &root, const char *key, int &value, const std::string &path);
/// A list of `count` positive integers; 0: of one to eight.
Status get_sizes(const nlohmann::json &root, const char *key, size_t count, std::vector<int> &value, const std::string &path);
/// true or false.
Status get_bool(const nlohmann::json &root, const char *key, bool &value, const std::string &path);
/// A number above 0 and below `below`.
Status get_number(const nlohmann::json &root, const char *key, double below, double &value, const std::string &path);
/// A number from 0 to `most`.
Status get_share(const nlohmann::json &root, const char *key, double most, double &value, const std::string &path);
/// Three numbers of at least `least` and at most 1000: what lies beyond has no use, and would make infinities of
/// pixels.
Status get_triple(const nlohmann::json &root, const char *key, double least, std::array<float, 3> &value, const std::string &path);

/// [H, W] of "size": a number, {"height","width"}, {"shortest_edge"} or [H, W]. False if it is none of these.
bool read_size(const nlohmann::json &v, int &height, int &width);
/// Seconds as "2/15" or a number, 1 ms to 1 h like the property, to nanoseconds as a fraction. False if it is neither.
bool read_spacing(const nlohmann::json &v, Spacing &spacing);

}  // namespace sta
