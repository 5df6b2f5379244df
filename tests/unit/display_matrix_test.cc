// SPDX-License-Identifier: MIT
// Tests the display matrix of MP4 and MOV files: all eight forms, which tools/reference/orientation.py must read the
// same way, and damaged files.
#include "sta/display_matrix.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>

namespace {

namespace fs = std::filesystem;

std::string number(uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16 & 255), static_cast<char>(v >> 8 & 255), static_cast<char>(v & 255)};
}

std::string box(const char *type, const std::string &content) { return number(static_cast<uint32_t>(8 + content.size())) + type + content; }

// A box with a 64-bit size.
std::string large_box(const char *type, const std::string &content) {
  return number(1) + type + number(0) + number(static_cast<uint32_t>(16 + content.size())) + content;
}

using Matrix = std::array<int, 4>;

std::string header(const Matrix &m, int version, int one = 1 << 16) {
  std::string out = number(static_cast<uint32_t>(version) << 24) + std::string(version == 1 ? 48 : 36, '\0');
  for (const int v : {m[0] * one, m[1] * one, 0, m[2] * one, m[3] * one, 0, 0, 0, 1 << 30}) out += number(static_cast<uint32_t>(v));
  return box("tkhd", out + std::string(8, '\0'));
}

std::string track(const std::string &head, const char *handler = "vide") {
  return box("trak", head + box("mdia", box("mdhd", std::string(24, '\0')) + box("hdlr", std::string(8, '\0') + handler + std::string(13, '\0'))));
}

std::string movie(const std::string &tracks) {
  return box("ftyp", "isom" + number(0)) + box("free", "") + box("moov", box("mvhd", std::string(100, '\0')) + tracks) + box("mdat", "xyz");
}

struct Form {
  Matrix matrix;
  sta_orientation orientation;
};
// The same cases as in tests/tools/test_orientation.py.
const Form kForms[] = {{{1, 0, 0, 1}, STA_ORIENTATION_NONE},        {{0, 1, -1, 0}, STA_ORIENTATION_90R},
                       {{-1, 0, 0, -1}, STA_ORIENTATION_180},       {{0, -1, 1, 0}, STA_ORIENTATION_90L},
                       {{-1, 0, 0, 1}, STA_ORIENTATION_HORIZONTAL}, {{0, -1, -1, 0}, STA_ORIENTATION_ANTITRANSPOSED},
                       {{1, 0, 0, -1}, STA_ORIENTATION_VERTICAL},   {{0, 1, 1, 0}, STA_ORIENTATION_TRANSPOSED}};

class DisplayMatrix : public testing::Test {
 protected:
  DisplayMatrix() {
    std::string name = (fs::temp_directory_path() / "matrix-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~DisplayMatrix() override { fs::remove_all(folder_); }
  std::optional<sta_orientation> of(const std::string &data) {
    const std::string path = (folder_ / "a.mp4").string();
    std::ofstream(path, std::ios::binary).write(data.data(), static_cast<std::streamsize>(data.size()));
    return cli::display_orientation(path);
  }
  fs::path folder_;
};

TEST_F(DisplayMatrix, AllEight) {
  for (const Form &form : kForms)
    for (const int version : {0, 1}) EXPECT_EQ(of(movie(track(header(form.matrix, version)))), form.orientation) << version;
}

TEST_F(DisplayMatrix, OfTheFirstVideoTrackWhereverTheHeadersAre) {
  const std::string sound = track(header({0, 1, -1, 0}, 0), "soun"), picture = track(header({-1, 0, 0, 1}, 0)),
                    other = track(header({1, 0, 0, -1}, 0));
  EXPECT_EQ(of(movie(sound + picture + other)), STA_ORIENTATION_HORIZONTAL);
  EXPECT_EQ(of(large_box("mdat", std::string(1000, 'x')) + large_box("moov", sound + picture)), STA_ORIENTATION_HORIZONTAL);
  // The last box may reach to the end of the file.
  std::string open = box("moov", picture);
  open.replace(0, 4, number(0));
  EXPECT_EQ(of(box("ftyp", "isom") + open), STA_ORIENTATION_HORIZONTAL);
}

TEST_F(DisplayMatrix, OfAFileUri) {
  of(movie(track(header({0, 1, 1, 0}, 0))));
  EXPECT_EQ(cli::display_orientation("file://" + (folder_ / "a.mp4").string()), STA_ORIENTATION_TRANSPOSED);
  EXPECT_EQ(cli::display_orientation("https://example.org/a.mp4"), std::nullopt);
}

// For such files only the stream's tags may say it.
TEST_F(DisplayMatrix, OtherFilesSayNothing) {
  EXPECT_EQ(cli::display_orientation((folder_ / "none").string()), std::nullopt);
  EXPECT_EQ(cli::display_orientation(folder_.string()), std::nullopt);
  for (const std::string &data : {std::string(), std::string("RIFF....AVI "), movie(""), movie(track("")), movie(track(box("tkhd", "")))})
    EXPECT_EQ(of(data), std::nullopt) << data.size();
  // A box larger than the box around it, and one smaller than its own header.
  EXPECT_EQ(of(number(1000) + "moov" + track(header({0, 1, -1, 0}, 0))), std::nullopt);
  EXPECT_EQ(of(number(4) + "moov" + track(header({0, 1, -1, 0}, 0))), std::nullopt);
  EXPECT_EQ(of(movie(track(header({0, 1, -1, 0}, 0, 1 << 15)))), STA_ORIENTATION_NONE) << "shrunk is no turn";
}

TEST_F(DisplayMatrix, TinyBoxesCostNoTime) {
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += box("free", "");
  EXPECT_EQ(of(many + movie(track(header({0, 1, -1, 0}, 0)))), std::nullopt);
}

// Wherever the file is cut and whatever is written over it, reading must come to an end.
TEST_F(DisplayMatrix, DamagedFiles) {
  const std::string whole = movie(track(header({0, 1, 1, 0}, 1)));
  for (size_t n = 0; n < whole.size(); n += 3)
    EXPECT_EQ(of(whole.substr(0, n)).value_or(STA_ORIENTATION_TRANSPOSED), STA_ORIENTATION_TRANSPOSED) << n;
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    std::string damaged = whole;
    for (int k = 0; k < 4; ++k) damaged[random() % damaged.size()] = static_cast<char>(random() % 3 ? random() : 255);
    const auto got = of(damaged);
    EXPECT_TRUE(!got || (*got >= STA_ORIENTATION_NONE && *got <= STA_ORIENTATION_ANTITRANSPOSED));
  }
}

}  // namespace
