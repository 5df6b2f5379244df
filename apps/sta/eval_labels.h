// SPDX-License-Identifier: MIT
// Turns class names in annotation files into class numbers. The same class is written in several ways:
// "playing_guitar", "[Something] falling". Later editions of Kinetics renamed some classes.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace cli {

/// A form of the name that ignores spelling: lower case, underscores as spaces, no square brackets, single spaces.
std::string plain_name(const std::string &name);

class LabelIndex {
 public:
  explicit LabelIndex(const std::vector<std::string> &labels);
  /// The number of the class with that name, or with the name that Kinetics-710 has for it (or the other way round).
  std::optional<int> find(const std::string &name) const;

 private:
  std::unordered_map<std::string, int> numbers_;
};

/// For a model whose classes are not the scored ones: finds the model's class for each scored class. Throws RunError
/// with the first scored class that the model does not have, or with two that it does not tell apart.
std::vector<int> select_classes(const std::vector<std::string> &model_labels, const std::vector<std::string> &scored);

/// The built-in list of a data set: k400, k600, k700, k710 or ssv2. Returns nullopt for another name.
std::optional<std::vector<std::string>> named_labels(const std::string &name);

/// Reads a text file with one label a line, or JSON: {"name": number} like Something-Something's labels.json, or
/// ["name", ...]. Throws RunError.
std::vector<std::string> read_label_file(const std::string &path);

}  // namespace cli
