// SPDX-License-Identifier: MIT
// See config_json.h.
#include "checkpoint/config_json.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <sstream>

namespace sta {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uintmax_t kMaxJsonFile = 64u << 20;

Error bad(const std::string &what) { return {STA_ERROR_BAD_MODEL, what}; }

}  // namespace

Result<json> read_json(const std::string &path) {
  std::error_code ec;
  if (!fs::is_regular_file(path, ec)) return Error{STA_ERROR_NOT_FOUND, path + ": no such file"};
  if (fs::file_size(path, ec) > kMaxJsonFile) return bad(path + ": too large for a configuration file");
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  json root = json::parse(text.str(), nullptr, /*allow_exceptions=*/false);
  if (root.is_discarded() || !root.is_object()) return bad(path + ": not a JSON object");
  return root;
}

Status get_size(const json &root, const char *key, int &value, const std::string &path) {
  if (!root.contains(key)) return ok();
  const json &v = root[key];
  if (!v.is_number_integer() || v.get<int64_t>() < 1 || v.get<int64_t>() > 1'000'000) return bad(path + ": " + key + " should be a positive integer");
  value = v.get<int>();
  return ok();
}

Status get_number(const json &root, const char *key, double &value, const std::string &path) {
  if (!root.contains(key)) return ok();
  if (!root[key].is_number() || !(root[key].get<double>() > 0)) return bad(path + ": " + key + " should be a positive number");
  value = root[key].get<double>();
  return ok();
}

Status get_triple(const json &root, const char *key, std::array<float, 3> &value, const std::string &path) {
  if (!root.contains(key)) return ok();
  const json &v = root[key];
  if (!v.is_array() || v.size() != 3 || !std::all_of(v.begin(), v.end(), [](const json &x) { return x.is_number(); }))
    return bad(path + ": " + key + " should be three numbers");
  for (int i = 0; i < 3; ++i) value[i] = v[i].get<float>();
  return ok();
}

bool read_size(const json &v, int &height, int &width) {
  if (v.is_number_integer()) {
    height = width = v.get<int>();
  } else if (v.is_array() && v.size() == 2 && v[0].is_number_integer() && v[1].is_number_integer()) {
    height = v[0].get<int>();
    width = v[1].get<int>();
  } else if (v.is_object() && v.contains("shortest_edge") && v["shortest_edge"].is_number_integer()) {
    height = width = v["shortest_edge"].get<int>();
  } else if (v.is_object() && v.contains("height") && v.contains("width") && v["height"].is_number_integer() && v["width"].is_number_integer()) {
    height = v["height"].get<int>();
    width = v["width"].get<int>();
  } else {
    return false;
  }
  return height >= 1 && height <= 4096 && width >= 1 && width <= 4096;
}

bool read_spacing(const json &v, Spacing &spacing) {
  int64_t num = 0, den = 1;
  if (v.is_string()) {
    const std::string text = v.get<std::string>();
    int used = 0;
    if (std::sscanf(text.c_str(), "%ld/%ld%n", &num, &den, &used) != 2 || used != static_cast<int>(text.size())) return false;
    if (num < 1 || den < 1 || num > 3600 * den || num > 1'000'000 || den > 1'000'000) return false;
    num *= 1'000'000'000;
  } else if (v.is_number() && v.get<double>() >= 1e-4 && v.get<double>() <= 3600) {
    num = static_cast<int64_t>(v.get<double>() * 1e9 + 0.5);
  } else {
    return false;
  }
  const int64_t common = std::gcd(num, den);
  spacing = {num / common, den / common};
  return true;
}

Status get_sizes(const json &root, const char *key, size_t count, std::vector<int> &value, const std::string &path) {
  if (!root.contains(key)) return ok();
  const json &v = root[key];
  const bool good =
      v.is_array() && !v.empty() && v.size() <= 8 && (count == 0 || v.size() == count) &&
      std::all_of(v.begin(), v.end(), [](const json &x) { return x.is_number_integer() && x.get<int64_t>() >= 1 && x.get<int64_t>() <= 1'000'000; });
  if (!good) return bad(path + ": " + key + " should be " + (count ? std::to_string(count) : "up to 8") + " positive integers");
  value = v.get<std::vector<int>>();
  return ok();
}

}  // namespace sta
