// SPDX-License-Identifier: MIT
// The checksum of zip entries (CRC-32 of IEEE 802.3, reflected polynomial 0xEDB88320): a flipped bit in a checkpoint is
// found when it is loaded, not when a model predicts nonsense. Sixteen bytes a step with sixteen tables, gigabytes a
// second: less than reading the file takes.
#pragma once

#include <cstdint>
#include <span>

namespace sta {

/// CRC-32 of the bytes as zip, gzip and PNG have it: of "123456789" it is 0xcbf43926. Thread-safe.
uint32_t crc32(std::span<const uint8_t> bytes);

}  // namespace sta
