// SPDX-License-Identifier: MIT
// See json_text.h.
#include "checkpoint/formats/json_text.h"

#include <nlohmann/json.hpp>

namespace sta {

bool json_too_deep(const char *text, size_t size, int limit) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < size; ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > limit) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

nlohmann::json parse_json(const char *text, size_t size, int limit) {
  if (json_too_deep(text, size, limit)) return nlohmann::json(nlohmann::json::value_t::discarded);
  return nlohmann::json::parse(text, text + size, nullptr, /*allow_exceptions=*/false);
}

}  // namespace sta
