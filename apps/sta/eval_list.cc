// SPDX-License-Identifier: MIT
// See eval_list.h.
#include "eval_list.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

#include "eval_labels.h"
#include "options.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

// Finds videos below the root by their name without extension, because published lists name clips and not where
// somebody has put them. The index is made at the first request.
class Files {
 public:
  explicit Files(std::string root) : root_(std::move(root)) {}
  const std::string &root() const { return root_; }
  std::string below(const std::string &path) const { return fs::path(path).is_absolute() ? path : (fs::path(root_) / path).string(); }
  const std::string *find(const std::string &stem) {
    if (!indexed_) index();
    const auto it = by_stem_.find(stem);
    return it == by_stem_.end() ? nullptr : &it->second;
  }

 private:
  void index() {
    indexed_ = true;
    std::error_code ec;
    fs::recursive_directory_iterator it(root_, fs::directory_options::follow_directory_symlink | fs::directory_options::skip_permission_denied, ec);
    for (; !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
      if (!is_video_name(it->path().filename().string())) continue;
      const std::string path = it->path().string();
      // The result does not depend on the order in which the file system lists the files.
      std::string &kept = by_stem_[it->path().stem().string()];
      if (kept.empty() || path < kept) kept = path;
    }
  }

  std::string root_;
  bool indexed_ = false;
  std::unordered_map<std::string, std::string> by_stem_;
};

struct Reader {
  const std::string &list;
  const ListRules &rules;
  Files files;
  LabelIndex names;

  Reader(const std::string &path, const ListRules &r)
      : list(path),
        rules(r),
        files(!r.root.empty()                    ? r.root
              : fs::path(path).has_parent_path() ? fs::path(path).parent_path().string()
                                                 : std::string(".")),
        names(r.list_names.empty() ? r.labels : r.list_names) {}

  std::string where(size_t line) const { return list + ":" + std::to_string(line) + ": "; }

  int number_of(const std::string &name, size_t line) const {
    if (const auto number = names.find(name); number && *number < static_cast<int>(rules.labels.size())) return *number;
    const bool nameless = !rules.labels.empty() && plain_name(rules.labels[0]) == "class 0";
    throw RunError(where(line) + "\"" + name + "\" is none of the " + std::to_string(rules.labels.size()) + " classes (the first is \"" +
                   (rules.labels.empty() ? "" : rules.labels[0]) + "\")" +
                   (nameless ? ": the model names no classes, give them with --labels" : ": see --labels, --classes and --list-labels"));
  }

  int checked(long number, size_t line) const {
    if (number >= 0 && number < static_cast<long>(rules.labels.size())) return static_cast<int>(number);
    throw RunError(where(line) + "class " + std::to_string(number) + " should be 0 to " + std::to_string(rules.labels.size() - 1));
  }
};

std::optional<long> whole_number(const std::string &text) {
  if (text.empty()) return std::nullopt;
  char *end = nullptr;
  const long value = std::strtol(text.c_str(), &end, 10);
  return *end == 0 ? std::optional(value) : std::nullopt;
}

std::vector<std::string> read_lines(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw RunError(path + ": no such file");
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.pop_back();
    lines.push_back(line);
  }
  if (!lines.empty() && lines[0].starts_with("\xef\xbb\xbf")) lines[0].erase(0, 3);  // byte order mark of a spreadsheet
  return lines;
}

// ---- Kinetics: label,youtube_id,time_start,time_end,split[,is_cc]

std::vector<EvalVideo> read_kinetics(Reader &reader, const std::vector<std::string> &lines) {
  std::map<std::string, size_t> column;
  const auto header = split_csv(lines[0]);
  for (size_t i = 0; i < header.size(); ++i) column[header[i]] = i;
  for (const char *needed : {"label", "youtube_id", "time_start", "time_end"})
    if (!column.count(needed)) throw RunError(reader.where(1) + "a Kinetics list should have the column " + needed);
  const size_t most = std::max({column["label"], column["youtube_id"], column["time_start"], column["time_end"]});
  std::vector<EvalVideo> videos;
  for (size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    const auto fields = split_csv(lines[i]);
    if (fields.size() <= most) throw RunError(reader.where(i + 1) + "should have " + std::to_string(header.size()) + " fields as the header has");
    const std::string &id = fields[column["youtube_id"]];
    const auto start = whole_number(fields[column["time_start"]]), end = whole_number(fields[column["time_end"]]);
    if (id.empty() || !start || !end || *start < 0 || *end < *start)
      throw RunError(reader.where(i + 1) + "should have a youtube_id, and time_start and time_end in whole seconds");
    char padded[64];
    std::snprintf(padded, sizeof(padded), "_%06ld_%06ld", *start, *end);
    const std::string *found = nullptr;
    for (const std::string &stem : {id + padded, id + "_" + std::to_string(*start) + "_" + std::to_string(*end), id})
      if (!found) found = reader.files.find(stem);
    videos.push_back({found ? *found : reader.files.below(id + padded + ".mp4"), reader.number_of(fields[column["label"]], i + 1)});
  }
  return videos;
}

// ---- Something-Something: [{"id": "1", "template": "Pushing [something]", ...}, ...]

