// SPDX-License-Identifier: MIT
// Labels of the data sets that published models were trained on: raw checkpoints do not name their classes, only count
// them. The lists are compiled in, since the library is loaded by programs that know no folder of its data; their
// source and licence are in data/labels.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace sta {

struct LabelList {
  std::string data_set;
  std::vector<std::string> labels;  // in the order of the class numbers
};

/// The list with that many classes: 174 Something-Something V2, 400, 600, 700, 710 Kinetics. Smaller numbers are shared
/// by too many data sets to guess.
std::optional<LabelList> builtin_labels(int num_classes);

/// One label of such a list, valid for ever; nullptr if there is no such list or class. Thread-safe.
const char *builtin_label(int num_classes, int class_id);

}  // namespace sta
