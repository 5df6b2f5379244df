// SPDX-License-Identifier: MIT
#include "monitor/config/section.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "monitor/config/units.h"

namespace sta::monitor {
namespace {

// Replaces ${NAME}. Returns the error, or an empty text. An error never repeats the value of a variable.
std::string expand(std::string &text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = text.find("${", at);
    if (begin == std::string::npos) {
      result += text.substr(at);
      break;
    }
    const std::size_t end = text.find('}', begin);
    if (end == std::string::npos) return "a \"${\" has no \"}\" behind it";
    const std::string name = text.substr(begin + 2, end - begin - 2);
    const char *value = std::getenv(name.c_str());
    if (!value) return "the environment variable " + name + " is not set; export it before sta-monitor starts";
    result += text.substr(at, begin - at) + value;
    at = end + 1;
  }
  text = result;
  return "";
}

}  // namespace

void Reading::fault(const YAML::Node &node, const std::string &what) {
  constexpr std::size_t kMost = 20, kLongest = 1000;
  if (errors.size() == kMost) errors.push_back(file + ": and more");
  if (errors.size() > kMost) return;
  if (what.size() > kLongest) return fault(node, what.substr(0, kLongest - 10) + "…");
  const YAML::Mark mark = node.IsDefined() ? node.Mark() : YAML::Mark::null_mark();
  errors.push_back(mark.is_null() ? file + ": " + what : file + ":" + std::to_string(mark.line + 1) + ": " + what);
}

// (A node of yaml-cpp is a reference, and assigning to it would change the tree. reset() makes it refer to something
// else.)
Section::Section(Reading &reading, const YAML::Node &node, std::string where, const YAML::Node &key) : reading_(reading), where_(std::move(where)) {
  if (node.IsDefined()) node_.reset(node);
  if (node.IsDefined()) place_.reset(node.IsNull() && !key.Mark().is_null() ? key : node);
  if (!node.IsDefined() || node_.IsNull()) {
    node_.reset(YAML::Node(YAML::NodeType::Map));
  } else if (!node_.IsMap()) {
    reading_.fault(node_, where_ + " should be a mapping (key: value)");
    node_.reset(YAML::Node(YAML::NodeType::Map));
  }
}

Section::~Section() {
  std::vector<std::string> seen;
  for (const auto &entry : node_) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) reading_.fault(entry.first, where_ + ": \"" + key + "\" is there twice");
    seen.push_back(key);
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    const std::string like = nearest(key, known_);
    std::string all;
    for (const std::string &name : known_) all += (all.empty() ? "" : ", ") + name;
    reading_.fault(entry.first, where_ + ": unknown key \"" + key + "\"; " + (like.empty() ? "known are " + all : "did you mean \"" + like + "\"?"));
  }
}

YAML::Node Section::node(const std::string &key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  const YAML::Node &fixed = node_;  // operator[] of a constant node adds nothing
  const YAML::Node value = fixed[key];
  // YAML's null means that the key is absent.
  return value.IsDefined() && value.IsNull() ? fixed[std::string()] : value;
}

void Section::fault(const std::string &key, const std::string &what) {
  const YAML::Node value = node(key);
  reading_.fault(value.IsDefined() ? value : place_, where_ + ": " + key + " " + what);
}

std::string Section::written(const std::string &key) {
  const YAML::Node value = node(key);
  return value.IsDefined() && value.IsScalar() ? value.Scalar() : "";
}

std::optional<std::string> Section::scalar(const YAML::Node &value, const std::string &key) {
  if (!value.IsScalar()) {
    reading_.fault(value, where_ + ": " + key + " should be a single value");
    return std::nullopt;
  }
  std::string text = value.Scalar();
  if (const std::string wrong = expand(text); !wrong.empty()) {
    reading_.fault(value, where_ + ": " + key + ": " + wrong);
    return std::nullopt;
  }
  return text;
}

std::optional<std::string> Section::text(const std::string &key) {
  const YAML::Node value = node(key);
  return value.IsDefined() ? scalar(value, key) : std::nullopt;
}

std::optional<bool> Section::boolean(const std::string &key) {
  const std::optional<std::string> value = text(key);
  if (!value) return std::nullopt;
  if (*value == "true" || *value == "yes" || *value == "on") return true;
  if (*value == "false" || *value == "no" || *value == "off") return false;
  fault(key, "should be true or false");
  return std::nullopt;
}

std::optional<int> Section::integer(const std::string &key, int least, int most) {
  const std::optional<std::string> value = text(key);
  if (!value) return std::nullopt;
  int number = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (error == std::errc() && end == value->data() + value->size() && number >= least && number <= most) return number;
  fault(key, "should be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return std::nullopt;
}

std::optional<double> Section::number(const std::string &key, int most) {
  const std::optional<std::string> value = text(key);
  if (!value) return std::nullopt;
  double parsed = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), parsed);
  if (error == std::errc() && end == value->data() + value->size() && parsed >= 0 && parsed <= most) return parsed;
  fault(key, "should be a number from 0 to " + std::to_string(most));
  return std::nullopt;
}

std::optional<Nanoseconds> Section::duration(const std::string &key) {
  const std::optional<std::string> value = text(key);
  if (!value) return std::nullopt;
  const std::optional<Nanoseconds> parsed = parseDuration(*value);
  if (!parsed) fault(key, "should be a duration with its unit, such as 250ms, 0.8s, 5min, 2h or 14d");
  return parsed;
}

std::optional<std::uint64_t> Section::size(const std::string &key) {
  const std::optional<std::string> value = text(key);
  if (!value) return std::nullopt;
  const std::optional<std::uint64_t> parsed = parseSize(*value);
  if (!parsed) fault(key, "should be a size with its unit, such as 500MB, 20GB or 4GiB");
  return parsed;
}

std::optional<std::vector<std::string>> Section::list(const std::string &key) {
  const YAML::Node value = node(key);
  if (!value.IsDefined()) return std::nullopt;
  std::vector<std::string> words;
  if (value.IsSequence()) {
    for (const YAML::Node &entry : value)
      if (const std::optional<std::string> word = scalar(entry, key)) words.push_back(*word);
  } else if (const std::optional<std::string> word = scalar(value, key)) {
    words.push_back(*word);
  }
  return words;
}

}  // namespace sta::monitor
