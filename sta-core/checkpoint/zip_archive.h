// SPDX-License-Identifier: MIT
// The zip files that torch.save writes: entries stored without compression, so that each is a piece of the mapped file and reading costs no copy.
// Zip64 too, since models are larger than 4 GiB. Compressed or encrypted entries are refused: PyTorch writes none, and what is never unpacked cannot
// be a bomb.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>

#include "checkpoint/mapped_file.h"

namespace sta {

/// Name -> bytes of every entry, views of `file`. Every offset and size in the file is checked. Errors: BAD_MODEL, UNSUPPORTED (without the path).
Result<std::map<std::string, std::span<const uint8_t>>> read_zip(const MappedFile &file);

}  // namespace sta
