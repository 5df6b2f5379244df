// SPDX-License-Identifier: MIT
// Common parts of the fuzz targets: a file with the input, and checks for faults beyond crashes and hangs. Untrusted
// bytes may be refused, with one sentence. They must not cause an exception of LibTorch (INTERNAL) or use up the
// memory, since a small file must be able to do neither.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "engine/catch.h"
#include "fuzz_check.h"

namespace sta::fuzz {

// A folder for the process, in memory if possible: a target writes thousands of files a second.
class Scratch {
 public:
  Scratch() {
    std::error_code none;
    const std::filesystem::path base = std::filesystem::is_directory("/dev/shm", none) ? "/dev/shm" : std::filesystem::temp_directory_path();
    path_ = base / ("sta-fuzz-" + std::to_string(getpid()));
    std::filesystem::create_directories(path_);
  }
  ~Scratch() {
    std::error_code none;
    std::filesystem::remove_all(path_, none);
  }
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;

  std::string path() const { return path_.string(); }
  std::string operator/(const std::string &name) const { return (path_ / name).string(); }
  // The file is made anew, because a tensor may still map the previous one.
  std::string write(const std::string &name, const char *data, size_t size) const {
    const std::string path = *this / name;
    std::remove(path.c_str());
    std::ofstream(path, std::ios::binary).write(data, static_cast<std::streamsize>(size));
    return path;
  }

 private:
  std::filesystem::path path_;
};

inline void check_error(const Error &error) {
  FUZZ_CHECK(error.status != STA_ERROR_INTERNAL && error.status != STA_ERROR_OUT_OF_MEMORY, "%s", error.message.c_str());
  FUZZ_CHECK(!error.message.empty() && error.message.size() < 4096, "a message of %zu bytes", error.message.size());
}

}  // namespace sta::fuzz
