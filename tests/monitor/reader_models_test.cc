// SPDX-License-Identifier: MIT
// Tests where models are looked up by name, what a model is called, and reading from real files and folders.
#include <gtest/gtest.h>

#include "support.h"

namespace sta::monitor {
namespace {

class Models : public testing::Test {
 protected:
  TempFolder folder;
  const std::string installed = folder / "installed", more = folder / "more", own = folder / "own";

  Models() {
    folder.file("installed/both/config.json", "{}");
    folder.file("installed/first/config.json", "{}");
    folder.file("more/first/config.json", "{}");
    folder.file("more/second/config.json", "{}");
    folder.file("own/both/config.json", "{}");
    folder.file("own/mine/config.json", "{}");
    folder.file("own/sub/deep/config.json", "{}");
    folder.file("own/with.dot/config.json", "{}");
  }
  ReadResult read(const std::string &watch) {
    return readSettingsText("cameras:\n  gate:\n    uri: test://ball\n    watch:\n      - " + watch + "\n", "f.yaml", own, {installed, more});
  }
  WatchSettings good(const std::string &watch) {
    const ReadResult result = read(watch);
    EXPECT_TRUE(result.errors.empty()) << watch << ": " << joined(result.errors);
    return result.settings.cameras.at("gate").watch.at(0);
  }
};

TEST_F(Models, InstalledOnesFirstThenBesideTheFile) {
  EXPECT_EQ(good("both").model, installed + "/both");
  EXPECT_EQ(good("first").model, installed + "/first");
  EXPECT_EQ(good("second").model, more + "/second");
  EXPECT_EQ(good("mine").model, own + "/mine");
  EXPECT_EQ(good("{ model: mine }"), good("mine")) << "a word is short for a mapping";
}

TEST_F(Models, PathsAreRelativeToTheFile) {
  EXPECT_EQ(good("sub/deep").model, own + "/sub/deep");
  EXPECT_EQ(good("./both").model, own + "/both");
  EXPECT_EQ(good("../more/first").model, more + "/first");
  EXPECT_EQ(good(own + "/both").model, own + "/both");
}

TEST_F(Models, ArchitecturesAreTakenAsTheyAre) {
  EXPECT_EQ(good("\"arch:vit_base\"").model, "arch:vit_base");
  EXPECT_EQ(good("\"arch:vit_base\"").name, "vit_base");
}

TEST_F(Models, TheNameIsTheLastPartOfThePathOrWhatIsSaid) {
  EXPECT_EQ(good("both").name, "both");
  EXPECT_EQ(good("sub/deep").name, "deep");
  EXPECT_EQ(good("{ model: sub/deep, name: people }").name, "people");
  EXPECT_EQ(good("{ model: with.dot, name: dot }").name, "dot");
}

TEST_F(Models, APathMayEndWithASlash) { EXPECT_EQ(good("sub/deep/").name, "deep"); }

// The name is a level of MQTT topics and a label of metrics.
TEST_F(Models, NoModelIsNameless) {
  for (const char *watch : {"{ model: both, name: \"\" }", "{ model: \"\" }", "{ model: \"arch:\" }", "{ model: \"\", name: people }"}) {
    const ReadResult result = read(watch);
    EXPECT_FALSE(result.errors.empty()) << watch;
  }
}

TEST_F(Models, NamesArePlain) {
  for (const char *watch :
       {"with.dot", "{ model: both, name: \"a b\" }", "{ model: both, name: a/b }", "{ model: both, name: \"+\" }",
        "{ model: both, name: \"\xC3\xB6\" }", "{ model: both, name: abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij12345 }"}) {
    const ReadResult result = read(watch);
    ASSERT_EQ(result.errors.size(), 1u) << watch;
    EXPECT_EQ(result.errors[0].find("f.yaml:5: watch of camera gate: "), 0u) << result.errors[0];
    EXPECT_NE(result.errors[0].find("letters, digits, - and _"), std::string::npos) << result.errors[0];
  }
}

TEST_F(Models, TheErrorSaysWhereWasLooked) {
  const ReadResult result = read("absent");
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_EQ(result.errors[0].find("f.yaml:5: watch of camera gate: model \"absent\" is no installed model and no path"), 0u) << result.errors[0];
  for (const std::string &tried : {installed + "/absent", more + "/absent", own + "/absent"})
    EXPECT_NE(result.errors[0].find(tried), std::string::npos) << tried;
  const ReadResult path = read("sub/absent");
  ASSERT_EQ(path.errors.size(), 1u);
  EXPECT_NE(path.errors[0].find(own + "/sub/absent"), std::string::npos);
  EXPECT_EQ(path.errors[0].find(installed), std::string::npos) << "a path is not looked up among installed models";
}

TEST_F(Models, TheFoldersOfInstalledModels) {
  unsetenv("STA_MODELS");
  const std::vector<std::string> built_in = modelFolders();
  ASSERT_EQ(built_in.size(), 1u);
  const Variable models("STA_MODELS", "/a:/b c::/d");
  EXPECT_EQ(modelFolders(), (std::vector<std::string>{"/a", "/b c", "/d", built_in[0]}));
}

TEST_F(Models, PathsOfAFileAreRelativeToIt) {
  const std::string path = folder.file("own/cameras.yaml", "storage: { folder: data }\ncameras: { gate: { uri: clips/a.mp4, watch: [mine] } }\n");
  const ReadResult result = readSettings(path, {installed});
  EXPECT_TRUE(result.errors.empty()) << joined(result.errors);
  EXPECT_EQ(result.settings.storage.folder, own + "/data");
  EXPECT_EQ(result.settings.cameras.at("gate").uri, "file://" + own + "/clips/a.mp4");
  EXPECT_EQ(result.settings.cameras.at("gate").watch.at(0).model, own + "/mine");
}

TEST_F(Models, ErrorsNameTheFileAsItWasGiven) {
  const std::string path = folder.file("own/cameras.yaml", "http: {}\ncamera: {}\n");
  const ReadResult result = readSettings(path, {installed});
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_EQ(result.errors[0].find(path + ":2: "), 0u) << result.errors[0];
  EXPECT_NE(result.errors[0].find("did you mean \"cameras\"?"), std::string::npos) << result.errors[0];
}

TEST_F(Models, FilesThatCannotBeRead) {
  const ReadResult absent = readSettings(folder / "absent.yaml", {});
  ASSERT_EQ(absent.errors.size(), 1u);
  EXPECT_EQ(absent.errors[0], folder / "absent.yaml" + ": cannot be read: No such file or directory");
  const ReadResult directory = readSettings(own, {});
  ASSERT_EQ(directory.errors.size(), 1u);
  EXPECT_EQ(directory.errors[0], own + ": a folder; the configuration is a YAML file");
}

TEST_F(Models, AnEmptyFileIsToldApartFromAnUnreadableOne) {
  for (const char *content : {"", "\n", "# nothing yet\n", "---\n"}) {
    const ReadResult result = readSettings(folder.file("empty.yaml", content), {});
    ASSERT_EQ(result.errors.size(), 1u) << '"' << content << '"';
    EXPECT_NE(result.errors[0].find("the file is empty; --print-defaults prints one"), std::string::npos) << result.errors[0];
  }
}

}  // namespace
}  // namespace sta::monitor
