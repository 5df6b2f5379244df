// SPDX-License-Identifier: MIT
// Labels of the data sets that published models were trained on. Raw checkpoints do not name their classes; they only
// have a number of them. The lists are compiled in, because programs that load the library do not know where its data
// folder is. Source and licence of the lists are in data/labels.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace sta {

struct LabelList {
  std::string data_set;
  std::vector<std::string> labels;  // in the order of the class numbers
};

/// The list with that many classes: 174 is Something-Something V2; 400, 600, 700 and 710 are Kinetics. Too many data
/// sets share the smaller numbers, so those are not guessed.
std::optional<LabelList> builtin_labels(int num_classes);

/// One label of such a list. The pointer stays valid for ever; nullptr if there is no such list or class. Thread-safe.
const char *builtin_label(int num_classes, int class_id);

}  // namespace sta
