// SPDX-License-Identifier: MIT
// Class names of annotation files to class numbers. The same class is written in several ways: "playing_guitar",
// "[Something] falling", and some Kinetics classes under another name in later editions of the data set.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace cli {

/// Lower case, underscores as spaces, square brackets gone, single spaces: what is left of a name when spelling is
/// forgiven.
std::string plain_name(const std::string &name);

class LabelIndex {
 public:
  explicit LabelIndex(const std::vector<std::string> &labels);
  /// Number of the class of that name, or of the name that Kinetics-710 has for it (or the other way round).
  std::optional<int> find(const std::string &name) const;

 private:
  std::unordered_map<std::string, int> numbers_;
};

/// For a model with other classes than those that are scored: the model's class of each scored class. Throws RunError
/// naming the first scored class that the model does not have, or two that it does not tell apart.
std::vector<int> select_classes(const std::vector<std::string> &model_labels, const std::vector<std::string> &scored);

/// The built-in list of a data set: k400, k600, k700, k710 or ssv2; nullopt for another name.
std::optional<std::vector<std::string>> named_labels(const std::string &name);

/// A text file with one label a line, or JSON: {"name": number} as Something-Something's labels.json, or ["name", ...].
/// Throws RunError.
std::vector<std::string> read_label_file(const std::string &path);

}  // namespace cli
