// SPDX-License-Identifier: MIT
// Reads the zip files that torch.save writes. Their entries are stored without compression, so each is a piece of the
// mapped file and reading needs no copy. Zip64 is supported too, since models may be larger than 4 GiB. Compressed or
// encrypted entries are refused: PyTorch writes none, and a reader that never unpacks is safe from zip bombs.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "checkpoint/formats/mapped_file.h"

namespace sta {

struct ZipEntry {
  std::span<const uint8_t> bytes;  // view of the file
  uint32_t crc = 0;                // as in the directory; 0: not given (torch.save with set_crc32_options(False))
};

/// Returns every entry by name. Checks every offset and size in the file, but does not read the entries' bytes. Errors:
/// BAD_MODEL, UNSUPPORTED (without the path).
Result<std::map<std::string, ZipEntry>> read_zip(const MappedFile &file);

/// BAD_MODEL if the bytes do not match the checksum. This reads all of them, so call it for entries that are used, when
/// they are used.
Status check_crc(const std::string &name, const ZipEntry &entry);

}  // namespace sta
