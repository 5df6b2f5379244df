// SPDX-License-Identifier: MIT
// See crc32.h. table[0] advances the checksum by one byte. table[k] does the same and then adds k zero bytes. So the
// lookups of sixteen bytes do not depend on one another, and xor adds their contributions at the end.
#include "checkpoint/formats/crc32.h"

#include <array>
#include <bit>
#include <cstring>

namespace sta {
namespace {

static_assert(std::endian::native == std::endian::little, "words of the input are read as they lie in memory");

constexpr int kSlices = 16;
using Tables = std::array<std::array<uint32_t, 256>, kSlices>;

constexpr Tables make_tables() {
  Tables t{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t c = byte;
    for (int bit = 0; bit < 8; ++bit) c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
    t[0][byte] = c;
  }
  for (int k = 1; k < kSlices; ++k)
    for (uint32_t byte = 0; byte < 256; ++byte) t[k][byte] = t[k - 1][byte] >> 8 ^ t[0][t[k - 1][byte] & 0xff];
  return t;
}

constexpr Tables kTables = make_tables();

uint32_t word_at(const uint8_t *p) {
  uint32_t w;
  std::memcpy(&w, p, sizeof(w));
  return w;
}

// The contribution of four bytes that are followed by `after` more bytes of the same step.
uint32_t four(uint32_t w, int after) {
  return kTables[after + 3][w & 0xff] ^ kTables[after + 2][w >> 8 & 0xff] ^ kTables[after + 1][w >> 16 & 0xff] ^ kTables[after][w >> 24];
}

}  // namespace

uint32_t crc32(std::span<const uint8_t> bytes) {
  uint32_t c = ~0u;
  const uint8_t *p = bytes.data();
  size_t left = bytes.size();
  for (; left >= kSlices; left -= kSlices, p += kSlices)
    c = four(word_at(p) ^ c, 12) ^ four(word_at(p + 4), 8) ^ four(word_at(p + 8), 4) ^ four(word_at(p + 12), 0);
  for (; left > 0; --left, ++p) c = c >> 8 ^ kTables[0][(c ^ *p) & 0xff];
  return ~c;
}

}  // namespace sta