std::vector<EvalVideo> read_something(Reader &reader) {
  std::ifstream in(reader.list, std::ios::binary);
  if (!in) throw RunError(reader.list + ": no such file");
  const auto json = nlohmann::json::parse(in, nullptr, false);
  if (!json.is_array()) throw RunError(reader.list + ": should be a JSON list of objects with id and template or label");
  std::vector<EvalVideo> videos;
  for (size_t i = 0; i < json.size(); ++i) {
    const auto &entry = json[i];
    const std::string where = reader.list + ": entry " + std::to_string(i + 1) + " ";
    if (!entry.is_object() || !entry.contains("id") || !(entry["id"].is_string() || entry["id"].is_number_integer()))
      throw RunError(where + "has no id");
    const std::string id = entry["id"].is_string() ? entry["id"].get<std::string>() : entry["id"].dump();
    EvalVideo video;
    const std::string *found = reader.files.find(fs::path(id).stem().string());
    video.path = found ? *found : reader.files.below(is_video_name(id) ? id : id + ".webm");
    if (entry.contains("template") && entry["template"].is_string())
      video.label = reader.number_of(entry["template"].get<std::string>(), i + 1);
    else if (entry.contains("label") && entry["label"].is_string())
      video.label = reader.number_of(entry["label"].get<std::string>(), i + 1);
    else if (entry.contains("label") && entry["label"].is_number_integer())
      video.label = reader.checked(entry["label"].get<long>(), i + 1);
    else
      throw RunError(where + "(id " + id + ") has neither template nor label");
    videos.push_back(std::move(video));
  }
  return videos;
}

// ---- PATH NUMBER

std::vector<EvalVideo> read_paths(Reader &reader, const std::vector<std::string> &lines) {
  std::vector<EvalVideo> videos;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string &line = lines[i];
    if (line.empty()) continue;
    const size_t split = line.find_last_of(" \t,");
    const auto number = split == std::string::npos ? std::nullopt : whole_number(line.substr(split + 1));
    std::string path = split == std::string::npos ? "" : line.substr(0, split);
    while (!path.empty() && (path.back() == ' ' || path.back() == '\t' || path.back() == ',')) path.pop_back();
    if (!number || path.empty())
      throw RunError(reader.where(i + 1) +
                     "should be a path and the number of a class, such as \"abseiling/x.mp4 0\", or the list should begin with " +
                     "the header of a Kinetics CSV");
    EvalVideo video{reader.files.below(path), reader.checked(*number, i + 1)};
    std::error_code ec;
    if (!fs::exists(video.path, ec))
      if (const std::string *found = reader.files.find(fs::path(path).stem().string())) video.path = *found;
    videos.push_back(std::move(video));
  }
  return videos;
}

// ---- one sub-folder a class

std::vector<EvalVideo> read_folders(Reader &reader) {
  std::vector<fs::path> classes;
  std::error_code ec;
  for (const auto &entry : fs::directory_iterator(reader.list, ec))
    if (entry.is_directory(ec)) classes.push_back(entry.path());
  std::sort(classes.begin(), classes.end());
  if (classes.empty()) throw RunError(reader.list + ": should have one sub-folder for each class");
  std::vector<EvalVideo> videos;
  for (const fs::path &folder : classes) {
    std::vector<std::string> files;
    for (const auto &entry : fs::directory_iterator(folder, ec))
      if (is_video_name(entry.path().filename().string())) files.push_back(entry.path().string());
    if (files.empty()) continue;  // not a folder of a class
    const auto label = reader.names.find(folder.filename().string());
    if (!label || *label >= static_cast<int>(reader.rules.labels.size()))
      throw RunError(folder.string() + ": the folder's name is none of the " + std::to_string(reader.rules.labels.size()) +
                     " classes (the first is \"" + (reader.rules.labels.empty() ? "" : reader.rules.labels[0]) + "\")");
    std::sort(files.begin(), files.end());
    for (std::string &file : files) videos.push_back({std::move(file), *label});
  }
  return videos;
}

}  // namespace

bool is_video_name(const std::string &name) {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const char *end : {".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".mpg", ".mpeg", ".ts", ".flv", ".3gp", ".wmv", ".ogv"})
    if (lower.ends_with(end)) return true;
  return false;
}

std::vector<std::string> split_csv(const std::string &line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"') {
      if (quoted && i + 1 < line.size() && line[i + 1] == '"')
        fields.back() += line[i++];
      else
        quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

EvalList read_eval_list(const std::string &list, const ListRules &rules) {
  std::error_code ec;
  if (!rules.root.empty() && !fs::is_directory(rules.root, ec)) throw RunError("--root " + rules.root + ": no such folder");
  Reader reader(list, rules);
  EvalList result;
  if (fs::is_directory(list, ec)) {
    result = {"folders", read_folders(reader)};
  } else if (!fs::exists(list, ec)) {
    throw RunError(list + ": no such file or folder");
  } else if (list.ends_with(".json")) {
    result = {"ssv2-json", read_something(reader)};
  } else {
    const auto lines = read_lines(list);
    if (!lines.empty() && lines[0].find("youtube_id") != std::string::npos)
      result = {"kinetics-csv", read_kinetics(reader, lines)};
    else
      result = {"paths", read_paths(reader, lines)};
  }
  if (result.videos.empty()) throw RunError(list + ": names no videos");
  return result;
}

}  // namespace cli
