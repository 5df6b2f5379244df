// SPDX-License-Identifier: MIT
// See config_json.h.
#include "checkpoint/config_json.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <sstream>

#include "checkpoint/errors.h"
#include "checkpoint/formats/json_text.h"

namespace sta {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uintmax_t kMaxJsonFile = 64u << 20;
constexpr int kMaxJsonDepth = 32;

}  // namespace

Result<json> read_json(const std::string &path) {
  std::error_code ec;
  if (!fs::is_regular_file(path, ec)) return Error{STA_ERROR_NOT_FOUND, path + ": no such file"};
  if (fs::file_size(path, ec) > kMaxJsonFile) return bad(path + ": too large for a configuration file");
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  const std::string all_text = std::move(text).str();
  if (json_too_deep(all_text.data(), all_text.size(), kMaxJsonDepth)) return bad(path + ": nested too deeply for a configuration file");
  json root = parse_json(all_text.data(), all_text.size(), kMaxJsonDepth);
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

Status get_bool(const json &root, const char *key, bool &value, const std::string &path) {
  if (!root.contains(key)) return ok();
  if (!root[key].is_boolean()) return bad(path + ": " + key + " should be true or false");
  value = root[key].get<bool>();
  return ok();
}

Status get_number(const json &root, const char *key, double below, double &value, const std::string &path) {
  if (!root.contains(key)) return ok();
  if (!root[key].is_number() || !(root[key].get<double>() > 0 && root[key].get<double>() < below)) {
    std::ostringstream limit;
    limit << below;
    return bad(path + ": " + key + " should be a number above 0 and below " + limit.str());
  }
  value = root[key].get<double>();
  return ok();
}

Status get_share(const json &root, const char *key, double most, double &value, const std::string &path) {
  if (!root.contains(key)) return ok();
  if (!root[key].is_number() || !(root[key].get<double>() >= 0 && root[key].get<double>() <= most)) {
    std::ostringstream limit;
    limit << most;
    return bad(path + ": " + key + " should be a number from 0 to " + limit.str());
  }
  value = root[key].get<double>();
  return ok();
}

Status get_triple(const json &root, const char *key, double least, std::array<float, 3> &value, const std::string &path) {
  if (!root.contains(key)) return ok();
  const json &v = root[key];
  const auto fits = [&](const json &x) { return x.is_number() && x.get<double>() >= least && x.get<double>() <= 1000; };
  if (!v.is_array() || v.size() != 3 || !std::all_of(v.begin(), v.end(), fits)) {
    std::ostringstream range;
    range << least << " to 1000";
    return bad(path + ": " + key + " should be three numbers within " + range.str());
  }
  for (int i = 0; i < 3; ++i) value[i] = v[i].get<float>();
  return ok();
}

bool read_size(const json &v, int &height, int &width) {
  const json *h = nullptr, *w = nullptr;
  if (v.is_number()) {
    h = w = &v;
  } else if (v.is_array() && v.size() == 2) {
    h = &v[0];
    w = &v[1];
  } else if (v.is_object() && v.contains("shortest_edge")) {
    h = w = &v["shortest_edge"];
  } else if (v.is_object() && v.contains("height") && v.contains("width")) {
    h = &v["height"];
    w = &v["width"];
  } else {
    return false;
  }
  for (const json *side : {h, w})
    if (!side->is_number_unsigned() || side->get<uint64_t>() < 1 || side->get<uint64_t>() > 4096) return false;
  height = h->get<int>();
  width = w->get<int>();
  return true;
}

bool read_spacing(const json &v, Spacing &spacing) {
  int64_t num = 0, den = 1;
  if (v.is_string()) {
    const std::string text = v.get<std::string>();
    int used = 0;
    if (std::sscanf(text.c_str(), "%ld/%ld%n", &num, &den, &used) != 2 || used != static_cast<int>(text.size())) return false;
    if (num < 1 || den < 1 || num > 1'000'000 || den > 1'000'000 || num > 3600 * den || 1000 * num < den) return false;
    num *= 1'000'000'000;
  } else if (v.is_number() && v.get<double>() >= 1e-3 && v.get<double>() <= 3600) {
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
