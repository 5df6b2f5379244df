// SPDX-License-Identifier: MIT
// See eval_labels.h.
#include "eval_labels.h"

#include <cctype>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "options.h"

namespace cli {
namespace {

// Kinetics-400 class -> its name in Kinetics-600, -700 and -710, where that differs.
constexpr std::pair<const char *, const char *> kRenamed[] = {
    {"balloon blowing", "inflating balloons"},
    {"changing wheel", "changing wheel (not on bike)"},
    {"cooking sausages", "cooking sausages (not on barbeque)"},
    {"drinking", "sipping cup"},
    {"dying hair", "dyeing hair"},
    {"garbage collecting", "person collecting garbage"},
    {"hugging", "hugging (not baby)"},
    {"making bed", "making the bed"},
    {"opening bottle", "opening bottle (not wine)"},
    {"picking fruit", "picking apples"},
    {"skiing (not slalom or crosscountry)", "skiing mono"},
    {"sniffing", "smelling feet"},
    {"tying tie", "tying necktie"},
};

std::vector<std::string> labels_of_json(const std::string &path, const nlohmann::json &json) {
  std::vector<std::string> labels;
  if (json.is_array()) {
    for (const auto &name : json) {
      if (!name.is_string()) throw RunError(path + ": should be a list of names, or an object of names and numbers");
      labels.push_back(name.get<std::string>());
    }
    return labels;
  }
  if (!json.is_object()) throw RunError(path + ": should be a list of names, or an object of names and numbers");
  labels.resize(json.size());
  std::vector<bool> taken(json.size());
  for (const auto &[name, value] : json.items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    char *end = nullptr;
    const long number = std::strtol(text.c_str(), &end, 10);
    if (text.empty() || *end != 0 || number < 0 || static_cast<size_t>(number) >= labels.size() || taken[static_cast<size_t>(number)])
      throw RunError(path + ": the number of \"" + name + "\" is " + text + ", but its " + std::to_string(labels.size()) +
                     " classes should be numbered from 0, each once");
    labels[static_cast<size_t>(number)] = name;
    taken[static_cast<size_t>(number)] = true;
  }
  return labels;
}

}  // namespace

std::string plain_name(const std::string &name) {
  std::string plain;
  for (const char c : name) {
    if (c == '[' || c == ']' || c == '\r') continue;
    const bool space = c == '_' || c == ' ' || c == '\t';
    if (space && (plain.empty() || plain.back() == ' ')) continue;
    plain += space ? ' ' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  while (!plain.empty() && plain.back() == ' ') plain.pop_back();
  return plain;
}

LabelIndex::LabelIndex(const std::vector<std::string> &labels) {
  for (size_t i = 0; i < labels.size(); ++i) numbers_.emplace(plain_name(labels[i]), static_cast<int>(i));
}

std::optional<int> LabelIndex::find(const std::string &name) const {
  const std::string plain = plain_name(name);
  if (const auto it = numbers_.find(plain); it != numbers_.end()) return it->second;
  for (const auto &[old_name, new_name] : kRenamed)
    if (plain == old_name || plain == new_name)
      if (const auto it = numbers_.find(plain == old_name ? new_name : old_name); it != numbers_.end()) return it->second;
  return std::nullopt;
}

std::vector<int> select_classes(const std::vector<std::string> &model_labels, const std::vector<std::string> &scored) {
  const LabelIndex index(model_labels);
  std::vector<int> classes;
  std::vector<int> taken_by(model_labels.size(), -1);
  for (size_t i = 0; i < scored.size(); ++i) {
    const auto number = index.find(scored[i]);
    if (!number) throw RunError("the model has no class \"" + scored[i] + "\" to score: --classes should name classes of the model");
    int &other = taken_by[static_cast<size_t>(*number)];
    if (other >= 0)
      throw RunError("\"" + scored[static_cast<size_t>(other)] + "\" and \"" + scored[i] + "\" of --classes are one class of the model");
    other = static_cast<int>(i);
    classes.push_back(*number);
  }
  if (classes.size() < 2) throw RunError("--classes should hold at least two classes");
  return classes;
}

std::optional<std::vector<std::string>> named_labels(const std::string &name) {
  for (const auto &[known, count] : {std::pair{"k400", 400}, {"k600", 600}, {"k700", 700}, {"k710", 710}, {"ssv2", 174}}) {
    if (name != known) continue;
    std::vector<std::string> labels;
    for (int i = 0; i < count; ++i) labels.emplace_back(sta_builtin_label(count, i));
    return labels;
  }
  return std::nullopt;
}

std::vector<std::string> read_label_file(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw RunError(path + ": no such file");
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const size_t first = text.find_first_not_of(" \t\r\n");
  std::vector<std::string> labels;
  if (first != std::string::npos && (text[first] == '{' || (text[first] == '[' && path.ends_with(".json")))) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (json.is_discarded()) throw RunError(path + ": is not valid JSON");
    labels = labels_of_json(path, json);
  } else {
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      std::string line = text.substr(at, end - at);
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (!line.empty()) labels.push_back(line);
      at = end + 1;
    }
  }
  if (labels.empty()) throw RunError(path + ": holds no labels");
  return labels;
}

}  // namespace cli
