// SPDX-License-Identifier: MIT
// Tests patterns of numbered pictures: what counts as one, which files it names, and the error if pictures are missing.
#include "sta/picture_sequence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sta/options.h"

namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A folder with empty files, removed with the test.
class PictureSequence : public testing::Test {
 protected:
  PictureSequence() {
    std::string name = (fs::temp_directory_path() / "sequence-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~PictureSequence() override { fs::remove_all(folder_); }
  std::string file(const std::string &name) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name).put('x');
    return (folder_ / name).string();
  }
  std::string at(const std::string &name) const { return (folder_ / name).string(); }
  std::string error(const std::string &pattern) {
    try {
      cli::find_sequence(at(pattern));
    } catch (const cli::RunError &e) {
      return e.what();
    }
    return "none";
  }

  fs::path folder_;
};

TEST_F(PictureSequence, WhatIsAPattern) {
  for (const char *name : {"%d.png", "a/%04d.png", "frame-%05d.jpeg", "%09d.png", "a%db.png", "50%/%d.png"})
    EXPECT_TRUE(cli::is_sequence(name)) << name;
  for (const char *name : {"a.png", "%s.png", "%4d.png", "%010d.png", "%99999999d.png", "%00d.png", "%d%d.png", "%d%s.png", "%%d.png", "%d/a.png",
                           "%n", "%ld.png", "%", "%04", "", "50%.mp4", "file:///a/%04d.png", "rtsp://camera/%04d.png"})
    EXPECT_FALSE(cli::is_sequence(name)) << name;
  EXPECT_TRUE(cli::is_sequence(at("%04d.png")));
  file("%04d.png");
  EXPECT_FALSE(cli::is_sequence(at("%04d.png"))) << "a file of that name goes first";
}

TEST_F(PictureSequence, NumbersFromTheFirstToTheLast) {
  for (const char *name : {"0007.png", "0008.png", "0009.png", "0010.png", "010.png", "00011.png", "0012.jpg", "x0013.png", "00a4.png"}) file(name);
  const auto found = cli::find_sequence(at("%04d.png"));
  EXPECT_EQ(found.first, 7);
  EXPECT_EQ(found.last, 10);
  EXPECT_STREQ(found.media_type, "image/png");
  EXPECT_EQ(found.pattern, at("%04d.png"));
  for (const char *name : {"s-9.JPG", "s-10.JPG", "s-08.JPG"}) file(name);
  const auto plain = cli::find_sequence(at("s-%d.JPG"));
  EXPECT_EQ(plain.first, 9);
  EXPECT_EQ(plain.last, 10);
  EXPECT_STREQ(plain.media_type, "image/jpeg");
  // Longer than the width: what %04d makes of it.
  file("t9999.png"), file("t10000.png");
  EXPECT_EQ(cli::find_sequence(at("t%04d.png")).last, 10000);
}

TEST_F(PictureSequence, APercentSignInTheFolderIsNoConversion) {
  file("50%d off/1.png");
  EXPECT_EQ(cli::find_sequence(at("50%d off/%d.png")).pattern, (folder_ / "50%%d off" / "%d.png").string());
}

TEST_F(PictureSequence, WhatIsMissingIsNamed) {
  for (const char *name : {"0.png", "1.png", "3.png", "1.tga"}) file(name);
  EXPECT_THAT(error("%d.png"), HasSubstr("2.png is missing between 0.png and 3.png"));
  EXPECT_THAT(error("%04d.png"), HasSubstr("there is no such picture"));
  EXPECT_THAT(error("nowhere/%d.png"), HasSubstr("there is no such picture"));
  EXPECT_THAT(error("%d.tga"), HasSubstr("should be .png, .jpg or .jpeg"));
  // A number far away takes no time.
  file("far0.png"), file("far999999999.png");
  EXPECT_THAT(error("far%d.png"), HasSubstr("far1.png is missing"));
}

TEST_F(PictureSequence, ThePatternOfAPicture) {
  const std::string padded = file("cam2-0001.png"), plain = file("f9.jpg"), alone = file("alone7.png"), none = file("name.png");
  file("cam2-0002.png"), file("f10.jpg"), file("clip1.mp4"), file("clip2.mp4");
  EXPECT_EQ(cli::sequence_around(padded), at("cam2-%04d.png"));
  EXPECT_EQ(cli::sequence_around(plain), at("f%d.jpg"));
  EXPECT_EQ(cli::sequence_around(at("f10.jpg")), at("f%d.jpg"));
  for (const char *name : {"n0999.png", "n1000.png", "n1001.png"}) file(name);
  EXPECT_EQ(cli::sequence_around(at("n1000.png")), at("n%04d.png"));
  for (const std::string &name : {alone, none, at("clip1.mp4"), std::string(), std::string("/")}) EXPECT_EQ(cli::sequence_around(name), "") << name;
}

}  // namespace
