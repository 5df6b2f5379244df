// SPDX-License-Identifier: MIT
// See builtin_labels.h.
#include "checkpoint/labels/builtin_labels.h"

#include <map>
#include <string_view>

// Defined in a file that the build makes from data/labels (embed_labels.py).
extern const char *const kSomethingV2Labels, *const kKinetics400Labels, *const kKinetics600Labels, *const kKinetics700Labels,
                                                                                                       *const kKinetics710Labels;

namespace sta {

std::optional<LabelList> builtin_labels(int num_classes) {
  struct List {
    int classes;
    const char *data_set, *text;
  };
  for (const List &list : {List{174, "Something-Something V2", kSomethingV2Labels},
                           {400, "Kinetics-400", kKinetics400Labels},
                           {600, "Kinetics-600", kKinetics600Labels},
                           {700, "Kinetics-700", kKinetics700Labels},
                           {710, "Kinetics-710", kKinetics710Labels}}) {
    if (list.classes != num_classes) continue;
    LabelList result{list.data_set, {}};
    for (std::string_view rest = list.text; !rest.empty();) {
      const size_t end = rest.find('\n');
      result.labels.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return result;
  }
  return std::nullopt;
}

const char *builtin_label(int num_classes, int class_id) {
  static const auto lists = [] {
    std::map<int, LabelList> all;
    for (const int count : {174, 400, 600, 700, 710}) all.emplace(count, *builtin_labels(count));
    return all;
  }();
  const auto list = lists.find(num_classes);
  return list != lists.end() && class_id >= 0 && class_id < num_classes ? list->second.labels[static_cast<size_t>(class_id)].c_str() : nullptr;
}

}  // namespace sta
