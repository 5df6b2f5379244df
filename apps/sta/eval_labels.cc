// SPDX-License-Identifier: MIT
// See eval_labels.h.
#include "eval_labels.h"

#include <cctype>
#include <memory>
#include <utility>

#include "options.h"

namespace cli {
namespace {

// Kinetics-400 class -> its name in Kinetics-600, -700 and -710, where that name differs.
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
  sta_labels *read = nullptr;
  sta_error err;
  if (sta_labels_read(path.c_str(), &read, &err) != STA_OK) throw RunError(err.message);
  const std::unique_ptr<sta_labels, decltype(&sta_labels_free)> owner(read, &sta_labels_free);
  std::vector<std::string> labels;
  for (int32_t i = 0; i < sta_labels_count(read); ++i) labels.emplace_back(sta_labels_get(read, i));
  return labels;
}

}  // namespace cli
