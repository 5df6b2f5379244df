// SPDX-License-Identifier: MIT
// Reads values of config.json and preprocessor_config.json. If the key is absent, a getter leaves the value as it is.
// If the key is there, its value must be right: an error names the file, the key and the values that are allowed.
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
/// A list of `count` positive integers. count 0: one to eight of them.
Status get_sizes(const nlohmann::json &root, const char *key, size_t count, std::vector<int> &value, const std::string &path);
/// true or false.
Status get_bool(const nlohmann::json &root, const char *key, bool &value, const std::string &path);
/// A number above 0 and below `below`.
Status get_number(const nlohmann::json &root, const char *key, double below, double &value, const std::string &path);
/// A number from 0 to `most`.
Status get_share(const nlohmann::json &root, const char *key, double most, double &value, const std::string &path);
/// Three numbers from `least` to 1000. Larger numbers have no use and would turn pixels into infinities.
Status get_triple(const nlohmann::json &root, const char *key, double least, std::array<float, 3> &value, const std::string &path);

/// Height and width from "size", which is a number, {"height","width"}, {"shortest_edge"} or [H, W]. False if it is
/// none of these.
bool read_size(const nlohmann::json &v, int &height, int &width);
/// Reads seconds, given as "2/15" or as a number, and returns nanoseconds as a fraction. The range is 1 ms to 1 h, as
/// for the property. False if the value does not fit.
bool read_spacing(const nlohmann::json &v, Spacing &spacing);

}  // namespace sta
