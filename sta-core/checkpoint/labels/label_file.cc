// SPDX-License-Identifier: MIT
// See label_file.h.
#include "checkpoint/labels/label_file.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "checkpoint/errors.h"
#include "checkpoint/formats/json_text.h"

namespace sta {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uintmax_t kMaxBytes = 16u << 20;
constexpr size_t kMaxLabels = 1'000'000;
constexpr int kMaxDepth = 32;  // nesting of JSON; the labels may be inside a config.json

void append_utf8(std::string &out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

// UTF-16, which Windows calls Unicode, to UTF-8. nullopt: a surrogate without its other half, or an odd number of
// bytes.
std::optional<std::string> from_utf16(const std::string &text, bool big_endian) {
  if (text.size() % 2 != 0) return std::nullopt;
  const auto unit = [&](size_t i) {
    const auto a = static_cast<uint8_t>(text[i]), b = static_cast<uint8_t>(text[i + 1]);
    return static_cast<uint32_t>(big_endian ? a << 8 | b : b << 8 | a);
  };
  std::string out;
  for (size_t i = 2; i < text.size(); i += 2) {
    uint32_t c = unit(i);
    if (c >= 0xD800 && c < 0xDC00) {
      if (i + 4 > text.size() || unit(i + 2) < 0xDC00 || unit(i + 2) > 0xDFFF) return std::nullopt;
      c = 0x10000 + ((c - 0xD800) << 10) + (unit(i + 2) - 0xDC00);
      i += 2;
    } else if (c >= 0xDC00 && c <= 0xDFFF) {
      return std::nullopt;
    }
    append_utf8(out, c);
  }
  return out;
}

// The strict dump of nlohmann's library validates UTF-8, and the library is already here.
bool valid_utf8(const std::string &text) {
  try {
    (void)json(text).dump();
    return true;
  } catch (const json::exception &) {
    return false;
  }
}

std::string trimmed(const std::string &text) {
  const auto space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  const auto first = std::find_if_not(text.begin(), text.end(), space);
  const auto last = std::find_if_not(text.rbegin(), std::make_reverse_iterator(first), space).base();
  return {first, last};
}

std::string lower(std::string text) {
  for (char &c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::vector<std::string> lines_of(const std::string &text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find_first_of("\r\n", at), text.size());
    lines.push_back(trimmed(text.substr(at, end - at)));
    at = end + (text.compare(end, 2, "\r\n") == 0 ? 2 : 1);
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

// Fields of one line of a table. Quoted fields may hold the separator; "" in them means a quote.
std::vector<std::string> fields_of(const std::string &line, char separator) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      if (c != '"')
        fields.back() += c;
      else if (i + 1 < line.size() && line[i + 1] == '"')
        fields.back() += line[i++];
      else
        quoted = false;
    } else if (c == '"' && trimmed(fields.back()).empty()) {
      quoted = true;
      fields.back().clear();
    } else if (c == separator) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  for (std::string &field : fields) field = trimmed(field);
  return fields;
}

std::optional<int64_t> whole_number(const std::string &text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0 ? std::optional(value) : std::nullopt;
}

// Labels in the order of their numbers. The numbers must be 0..n-1 or 1..n, each once, in any order.
Result<std::vector<std::string>> by_number(std::vector<std::pair<int64_t, std::string>> entries, const std::string &path) {
  std::sort(entries.begin(), entries.end());
  std::vector<std::string> labels;
  const int64_t first = entries.empty() ? 0 : entries[0].first;
  for (auto &[number, name] : entries) {
    if (first > 1 || number != first + static_cast<int64_t>(labels.size()))
      return bad(path + ": \"" + name + "\" has the number " + std::to_string(number) + ", but the " + std::to_string(entries.size()) +
                 " classes should be numbered from 0 or from 1, each once");
    labels.push_back(std::move(name));
  }
  return labels;
}

// ---------------------------------------------------------------------------------------------------------------- JSON

Result<std::vector<std::string>> labels_of_object(const json &object, const std::string &path) {
  const bool numbers_first = std::all_of(object.items().begin(), object.items().end(), [](const auto &item) { return item.value().is_string(); });
  std::vector<std::pair<int64_t, std::string>> entries;
  for (const auto &[key, value] : object.items()) {
    // Some lists write numbers as strings: {"steady": "0"}.
    const std::string text = value.is_string() ? value.template get<std::string>() : value.dump();
    const auto id = whole_number(numbers_first && whole_number(key) ? key : text);
    if (!id) return bad(path + ": the entry \"" + key + "\" of the JSON object should be a class number and a name");
    entries.emplace_back(*id, numbers_first && whole_number(key) ? text : key);
  }
  return by_number(std::move(entries), path);
}

Result<std::vector<std::string>> labels_of_list(const json &list, const std::string &path) {
  std::vector<std::string> labels;
  std::vector<std::pair<int64_t, std::string>> numbered;
  for (const json &item : list) {
    if (item.is_string()) {
      labels.push_back(item.get<std::string>());
      continue;
    }
    const char *name = nullptr, *id = nullptr;
    for (const char *key : {"name", "label", "class", "display_name"})
      if (item.is_object() && item.contains(key) && item[key].is_string() && !name) name = key;
    for (const char *key : {"id", "index", "class_id", "label_id"})
      if (item.is_object() && item.contains(key) && item[key].is_number_unsigned() && !id) id = key;
    if (!name) return bad(path + ": an entry of the JSON list should be a name, or an object with a \"name\": " + item.dump().substr(0, 60));
    labels.push_back(item[name].get<std::string>());
    if (id) numbered.emplace_back(item[id].get<int64_t>(), labels.back());
  }
  if (numbered.empty()) return labels;
  if (numbered.size() != labels.size()) return bad(path + ": some entries of the JSON list have a number and some have none");
  return by_number(std::move(numbered), path);
}

// nullopt: not JSON.
std::optional<Result<LabelFile>> read_json_labels(const std::string &text, const std::string &path) {
  const json root = parse_json(text.data(), text.size(), kMaxDepth);
  if (root.is_discarded()) return std::nullopt;
  if (root.is_array()) {
    auto labels = labels_of_list(root, path);
    if (!labels) return std::move(labels).error();
    return LabelFile{*std::move(labels), "a JSON list"};
  }
  for (const char *key : {"id2label", "label2id"})
    if (root.contains(key) && root[key].is_object()) {
      auto labels = labels_of_object(root[key], path + ": " + key);
      if (!labels) return std::move(labels).error();
      return LabelFile{*std::move(labels), std::string("a JSON object with ") + key};
    }
  auto labels = labels_of_object(root, path);
  if (!labels) return std::move(labels).error();
  return LabelFile{*std::move(labels), "a JSON object of numbers and names"};
}

// ---------------------------------------------------------------------------------------------------- tables and lines

// Column whose name is one of those, or -1.
int column_named(const std::vector<std::string> &header, std::initializer_list<const char *> names) {
  for (const char *name : names)
    for (size_t i = 0; i < header.size(); ++i)
      if (lower(header[i]) == name) return static_cast<int>(i);
  return -1;
}

// nullopt: the first line is no header of a table.
std::optional<Result<LabelFile>> read_table(const std::vector<std::string> &lines, const std::string &path) {
  for (const char separator : {',', ';', '\t'}) {
    const std::vector<std::string> header = fields_of(lines[0], separator);
    const int id = column_named(header, {"id", "index", "class_id", "label_id", "class_index", "number", "no"});
    const int name = column_named(header, {"name", "label", "class_name", "label_name", "display_name", "action", "class", "text"});
    if (name < 0 || lines.size() < 2 || (header.size() == 1 ? true : id < 0 && header.size() < 2)) continue;
    LabelFile file{{}, "a CSV table with the column \"" + header[static_cast<size_t>(name)] + "\""};
    std::vector<std::pair<int64_t, std::string>> numbered;
    for (size_t i = 1; i < lines.size(); ++i) {
      const std::string line = path + ": line " + std::to_string(i + 1);
      const std::vector<std::string> fields = fields_of(lines[i], separator);
      if (fields.size() <= static_cast<size_t>(std::max(name, id))) return Result<LabelFile>(bad(line + " has fewer columns than the header"));
      if (fields[static_cast<size_t>(name)].empty()) return Result<LabelFile>(bad(line + " has no label"));
      file.labels.push_back(fields[static_cast<size_t>(name)]);
      if (id < 0) continue;
      const auto number = whole_number(fields[static_cast<size_t>(id)]);
      if (!number)
        return Result<LabelFile>(bad(line + ": " + header[static_cast<size_t>(id)] + " \"" + fields[static_cast<size_t>(id)] + "\" is not a number"));
      numbered.emplace_back(*number, file.labels.back());
    }
    if (id >= 0) {
      auto labels = by_number(std::move(numbered), path);
      if (!labels) return Result<LabelFile>(std::move(labels).error());
      file.labels = *std::move(labels);
    }
    return Result<LabelFile>(std::move(file));
  }
  return std::nullopt;
}

// "0 steady", "0,steady", "0: steady": the label without its number, if the number is `expected`.
std::optional<std::string> without_number(const std::string &line, int64_t expected) {
  const size_t end = line.find_first_not_of("0123456789");
  if (end == 0 || end == std::string::npos || whole_number(line.substr(0, end)) != expected) return std::nullopt;
  const size_t label = line.find_first_not_of(" \t,;:", end);
  if (label == std::string::npos || label == end) return std::nullopt;
  return fields_of(line.substr(label), '\0')[0];
}

LabelFile read_lines(std::vector<std::string> lines) {
  for (const int64_t first : {0, 1}) {
    std::vector<std::string> labels;
    for (const std::string &line : lines) {
      auto label = without_number(line, first + static_cast<int64_t>(labels.size()));
      if (!label) break;
      labels.push_back(*std::move(label));
    }
    if (labels.size() == lines.size()) return {std::move(labels), "numbered lines"};
  }
  return {std::move(lines), "one label a line"};
}

}  // namespace

Result<LabelFile> parse_label_file(const std::string &content, const std::string &path) {
  std::string text = content;
  const bool little = text.starts_with("\xFF\xFE"), big = text.starts_with("\xFE\xFF");
  if (little || big) {
    auto converted = from_utf16(text, big);
    if (!converted) return bad(path + ": begins as UTF-16 but is damaged; save it as UTF-8");
    text = *std::move(converted);
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  if (text.find('\0') != std::string::npos)
    return bad(path + ": holds zero bytes: not a text file, or UTF-16 without a byte order mark; save it as UTF-8");

  const std::vector<std::string> lines = lines_of(text);
  if (lines.empty()) return bad(path + ": label file is empty");
  for (size_t i = 0; i < lines.size(); ++i)
    if (!valid_utf8(lines[i])) return bad(path + ": line " + std::to_string(i + 1) + " is not valid UTF-8; save the file as UTF-8");

  auto read = [&]() -> Result<LabelFile> {
    // Labels of Something-Something hold brackets, so text that is not JSON may still be one label a line.
    if (lines[0][0] == '{' || lines[0][0] == '[') {
      if (auto file = read_json_labels(text, path)) return *std::move(file);
      if (lines[0][0] == '{') return bad(path + ": begins like a JSON object, but is not valid JSON");
    }
    for (size_t i = 0; i < lines.size(); ++i)
      if (lines[i].empty()) return bad(path + ": line " + std::to_string(i + 1) + " is empty, one label a line is expected");
    if (auto file = read_table(lines, path)) return *std::move(file);
    return read_lines(lines);
  }();
  if (!read) return read;
  if (read->labels.empty()) return bad(path + ": holds no labels");
  if (read->labels.size() > kMaxLabels) return bad(path + ": too many labels for a label file");
  for (const std::string &label : read->labels)
    if (label.empty()) return bad(path + ": one of its labels is empty");
  return read;
}

Result<LabelFile> read_label_file(const std::string &path) {
  std::error_code ec;
  if (!fs::exists(path, ec)) return Error{STA_ERROR_NOT_FOUND, path + ": no such label file"};
  if (!fs::is_regular_file(path, ec)) return Error{STA_ERROR_NOT_FOUND, path + ": not a file; labels are read from a text, CSV or JSON file"};
  if (fs::file_size(path, ec) > kMaxBytes || ec) return bad(path + ": larger than 16 MiB: not a label file");
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error{STA_ERROR_NOT_FOUND, path + ": cannot be opened"};
  return parse_label_file({std::istreambuf_iterator<char>(in), {}}, path);
}

}  // namespace sta
