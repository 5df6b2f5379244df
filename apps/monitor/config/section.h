// SPDX-License-Identifier: MIT
// One mapping of the YAML file while it is read. It hands out values by key, collects faults with their lines, and
// knows which keys nobody asked for.
#pragma once

#include <yaml-cpp/yaml.h>

#include <optional>
#include <string>
#include <vector>

#include "monitor/config/settings.h"

namespace sta::monitor {

// The state that all sections of one reading share.
struct Reading {
  std::string file;
  std::vector<std::string> errors;
  void fault(const YAML::Node &node, const std::string &what);
};

class Section {
 public:
  // `where` names the mapping for people: "camera gate". `key` is the key above it; its line is used if the mapping has
  // none. A node that is no mapping is a fault; an absent node is an empty mapping.
  Section(Reading &reading, const YAML::Node &node, std::string where, const YAML::Node &key = {});
  // Reports each key that nobody asked for as a fault, and names the nearest known key.
  ~Section();
  Section(const Section &) = delete;

  YAML::Node node(const std::string &key);  // undefined if absent
  bool has(const std::string &key) { return node(key).IsDefined(); }
  std::optional<std::string> text(const std::string &key);
  std::optional<bool> boolean(const std::string &key);
  std::optional<int> integer(const std::string &key, int least, int most);
  std::optional<double> fraction(const std::string &key) { return number(key, 1); }  // 0 to 1
  std::optional<double> number(const std::string &key, int most);                    // from 0 on
  std::optional<Nanoseconds> duration(const std::string &key);
  std::optional<std::uint64_t> size(const std::string &key);
  std::optional<std::vector<std::string>> list(const std::string &key);  // a list of words, or one word
  void fault(const std::string &key, const std::string &what);
  // The value as the file has it, with its ${NAME}. It is for errors, which never repeat the value of a variable.
  std::string written(const std::string &key);
  const std::string &where() const { return where_; }

 private:
  std::optional<std::string> scalar(const YAML::Node &value, const std::string &key);

  Reading &reading_;
  YAML::Node node_;
  YAML::Node place_;  // the place of faults of the whole mapping: like node_, but set even if that is empty
  std::string where_;
  std::vector<std::string> known_;
};

}  // namespace sta::monitor
