// SPDX-License-Identifier: MIT
// MappedFile: a file mapped for reading, so that reading a model needs no second copy in memory. Ownership is shared:
// tensors that view the bytes keep the mapping alive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "result.h"

namespace sta {

class MappedFile {
 public:
  /// Errors: NOT_FOUND (missing, unreadable), BAD_MODEL (empty, not a regular file).
  static Result<std::shared_ptr<MappedFile>> open(const std::string &path);
  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  const uint8_t *data() const { return data_; }
  size_t size() const { return size_; }
  /// Releases the pages that lie wholly in this range from the process's memory. A later read gets them from the file
  /// again. So a model that is copied tensor by tensor is in memory once, not twice.
  void forget(const void *begin, size_t bytes) const;

 private:
  MappedFile(const uint8_t *data, size_t size) : data_(data), size_(size) {}
  const uint8_t *data_;
  size_t size_;
};

}  // namespace sta
