// SPDX-License-Identifier: MIT
// MappedFile: a file mapped read-only, so that reading a model costs no second copy of it. Shared ownership: tensors
// that view the bytes keep it alive.
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
  /// The pages that lie wholly in this part leave the process's memory; whoever reads them again gets them from the
  /// file. So a model that is copied tensor by tensor is in memory once, not twice.
  void forget(const void *begin, size_t bytes) const;

 private:
  MappedFile(const uint8_t *data, size_t size) : data_(data), size_(size) {}
  const uint8_t *data_;
  size_t size_;
};

}  // namespace sta
