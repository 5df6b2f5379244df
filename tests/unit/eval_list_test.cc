// SPDX-License-Identifier: MIT
// Tests annotation files in every format, good ones and broken ones: which file and which class each line means, and
// the error for a line that means none.
#include "sta/eval_list.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "sta/eval_labels.h"
#include "sta/options.h"

namespace {

namespace fs = std::filesystem;
using namespace cli;

const std::vector<std::string> kLabels{"abseiling", "air drumming", "playing guitar", "inflating balloons", "Pushing something so that it falls"};

class EvalList : public testing::Test {
 protected:
  void SetUp() override {
    static int count = 0;
    folder_ = fs::temp_directory_path() / ("sta-eval-list-" + std::to_string(getpid()) + "-" + std::to_string(count++));
    fs::create_directories(folder_);
    rules_.labels = kLabels;
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string write(const std::string &name, const std::string &text) const {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  std::string at(const std::string &name) const { return (folder_ / name).string(); }
  std::string error(const std::string &list) const {
    try {
      read_eval_list(list, rules_);
    } catch (const RunError &e) {
      return e.what();
    }
    return "(read)";
  }
  void expect(const std::string &list, const std::string &format, const std::vector<std::pair<std::string, int>> &videos) const {
    const cli::EvalList read = read_eval_list(list, rules_);
    EXPECT_EQ(read.format, format);
    ASSERT_EQ(read.videos.size(), videos.size());
    for (size_t i = 0; i < videos.size(); ++i) {
      EXPECT_EQ(fs::path(read.videos[i].path).lexically_normal().string(), fs::path(at(videos[i].first)).lexically_normal().string());
      EXPECT_EQ(read.videos[i].label, videos[i].second) << videos[i].first;
    }
  }

  fs::path folder_;
  ListRules rules_;
};

TEST_F(EvalList, Kinetics) {
  for (const char *file : {"val/abseiling/aaaaaaaaaaa_000010_000020.mp4", "bbb-bbb_bbb_5_15.mkv", "any/ccc.WEBM", "val/x/not_a_video.txt"})
    write(file, "");
  const std::string list = write("val.csv",
                                 "label,youtube_id,time_start,time_end,split,is_cc\r\n"
                                 "abseiling,aaaaaaaaaaa,10,20,val,0\r\n"
                                 "\"playing guitar\",bbb-bbb_bbb,5,15,val,0\r\n"
                                 "Air Drumming,ccc,0,10,val,1\r\n"
                                 "\r\n"
                                 "balloon blowing,gone,120,130,val,0\r\n");
  expect(list, "kinetics-csv",
         {{"val/abseiling/aaaaaaaaaaa_000010_000020.mp4", 0}, {"bbb-bbb_bbb_5_15.mkv", 2}, {"any/ccc.WEBM", 1}, {"gone_000120_000130.mp4", 3}});
}

TEST_F(EvalList, ColumnsMayStandInAnyOrder) {
  const std::string list = write("val.csv", "youtube_id,time_start,time_end,label\nid,1,11,playing_guitar\n");
  expect(list, "kinetics-csv", {{"id_000001_000011.mp4", 2}});
}

TEST_F(EvalList, BrokenKineticsLists) {
  EXPECT_EQ(error(write("a.csv", "label,youtube_id,time_start\nabseiling,x,1\n")),
            at("a.csv") + ":1: a Kinetics list should have the column time_end");
  const std::string header = "label,youtube_id,time_start,time_end,split\n";
  EXPECT_NE(error(write("a.csv", header + "abseiling,x,1\n")).find("a.csv:2: should have 5 fields"), std::string::npos);
  EXPECT_NE(error(write("a.csv", header + "abseiling,x,one,2,val\n")).find("a.csv:2: should have a youtube_id, and time_start"), std::string::npos);
  EXPECT_NE(error(write("a.csv", header + "abseiling,x,20,10,val\n")).find("a.csv:2: should have"), std::string::npos);
  EXPECT_NE(
      error(write("a.csv", header + "abseiling,x,1,2,val\njuggling fire,y,1,2,val\n")).find("a.csv:3: \"juggling fire\" is none of the 5 classes"),
      std::string::npos);
  EXPECT_NE(error(write("a.csv", header)).find("names no videos"), std::string::npos);
  rules_.labels = {"class 0", "class 1"};
  EXPECT_NE(error(write("a.csv", header + "abseiling,x,1,2,val\n")).find("the model names no classes, give them with --labels"), std::string::npos);
}

TEST_F(EvalList, SomethingSomething) {
  write("videos/74225.webm", "");
  write("videos/9.mp4", "");
  const std::string list = write("validation.json",
                                 R"([{"id": "74225", "label": "pushing a cup so that it falls", "template": "Pushing [something] so that it falls"},
                                     {"id": 9, "label": "Air drumming"}, {"id": "10", "label": 0}])");
  expect(list, "ssv2-json", {{"videos/74225.webm", 4}, {"videos/9.mp4", 1}, {"10.webm", 0}});
  EXPECT_NE(error(write("t.json", R"([{"id": "1"}])")).find("entry 1 (id 1) has neither template nor label"), std::string::npos);
  EXPECT_NE(error(write("t.json", R"([{"label": "abseiling"}])")).find("entry 1 has no id"), std::string::npos);
  EXPECT_NE(error(write("t.json", R"([{"id": "1", "label": 5}])")).find("class 5 should be 0 to 4"), std::string::npos);
  EXPECT_NE(error(write("t.json", R"({"1": "abseiling"})")).find("should be a JSON list"), std::string::npos);
  EXPECT_NE(error(write("t.json", "[{")).find("should be a JSON list"), std::string::npos);
}

TEST_F(EvalList, LinesOfPathAndNumber) {
  write("videos/a b.mp4", "");
  write("elsewhere/c.mp4", "");
  rules_.root = folder_.string();
  expect(write("val.txt", "videos/a b.mp4 2\nc.mp4\t1\nabsent/d.avi,0\n"), "paths",
         {{"videos/a b.mp4", 2}, {"elsewhere/c.mp4", 1}, {"absent/d.avi", 0}});
  EXPECT_NE(error(write("v.txt", "a.mp4 0\nb.mp4\n")).find("v.txt:2: should be a path and the number of a class"), std::string::npos);
  EXPECT_NE(error(write("v.txt", "a.mp4 five\n")).find("v.txt:1: should be a path"), std::string::npos);
  EXPECT_NE(error(write("v.txt", "a.mp4 5\n")).find("v.txt:1: class 5 should be 0 to 4"), std::string::npos);
  EXPECT_NE(error(write("v.txt", "a.mp4 -1\n")).find("v.txt:1: class -1 should be 0 to 4"), std::string::npos);
  EXPECT_NE(error(write("v.txt", "\n\n")).find("names no videos"), std::string::npos);
}

TEST_F(EvalList, Folders) {
  for (const char *file :
       {"set/playing_guitar/2.mp4", "set/playing_guitar/1.mp4", "set/abseiling/x.mkv", "set/abseiling/notes.txt", "set/empty/notes.txt"})
    write(file, "");
  expect(at("set"), "folders", {{"set/abseiling/x.mkv", 0}, {"set/playing_guitar/1.mp4", 2}, {"set/playing_guitar/2.mp4", 2}});
  write("set/juggling/3.mp4", "");
  EXPECT_NE(error(at("set")).find("juggling: the folder's name is none of the 5 classes"), std::string::npos);
  EXPECT_NE(error(at("set/empty")).find("should have one sub-folder for each class"), std::string::npos);
}

TEST_F(EvalList, WhatIsNotThere) {
  EXPECT_EQ(error(at("none.csv")), at("none.csv") + ": no such file or folder");
  rules_.root = at("nowhere");
  EXPECT_NE(error(write("v.txt", "a.mp4 0\n")).find("--root " + at("nowhere") + ": no such folder"), std::string::npos);
}

// A labels.json that numbers the classes in another order than the model.
TEST_F(EvalList, NamesNumberedByAFile) {
  rules_.list_names = read_label_file(write("labels.json", R"({"abseiling": "1", "air drumming": "0", "playing guitar": 2, "x": "3", "y": "4"})"));
  expect(write("v.json", R"([{"id": "a.mp4", "label": "abseiling"}, {"id": "b.mp4", "label": "air drumming"}])"), "ssv2-json",
         {{"a.mp4", 1}, {"b.mp4", 0}});
}

TEST_F(EvalList, LabelFiles) {
  EXPECT_EQ(read_label_file(write("l.txt", "a\r\nb c\nd\n\n")), (std::vector<std::string>{"a", "b c", "d"}));
  EXPECT_EQ(read_label_file(write("l.json", R"(["a", "b"])")), (std::vector<std::string>{"a", "b"}));
  for (const auto &[text, says] : {std::pair{R"({"a": "0", "b": "0"})", "each once"},
                                   {R"({"a": "0", "b": "2"})", "numbered from 0"},
                                   {R"({"a": "zero"})", "a class number and a name"},
                                   {R"([1])", "should be a name"},
                                   {"{", "not valid JSON"},
                                   {"\n", "label file is empty"}}) {
    try {
      read_label_file(write("bad.json", text));
      ADD_FAILURE() << text;
    } catch (const RunError &e) {
      EXPECT_NE(std::string(e.what()).find(says), std::string::npos) << e.what();
    }
  }
}

TEST(EvalLabels, ScoringAKinetics710ModelOnOthers) {
  const auto k710 = *named_labels("k710");
  const auto selected = select_classes(k710, *named_labels("k400"));
  ASSERT_EQ(selected.size(), 400u);
  for (int i = 0; i < 400; ++i) EXPECT_EQ(selected[static_cast<size_t>(i)], i);  // the order of Kinetics-710
  EXPECT_FALSE(named_labels("k800"));
  try {
    select_classes(k710, {"abseiling", "juggling chainsaws"});
    ADD_FAILURE();
  } catch (const RunError &e) {
    EXPECT_NE(std::string(e.what()).find("no class \"juggling chainsaws\""), std::string::npos);
  }
  try {
    select_classes(k710, {"abseiling", "Abseiling"});
    ADD_FAILURE();
  } catch (const RunError &e) {
    EXPECT_NE(std::string(e.what()).find("are one class of the model"), std::string::npos);
  }
}

TEST(EvalLabels, SpellingIsForgiven) {
  EXPECT_EQ(plain_name(" Pushing  [Something]_so "), "pushing something so");
  EXPECT_EQ(split_csv(R"(a,"b, ""c""",,d)"), (std::vector<std::string>{"a", "b, \"c\"", "", "d"}));
}

}  // namespace
