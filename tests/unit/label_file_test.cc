// SPDX-License-Identifier: MIT
// Tests label files in all common forms, and which sentence refuses what.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "checkpoint/formats/file_kind.h"
#include "checkpoint/labels/label_file.h"

namespace {

using Labels = std::vector<std::string>;

std::string u16(const std::string &ascii, bool big) {
  std::string out = big ? "\xFE\xFF" : "\xFF\xFE";
  for (const char c : ascii) out += big ? std::string{'\0', c} : std::string{c, '\0'};
  return out;
}

TEST(LabelFile, EveryFormMeansTheSame) {
  const Labels want = {"steady", "pan-left", "a, \"b\""};
  struct Case {
    const char *form;
    std::string text;
  };
  for (const Case &c : {Case{"one label a line", "steady\npan-left\na, \"b\"\n"},
                        {"one label a line", "\xEF\xBB\xBFsteady\npan-left\na, \"b\""},
                        {"one label a line", "steady\r\npan-left  \r\n  a, \"b\"\t\r\n\r\n\r\n"},
                        {"one label a line", "steady\rpan-left\ra, \"b\"\r"},
                        {"one label a line", u16("steady\r\npan-left\r\na, \"b\"\r\n", false)},
                        {"one label a line", u16("steady\npan-left\na, \"b\"\n", true)},
                        {"numbered lines", "0 steady\n1 pan-left\n2 a, \"b\"\n"},
                        {"numbered lines", "1 steady\n2 pan-left\n3 a, \"b\"\n"},
                        {"numbered lines", "0,steady\n1,pan-left\n2,\"a, \"\"b\"\"\"\n"},
                        {"numbered lines", "0: steady\n1: pan-left\n2: a, \"b\"\n"},
                        {"numbered lines", "0\tsteady\n1\tpan-left\n2\ta, \"b\"\n"},
                        {"a CSV table with the column \"name\"", "id,name\n0,steady\n1,pan-left\n2,\"a, \"\"b\"\"\"\n"},
                        {"a CSV table with the column \"name\"", "id,name\r\n2,\"a, \"\"b\"\"\"\r\n0,steady\r\n1,pan-left\r\n"},
                        {"a CSV table with the column \"label\"", "label;index;note\nsteady;1;x\npan-left;2;y\n\"a, \"\"b\"\"\";3;z\n"},
                        {"a CSV table with the column \"Name\"", "\xEF\xBB\xBFName,Source\nsteady,x\npan-left,y\n\"a, \"\"b\"\"\",z\n"},
                        {"a JSON list", R"(["steady", "pan-left", "a, \"b\""])"},
                        {"a JSON list", R"([{"id": 2, "name": "a, \"b\""}, {"id": 0, "name": "steady"}, {"id": 1, "name": "pan-left"}])"},
                        {"a JSON list", R"([{"label": "steady"}, {"label": "pan-left"}, {"label": "a, \"b\""}])"},
                        {"a JSON object of numbers and names", R"({"0": "steady", "1": "pan-left", "2": "a, \"b\""})"},
                        {"a JSON object of numbers and names", R"({"a, \"b\"": 2, "pan-left": 1, "steady": 0})"},
                        {"a JSON object of numbers and names", R"({"a, \"b\"": "2", "pan-left": "1", "steady": "0"})"},
                        {"a JSON object with id2label", R"({"model_type": "x", "id2label": {"0": "steady", "1": "pan-left", "2": "a, \"b\""}})"}}) {
    auto read = sta::parse_label_file(c.text, "labels");
    ASSERT_TRUE(read) << c.text << ": " << read.error().message;
    EXPECT_EQ(read->labels, want) << c.text;
    EXPECT_EQ(read->form, c.form) << c.text;
  }
}

TEST(LabelFile, NumbersThatAreNoClassNumbersStay) {
  for (const Labels &labels : {Labels{"2 people", "3 people"}, {"0 a", "2 b"}, {"1 a", "0 b"}, {"0 a", "one b"}, {"0", "1"}, {"1a", "2b"}}) {
    std::string text;
    for (const std::string &label : labels) text += label + "\n";
    auto read = sta::parse_label_file(text, "labels");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->labels, labels);
    EXPECT_EQ(read->form, "one label a line");
  }
}

TEST(LabelFile, BracketsAndCommasOfRealListsAreLabels) {
  const Labels want = {"[Something] falling like a feather", "Approaching [something] with your camera", "riding, camel"};
  auto read = sta::parse_label_file("[Something] falling like a feather\nApproaching [something] with your camera\nriding, camel\n", "labels");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->labels, want);
  // A single column under a word that could be a header is a list of labels.
  EXPECT_EQ(sta::parse_label_file("action\nname\n", "labels")->labels, (Labels{"action", "name"}));
  EXPECT_EQ(sta::parse_label_file("caf\xC3\xA9\n\xE8\xB5\xB0\n", "labels")->labels[0], "caf\xC3\xA9");
}

