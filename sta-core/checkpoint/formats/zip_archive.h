// SPDX-License-Identifier: MIT
// The zip files that torch.save writes: entries stored without compression, so that each is a piece of the mapped file
// and reading costs no copy. Zip64 too, since models are larger than 4 GiB. Compressed or encrypted entries are
// refused: PyTorch writes none, and what is never unpacked cannot be a bomb.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "checkpoint/formats/mapped_file.h"

namespace sta {

struct ZipEntry {
  std::span<const uint8_t> bytes;  // view of the file
  uint32_t crc = 0;                // as the directory states it; 0: not stated (torch.save with set_crc32_options(False))
};

/// Every entry by name. Every offset and size in the file is checked; the bytes are not read. Errors: BAD_MODEL,
/// UNSUPPORTED (without the path).
Result<std::map<std::string, ZipEntry>> read_zip(const MappedFile &file);

/// BAD_MODEL if the bytes are not those that the checksum was made of. Reads all of them; to be called for what is
/// used, when it is used.
Status check_crc(const std::string &name, const ZipEntry &entry);

}  // namespace sta
