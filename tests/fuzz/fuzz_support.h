// SPDX-License-Identifier: MIT
// What the fuzz targets share: a file of the input, and what they take for a fault beyond crashes and hangs. Untrusted
// bytes may be refused, in one sentence; they must not be found out by an exception of LibTorch (INTERNAL) or by
// running out of memory, since a small file has no right to either.
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

// A folder for the process, in memory where there is such a place: a target writes thousands of files a second.
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
  // The file is made anew: the one before may still be mapped by a tensor.
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