TEST(LabelFile, WhatCannotBeReadIsSaidByLine) {
  for (const auto &[text, says] : {std::pair<std::string, const char *>{"", "label file is empty"},
                                   {"\n \r\n\n", "label file is empty"},
                                   {"a\n\nb\n", "line 2 is empty"},
                                   {"a\ncaf\xe9\n", "line 2 is not valid UTF-8"},
                                   {std::string("a\0b\0", 4), "holds zero bytes"},
                                   {"\xFF\xFE"
                                    "a",
                                    "begins as UTF-16 but is damaged"},
                                   {std::string("\xFF\xFE\x00\xD8", 4) + std::string("a\0", 2), "begins as UTF-16 but is damaged"},
                                   {"id,name\n0,a\nx,b\n", "line 3: id \"x\" is not a number"},
                                   {"id,name\n0,a\n2,b\n", "\"b\" has the number 2, but the 2 classes should be numbered from 0 or from 1"},
                                   {"id,name\n0,a\n1\n", "line 3 has fewer columns than the header"},
                                   {"id,name\n0,a\n1,\n", "line 3 has no label"},
                                   {"{\"0\": \"a\", ", "begins like a JSON object, but is not valid JSON"},
                                   {R"({"0": "a", "2": "b"})", "should be numbered from 0 or from 1, each once"},
                                   {R"({"a": 0, "b": 0})", "should be numbered from 0 or from 1, each once"},
                                   {R"({"a": 0, "b": {}})", "the entry \"b\" of the JSON object"},
                                   {R"(["a", 3])", "an entry of the JSON list should be a name"},
                                   {R"([{"id": 0, "name": "a"}, {"name": "b"}])", "some entries of the JSON list have a number and some have none"},
                                   {R"(["a", ""])", "one of its labels is empty"},
                                   {"[]", "holds no labels"}}) {
    auto read = sta::parse_label_file(text, "labels");
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().status, STA_ERROR_BAD_MODEL);
    EXPECT_NE(read.error().message.find(says), std::string::npos) << text << ": " << read.error().message;
    EXPECT_EQ(read.error().message.rfind("labels", 0), 0u);
  }
}

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("sta-kind-" + std::to_string(getpid()))) { std::filesystem::create_directories(path_); }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string write(const std::string &name, const std::string &text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return (path_ / name).string();
  }
  std::string path(const std::string &name = "") const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

TEST(LabelFile, OnlyFilesAreOpened) {
  const Folder folder;
  ASSERT_EQ(mkfifo(folder.path("pipe").c_str(), 0600), 0);
  EXPECT_NE(sta::read_label_file(folder.path("pipe")).error().message.find("not a file"), std::string::npos);
  EXPECT_NE(sta::read_label_file(folder.path()).error().message.find("not a file"), std::string::npos);
  EXPECT_EQ(sta::read_label_file(folder.path("none")).error().status, STA_ERROR_NOT_FOUND);
  EXPECT_EQ(sta::read_label_file(folder.write("good.txt", "a\nb\n"))->labels.size(), 2u);
}

TEST(FileKind, WhatIsNoCheckpointIsNamed) {
  const Folder folder;
  struct Case {
    const char *name;
    std::string head;
    const char *says;
  };
  for (const Case &c :
       {Case{"model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 346\n", "Git LFS pointer"},
        {"annex.pth", "/annex/objects/SHA256E-s1--0", "git-annex pointer"},
        {"a.onnx", std::string("\x08\x07\x12\x07pytorch", 11), "an ONNX model"},
        {"noname", std::string("\x08\x07\x12\x07pytorch", 11), "an ONNX model"},
        {"m.gguf", "GGUF\x03", "a GGUF model"},
        {"m.tflite", std::string("\x1c\0\0\0TFL3", 8), "a TensorFlow Lite model"},
        {"m.h5", "\x89HDF\r\n\x1a\n", "HDF5"},
        {"m.keras", "PK\x03\x04", "a Keras model"},
        {"m.pb", "\x0a\x01", "a TensorFlow graph"},
        {"m.engine", "ftrt", "a TensorRT engine"},
        {"m.xml", "<?xml version=\"1.0\"?>\n<net name=\"m\" version=\"11\">", "an OpenVINO model"},
        {"m.tar.gz", "\x1f\x8b\x08", "a gzip archive"},
        {"m.tar", std::string(257, 'x') + "ustar", "a tar archive"},
        {"m.zip", "PK\x03\x04" + std::string(50, 'x') + "model/config.json" + std::string(20, 'x'), "a zip archive of a model folder"},
        {"page.bin", "\n<!DOCTYPE html><html>", "looks like HTML"}}) {
    const sta::Status status = sta::check_file_kind(folder.write(c.name, c.head));
    ASSERT_FALSE(status) << c.name;
    EXPECT_NE(status.error().message.find(c.says), std::string::npos) << status.error().message;
    EXPECT_NE(status.error().message.find(c.name), std::string::npos);
  }
  EXPECT_TRUE(sta::check_file_kind(folder.write("torch.pth", "PK\x03\x04" + std::string(50, 'x') + "archive/data.pkl and config.json")));
  EXPECT_TRUE(sta::check_file_kind(folder.write("m.safetensors", std::string("\x40\0\0\0\0\0\0\0{\"__metadata__\"", 22))));
  EXPECT_TRUE(sta::check_file_kind(folder.path()));
}

TEST(FileKind, NothingWaitsForAPipeOrADevice) {
  const Folder folder;
  ASSERT_EQ(mkfifo(folder.path("pipe").c_str(), 0600), 0);
  for (const auto &[path, says] : {std::pair{folder.path("pipe"), "a FIFO (named pipe)"}, {std::string("/dev/zero"), "a device"}}) {
    const sta::Status status = sta::check_file_kind(path);
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message.find(says), std::string::npos) << status.error().message;
  }
}

TEST(FileKind, FoldersOfOtherProgramsAreNamed) {
  for (const auto &[name, says] : {std::pair{"adapter_config.json", "merge it into its base model first"},
                                   {"saved_model.pb", "a TensorFlow SavedModel"},
                                   {"openvino_model.xml", "an OpenVINO model"},
                                   {"model.onnx", "an ONNX model"}}) {
    const Folder folder;
    folder.write(name, "{}");
    const auto what = sta::foreign_folder(folder.path());
    ASSERT_TRUE(what) << name;
    EXPECT_NE(what->find(says), std::string::npos) << *what;
  }
  const Folder empty;
  EXPECT_FALSE(sta::foreign_folder(empty.path()));
}

}  // namespace
