// SPDX-License-Identifier: MIT
// Helpers of the monitor's tests: folders and environment variables that remove themselves, and reading a configuration
// from memory.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "monitor/config/reader.h"

namespace sta::monitor {

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sta-monitor-test-XXXXXX").string();
    if (!mkdtemp(pattern.data())) std::abort();
    path_ = pattern;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder &) = delete;
  const std::string &path() const { return path_; }
  std::string operator/(const std::string &name) const { return path_ + "/" + name; }
  // Makes a file (and its folders), and returns its path.
  std::string file(const std::string &name, const std::string &content) const {
    const std::string path = *this / name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

 private:
  std::string path_;
};

inline std::string contentOf(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

class Variable {
 public:
  Variable(const std::string &name, const std::string &value) : name_(name) { setenv(name.c_str(), value.c_str(), 1); }
  ~Variable() { unsetenv(name_.c_str()); }
  Variable(const Variable &) = delete;

 private:
  std::string name_;
};

inline const std::vector<std::string> kModels = {STA_SOURCE_ROOT "/models"};

// Paths are relative to /srv/sta.
inline ReadResult readText(const std::string &text) { return readSettingsText(text, "f.yaml", "/srv/sta", kModels); }

inline std::string joined(const std::vector<std::string> &lines) {
  std::string all;
  for (const std::string &line : lines) all += line + "\n";
  return all;
}

}  // namespace sta::monitor
