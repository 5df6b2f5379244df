// SPDX-License-Identifier: MIT
// Tests the checksums of zip entries: the function against known values, and files of torch.save in which one byte
// differs from what was written.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/formats/crc32.h"
#include "checkpoint/formats/torch_file.h"
#include "checkpoint/formats/zip_archive.h"
#include "unit/checkpoint_support.h"

namespace {

using namespace checkpoint_test;

uint32_t crc(std::string_view text) { return sta::crc32({reinterpret_cast<const uint8_t *>(text.data()), text.size()}); }

// The CRC one bit at a time, as the standard defines it.
uint32_t crc_by_bits(const std::vector<uint8_t> &bytes, size_t begin, size_t size) {
  uint32_t c = ~0u;
  for (size_t i = begin; i < begin + size; ++i) {
    c ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
  }
  return ~c;
}

TEST(Crc32, KnownValues) {
  EXPECT_EQ(crc(""), 0u);
  EXPECT_EQ(crc("a"), 0xe8b7be43u);
  EXPECT_EQ(crc("123456789"), 0xcbf43926u);
  EXPECT_EQ(crc("The quick brown fox jumps over the lazy dog"), 0x414fa339u);
}

TEST(Crc32, EveryLengthAndAlignment) {
  std::vector<uint8_t> bytes(200);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(golden::word(7, i));
  for (size_t begin = 0; begin < 17; ++begin)
    for (size_t size = 0; begin + size <= 150; ++size)
      ASSERT_EQ(sta::crc32(std::span(bytes).subspan(begin, size)), crc_by_bits(bytes, begin, size)) << begin << " " << size;
}

// Finds where an entry's bytes begin in the file.
size_t offset_of(const std::string &path, const std::string &entry, size_t &size) {
  auto file = sta::MappedFile::open(path);
  if (!file) return 0;
  auto entries = sta::read_zip(**file);
  if (!entries) return 0;
  const sta::ZipEntry found = entries->at(entry);
  size = found.bytes.size();
  return static_cast<size_t>(found.bytes.data() - (*file)->data());
}

TEST(Crc32, AFlippedBitIsRefusedAndNamed) {
  const std::string good = golden::made("checkpoints/micro_videomae.pth");
  const std::string bytes = read_all(good);
  ASSERT_TRUE(sta::read_torch_file(good));
  TempFolder folder;
  for (const std::string entry : {"micro_videomae/data.pkl", "micro_videomae/data/0", "micro_videomae/data/17"}) {
    size_t size = 0;
    const size_t begin = offset_of(good, entry, size);
    ASSERT_GT(begin, 0u);
    for (const size_t at : {size_t{0}, size / 2, size - 1}) {
      std::string broken = bytes;
      broken[begin + at] ^= 0x10;
      folder.write("flipped.pth", broken);
      auto file = sta::read_torch_file(folder / "flipped.pth");
      ASSERT_FALSE(file) << entry << " " << at;
      EXPECT_EQ(file.error().status, STA_ERROR_BAD_MODEL);
      EXPECT_NE(file.error().message.find("flipped.pth: "), std::string::npos) << file.error().message;
      EXPECT_NE(file.error().message.find("zip entry " + entry + " is damaged"), std::string::npos) << file.error().message;
    }
  }
}

// torch.save after torch.serialization.set_crc32_options(False) writes 0 for every checksum.
TEST(Crc32, FilesWithoutChecksumsAreRead) {
  const std::string good = golden::made("checkpoints/micro_videomae.pth");
  const std::string bytes = without_checksums(read_all(good));
  ASSERT_NE(bytes, read_all(good));
  TempFolder folder;
  folder.write("unchecked.pth", bytes);
  auto file = sta::read_torch_file(folder / "unchecked.pth");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->tensors.size(), sta::read_torch_file(good)->tensors.size());
}

}  // namespace
