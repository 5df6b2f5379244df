// SPDX-License-Identifier: MIT
// See zip_archive.h. Layout, from the end of the file: the end-of-directory record (22 bytes and a comment). Before it,
// in large files, its zip64 locator (20 bytes) and record (56). Before those the directory, with one header of at least
// 46 bytes for each entry. An entry begins with a local header of at least 30 bytes.
#include "checkpoint/formats/zip_archive.h"

#include <cstring>
#include <optional>

#include "checkpoint/errors.h"
#include "checkpoint/formats/crc32.h"

namespace sta {
namespace {

constexpr uint32_t kLocal = 0x04034b50, kEntry = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr uint64_t kMaxComment = 65535;
constexpr uint32_t kIn64 = 0xffffffff;  // marks a 32-bit field whose true value is in the zip64 extra field

template <typename T>
T word(const uint8_t *p) {
  T value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}

struct Directory {
  uint64_t offset = 0, size = 0, count = 0;
};

Result<Directory> find_directory(const uint8_t *data, uint64_t size) {
  const Error missing = bad("zip end-of-directory not found, file truncated?");
  if (size < 22) return missing;
  uint64_t end = size - 22;
  const uint64_t lowest = end > kMaxComment ? end - kMaxComment : 0;
  while (word<uint32_t>(data + end) != kEnd || word<uint16_t>(data + end + 20) > size - end - 22) {
    if (end == lowest) return missing;
    --end;
  }
  Directory d{word<uint32_t>(data + end + 16), word<uint32_t>(data + end + 12), word<uint16_t>(data + end + 10)};
  uint64_t limit = end;
  if (end >= 20 && word<uint32_t>(data + end - 20) == kLocator64) {
    const uint64_t record = word<uint64_t>(data + end - 20 + 8);
    if (record > size || size - record < 56 || word<uint32_t>(data + record) != kEnd64) return bad("zip64 end-of-directory out of range");
    d = {word<uint64_t>(data + record + 48), word<uint64_t>(data + record + 40), word<uint64_t>(data + record + 32)};
    limit = record;
  }
  // Each entry takes at least 46 bytes, so the size of the file bounds the count too.
  if (d.offset > limit || d.size > limit - d.offset || d.count > d.size / 46) return bad("zip directory out of range");
  return d;
}

struct Entry {
  std::string name;
  uint64_t size = 0, packed = 0, local = 0;
};

// Reads the true values of fields that did not fit into 32 bits, in the order of the format.
bool read_extra64(const uint8_t *extra, size_t length, Entry &entry) {
  for (size_t i = 0; i + 4 <= length;) {
    const uint16_t id = word<uint16_t>(extra + i), bytes = word<uint16_t>(extra + i + 2);
    if (bytes > length - i - 4) return false;
    if (id == 1) {
      size_t used = 0;
      for (uint64_t *field : {&entry.size, &entry.packed, &entry.local}) {
        if (*field != kIn64) continue;
        if (used + 8 > bytes) return false;
        *field = word<uint64_t>(extra + i + 4 + used);
        used += 8;
      }
      return true;
    }
    i += 4u + bytes;
  }
  return entry.size != kIn64 && entry.packed != kIn64 && entry.local != kIn64;
}

Result<std::span<const uint8_t>> locate(const Entry &entry, const uint8_t *data, uint64_t limit) {
  const Error exceeds = bad("zip entry exceeds the file: " + entry.name);
  if (entry.local > limit || limit - entry.local < 30) return exceeds;
  const uint8_t *local = data + entry.local;
  if (word<uint32_t>(local) != kLocal) return bad("zip entry has no local header: " + entry.name);
  const uint64_t begin = entry.local + 30 + word<uint16_t>(local + 26) + word<uint16_t>(local + 28);
  if (begin > limit || entry.size > limit - begin) return exceeds;
  return std::span(data + begin, entry.size);
}

}  // namespace

Result<std::map<std::string, ZipEntry>> read_zip(const MappedFile &file) {
  const uint8_t *data = file.data();
  auto directory = find_directory(data, file.size());
  if (!directory) return std::move(directory).error();
  std::map<std::string, ZipEntry> entries;
  uint64_t offset = directory->offset, total = 0;
  const uint64_t end = directory->offset + directory->size;
  for (uint64_t i = 0; i < directory->count; ++i) {
    if (end - offset < 46 || word<uint32_t>(data + offset) != kEntry) return bad("zip directory is damaged");
    const uint8_t *header = data + offset;
    const uint64_t name = word<uint16_t>(header + 28), extra = word<uint16_t>(header + 30), comment = word<uint16_t>(header + 32);
    if (name + extra + comment > end - offset - 46) return bad("zip directory is damaged");
    Entry entry{std::string(reinterpret_cast<const char *>(header + 46), name), word<uint32_t>(header + 24), word<uint32_t>(header + 20),
                word<uint32_t>(header + 42)};
    offset += 46 + name + extra + comment;
    if (!read_extra64(header + 46 + name, extra, entry)) return bad("zip entry lacks its 64-bit size: " + entry.name);
    if (word<uint16_t>(header + 8) & 1) return Error{STA_ERROR_UNSUPPORTED, "encrypted zip entries are not supported: " + entry.name};
    if (word<uint16_t>(header + 10) != 0)
      return Error{STA_ERROR_UNSUPPORTED, "compressed entries are not supported (" + entry.name + "): not written by torch.save"};
    if (entry.size != entry.packed) return bad("zip entry contradicts itself about its size: " + entry.name);
    // Entries lie before the directory.
    auto bytes = locate(entry, data, directory->offset);
    if (!bytes) return std::move(bytes).error();
    // If entries shared bytes, the contents could be larger than the file.
    if ((total += entry.size) > file.size()) return bad("zip entries overlap: " + entry.name);
    if (!entries.emplace(entry.name, ZipEntry{*bytes, word<uint32_t>(header + 16)}).second) return bad("zip holds two entries named " + entry.name);
  }
  return entries;
}

Status check_crc(const std::string &name, const ZipEntry &entry) {
  if (entry.crc == 0 || crc32(entry.bytes) == entry.crc) return ok();
  return bad("zip entry " + name + " is damaged (its CRC-32 is wrong): copy or download the file again");
}

}  // namespace sta
