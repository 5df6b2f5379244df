// SPDX-License-Identifier: MIT
// Tests every kind of fault in a configuration: the error must name its line and say in a sentence what would be right.
#include <gtest/gtest.h>

#include <set>

#include "support.h"

namespace sta::monitor {
namespace {

struct Fault {
  std::string text;
  int line;
  std::vector<std::string> said;  // all in one error
};

// Expects exactly one error, at the line, with all of these words.
void expectFault(const Fault &want) {
  const ReadResult result = readText(want.text);
  ASSERT_EQ(result.errors.size(), 1u) << want.text << "\n" << joined(result.errors);
  const std::string &error = result.errors[0], place = "f.yaml:" + std::to_string(want.line) + ": ";
  EXPECT_EQ(error.find(place), 0u) << want.text << "\nexpected at " << place << "\n" << error;
  for (const std::string &part : want.said) EXPECT_NE(error.find(part), std::string::npos) << want.text << "\nexpected: " << part << "\n" << error;
}

// Keys of the camera "gate", from line 5 on.
std::string gate(const std::string &keys) { return "defaults: { watch: [camera-watch] }\ncameras:\n  gate:\n    uri: test://ball\n" + keys; }

// Keys of its watch, from line 6 on.
std::string watch(const std::string &keys) { return gate("    watch:\n      - model: camera-watch\n" + keys); }

TEST(ReaderFaults, OfTheFile) {
  for (const Fault &fault : std::initializer_list<Fault>{
           {"http: {}\n\nstorage: [", 3, {"no YAML"}},
           {"http: {}\n\tcameras: {}", 2, {"no YAML"}},
           {"a: b: c", 1, {"no YAML"}},
           {"just words", 1, {"the file should be a mapping (key: value)"}},
           {"\n- a\n- b\n", 2, {"the file should be a mapping (key: value)"}},
           {"http: {}\ncamera: {}\n", 2, {"the file: unknown key \"camera\"", "did you mean \"cameras\"?"}},
           {"http: {}\nhttp: {}\n", 2, {"the file: \"http\" is there twice"}},
           {"http: {}\n\n\nx-unlike-anything: 1\n", 4, {"unknown key", "known are http, fleet, mqtt, storage, defaults, cameras"}},
           {"http: {}\ncameras: [gate]\n", 2, {"cameras should be a mapping of names: cameras: { gate: { uri: … } }"}},
           {"http: 8090\n", 1, {"http should be a mapping (key: value)"}},
           {"\nstorage:\n  - a\n", 3, {"storage should be a mapping (key: value)"}},
       })
    expectFault(fault);
}

TEST(ReaderFaults, AnEmptyFile) {
  for (const char *text : {"", "\n\n", "# a comment\n", "~"}) {
    const ReadResult result = readText(text);
    ASSERT_EQ(result.errors.size(), 1u);
    EXPECT_EQ(result.errors[0], "f.yaml: the file is empty; --print-defaults prints one to begin with");
  }
}

TEST(ReaderFaults, OfHttp) {
  for (const Fault &fault : std::initializer_list<Fault>{
           {"http:\n  listen: 8090\n", 2, {"http: listen should be ADDRESS:PORT, such as 127.0.0.1:8090"}},
           {"http:\n  listen: \"127.0.0.1:\"\n", 2, {"ADDRESS:PORT"}},
           {"http:\n  listen: 127.0.0.1:65536\n", 2, {"ADDRESS:PORT"}},
           {"http:\n  listen: 127.0.0.1:-1\n", 2, {"ADDRESS:PORT"}},
           {"http:\n  listen: 127.0.0.1:http\n", 2, {"ADDRESS:PORT"}},
           {"http:\n  listen: [a]\n", 2, {"http: listen should be a single value"}},
           {"http:\n  listen: 0.0.0.0:8090\n", 2, {"a token has to be set", "only 127.0.0.1"}},
           {"http:\n\n  listen: \"[::]:8090\"\n", 3, {"a token has to be set"}},
           {"http:\n  listen: 192.0.2.1:80\n", 2, {"a token has to be set"}},
           {"http:\n  listen: \":8090\"\n", 2, {"a token has to be set"}},
           {"http:\n  token: short\n", 2, {"http: token should have at least 8 characters", "openssl rand -hex 16"}},
           {"http:\n  token: \"\"\n", 2, {"at least 8 characters"}},
           {"http:\n  port: 80\n", 2, {"http: unknown key \"port\"", "listen, token"}},
           {"http:\n  lisen: 127.0.0.1:1\n", 2, {"did you mean \"listen\"?"}},
       })
    expectFault(fault);
}

TEST(ReaderFaults, OfMqtt) {
  const std::string right = "mqtt: url should be mqtt://HOST:PORT or mqtts://HOST:PORT, with USER:PASSWORD@";
  for (const Fault &fault : std::initializer_list<Fault>{
           {"mqtt:\n  url: 127.0.0.1\n", 2, {right}},
           {"mqtt:\n  url: http://h\n", 2, {right}},
           {"mqtt:\n  url: \"mqtt://\"\n", 2, {right}},
           {"mqtt:\n  url: \"mqtt://:1883\"\n", 2, {right}},
           {"mqtt:\n  url: mqtt://h:0\n", 2, {right}},
           {"mqtt:\n  url: mqtt://h:65536\n", 2, {right}},
           {"mqtt:\n  url: mqtt://h:port\n", 2, {right}},
           {"mqtt:\n  url: mqtt://u:p/w@h\n", 2, {right}},
           {"mqtt:\n  prefix: sta\n", 2, {"mqtt: url is missing: mqtt://HOST:PORT"}},
           {"mqtt:\n  url: mqtt://h\n  prefix: sta/#\n", 3, {"mqtt: prefix should be a topic without +, # and without / at its end"}},
           {"mqtt:\n  url: mqtt://h\n  prefix: sta/\n", 3, {"without / at its end"}},
           {"mqtt:\n  url: mqtt://h\n  prefix: \"\"\n", 3, {"should be a topic"}},
           {"mqtt:\n  url: mqtt://h\n  home-assistant: maybe\n", 3, {"mqtt: home-assistant should be true or false"}},
           {"mqtt:\n  url: mqtt://h\n  home_assistant: true\n", 3, {"did you mean \"home-assistant\"?"}},
       })
    expectFault(fault);
}

// Settings that a broker's address cannot hold must not be ignored silently.
TEST(ReaderFaults, OfABrokersAddress) {
  for (const char *url : {"mqtt:broker:1883", "mqtt://u:p@h:18x3", "mqtt://h:1883/path", "mqtt://h/path", "mqtt://h:1883x", "mqtt://u:p@h:"})
    expectFault({"mqtt:\n  url: \"" + std::string(url) + "\"\n", 2, {"mqtt: url should be mqtt://HOST:PORT"}});
}

TEST(ReaderFaults, OfStorage) {
  for (const Fault &fault : std::initializer_list<Fault>{
           {"storage:\n  keep: 14\n", 2, {"storage: keep should be a duration with its unit, such as 250ms"}},
           {"storage:\n  keep: forever\n", 2, {"a duration with its unit"}},
           {"storage:\n  at-most: 20\n", 2, {"storage: at-most should be a size with its unit, such as 500MB"}},
           {"storage:\n  keep-free: 5 apples\n", 2, {"storage: keep-free should be a size"}},
           {"storage:\n  folder: { a: b }\n", 2, {"storage: folder should be a single value"}},
           {"storage:\n  keep-days: 3\n", 2, {"unknown key \"keep-days\""}},
           {"storage:\n  keep: 3d\n  keep: 4d\n", 3, {"storage: \"keep\" is there twice"}},
       })
    expectFault(fault);
}

TEST(ReaderFaults, OfCameras) {
  for (const Fault &fault : std::initializer_list<Fault>{
           {gate("    transport: carrier-pigeon\n"), 5, {"camera gate: transport should be tcp or udp"}},
           {gate("    loop: true\n"), 5, {"camera gate: loop is for files: other sources have no end"}},
           {gate("    loop: 2\n"), 5, {"camera gate: loop should be true or false"}},
           {gate("    url: x\n"), 5, {"camera gate: unknown key \"url\"", "did you mean \"uri\"?"}},
           {gate("    user: [a]\n"), 5, {"camera gate: user should be a single value"}},
           {gate("    watch: []\n"), 5, {"camera gate: watch is missing, here and in defaults: [ { model: camera-watch } ]"}},
           {gate("    uri: test://snow\n"), 5, {"camera gate: \"uri\" is there twice"}},
           {gate("  gate:\n    uri: test://snow\n"), 5, {"camera gate is there twice"}},
           {"cameras:\n  gate:\n    uri: test://ball\n", 3, {"camera gate: watch is missing, here and in defaults"}},
           {"cameras:\n  gate:\n    watch: [camera-watch]\n", 3, {"camera gate: uri is missing: rtsp://…, http://…"}},
           {"cameras:\n  gate:\n    watch: [camera-watch]\n    uri: rstp://h\n", 4, {"has the scheme \"rstp\"; did you mean \"rtsp\"?"}},
           {"cameras:\n  gate:\n    watch: [camera-watch]\n    uri: gopher://h\n", 4, {"known are rtsp, rtsps, http, https, file, v4l2 and test"}},
           {"cameras:\n  gate:\n    watch: [camera-watch]\n    uri: rtsp://u:a/b@h\n", 4, {"camera gate: uri", "%2F"}},
           {"defaults:\n  transport: tcp\n  uri: test://ball\n", 3, {"defaults: unknown key \"uri\""}},
       })
    expectFault(fault);
}

TEST(ReaderFaults, OfNamesOfCameras) {
  for (const char *name : {"a b", "a/b", "a.b", "\"\"", "a+", "\xC3\xB6", "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij12345"})
    expectFault(
        {"cameras:\n  " + std::string(name) + ": { uri: test://ball, watch: [camera-watch] }\n", 2, {"a name has 1 to 64 letters, digits, - and _"}});
}

// The line is that of the name, not of the keys below it.
TEST(ReaderFaults, ANameIsFoundAtItsLine) {
  expectFault({"cameras:\n  a b:\n\n    uri: test://ball\n    watch: [camera-watch]\n", 2, {"a name has 1 to 64"}});
}

TEST(ReaderFaults, AnEmptyMappingHasALineToo) {
  expectFault({"defaults: { watch: [camera-watch] }\ncameras:\n  gate:\n", 3, {"camera gate: uri is missing"}});
  expectFault({"defaults: { watch: [camera-watch] }\ncameras:\n  gate: {}\n", 3, {"camera gate: uri is missing"}});
  expectFault({gate("    watch:\n      - {}\n"), 6, {"watch of camera gate: model is missing: the name of an installed model"}});
  expectFault({gate("    watch:\n      - ~\n"), 6, {"watch of camera gate: model is missing"}});
  const ReadResult text = readText("defaults: { watch: [camera-watch] }\ncameras:\n  gate: test://ball\n");
  ASSERT_EQ(text.errors.size(), 2u) << joined(text.errors);
  EXPECT_EQ(text.errors[1].find("f.yaml:3: "), 0u) << text.errors[1];
}

// An empty address, one without a host, one that lacks its "//". In the last one, the password would stay in the shown
// text.
TEST(ReaderFaults, OfAddressesThatNameNothing) {
  for (const char *uri :
       {"", "rtsp:", "rtsp://", "rtsp:///x", "rtsp:/admin:hunter2@192.0.2.1/x", "rtsp:admin:hunter2@192.0.2.1/x", "http://u:p@/x"}) {
    const ReadResult result = readText("cameras:\n  gate:\n    watch: [camera-watch]\n    uri: \"" + std::string(uri) + "\"\n");
    EXPECT_EQ(result.errors.size(), 1u) << '"' << uri << '"';
    for (const std::string &error : result.errors) {
      EXPECT_EQ(error.find("f.yaml:4: camera gate: uri "), 0u) << error;
      EXPECT_EQ(error.find("hunter2"), std::string::npos) << error;
    }
  }
}

TEST(ReaderFaults, OfWatches) {
  for (const Fault &fault : std::initializer_list<Fault>{
           {watch("        drop-number: many\n"), 7, {"watch of camera gate: drop-number should be a whole number from 0 to"}},
           {watch("        drop-number: -1\n"), 7, {"drop-number should be a whole number"}},
           {watch("        drop-number: 1.5\n"), 7, {"drop-number should be a whole number"}},
           {watch("        still-threshold: 10.5\n"), 7, {"still-threshold should be a number from 0 to 10"}},
           {watch("        still-threshold: -1\n"), 7, {"still-threshold should be a number from 0 to 10"}},
           {watch("        enter-threshold: 1.5\n"), 7, {"enter-threshold should be a number from 0 to 1"}},
           {watch("        enter-threshold: 50%\n"), 7, {"enter-threshold should be a number from 0 to 1"}},
           {watch("        exit-threshold: nan\n"), 7, {"exit-threshold should be a number from 0 to 1"}},
           {watch("        enter-threshold: 0.3\n        exit-threshold: 0.4\n"), 8, {"exit-threshold should not be above enter-threshold"}},
           {watch("        min-duration: 1\n"), 7, {"min-duration should be a duration with its unit"}},
           {watch("        release-duration: -1s\n"), 7, {"release-duration should be a duration"}},
           {watch("        hop: quick\n"), 7, {"hop should be a duration"}},
           {watch("        smoothing: 0\n"), 7, {"smoothing should be a whole number from 1 to 1000"}},
           {watch("        classes: { a: b }\n"), 7, {"classes should be a single value"}},
           {watch("        classes:\n          - a\n          - [b]\n"), 9, {"classes should be a single value"}},
           {watch("        device: []\n"), 7, {"device should be a single value"}},
           {watch("        modle: x\n"), 7, {"watch of camera gate: unknown key \"modle\"", "did you mean \"model\"?"}},
           {watch("        threshold: 1\n"), 7, {"unknown key \"threshold\""}},
           {watch("        model: motion-watch\n"), 7, {"\"model\" is there twice"}},
           {gate("    watch:\n      - name: a\n"), 6, {"model is missing: the name of an installed model, or the path of a model folder"}},
           {gate("    watch: [ camera-watch, camera-watch ]\n"), 5, {"has two models of", "another name:"}},
           {"defaults:\n  watch:\n    - model: absent\n", 3, {"watch of defaults: model \"absent\" is no installed model and no path"}},
       })
    expectFault(fault);
}

// What else they lack is reported after that.
TEST(ReaderFaults, OfWhatShouldBeAMapping) {
  const ReadResult camera = readText("defaults: { watch: [camera-watch] }\ncameras:\n  gate: test://ball\n"),
                   watch = readText(gate("    watch:\n      - [a]\n"));
  ASSERT_FALSE(camera.errors.empty() || watch.errors.empty());
  EXPECT_EQ(camera.errors[0], "f.yaml:3: camera gate should be a mapping (key: value)");
  EXPECT_EQ(watch.errors[0], "f.yaml:6: watch of camera gate should be a mapping (key: value)");
}

// A value that is no list is reported once, and not as missing too.
TEST(ReaderFaults, OfAWatchThatIsNoList) {
  expectFault({gate("    watch: camera-watch\n"), 5, {"camera gate: watch should be a list of models: [ { model: camera-watch } ]"}});
  expectFault({gate("    watch: {}\n"), 5, {"watch should be a list of models"}});
}

TEST(ReaderFaults, OfRecord) {
  for (const Fault &fault : std::initializer_list<Fault>{
           {gate("    record:\n      before: 3min\n"), 6, {"record of camera gate: before should be at most 2min"}},
           {gate("    record:\n      before: soon\n"), 6, {"before should be a duration with its unit"}},
           {gate("    record:\n      at-most: 10ms\n"), 6, {"at-most should be at least 1s"}},
           {gate("    record:\n      after: 1s\n      duration: 3s\n"), 7, {"unknown key \"duration\"", "before, after, at-most, on"}},
           {gate("    record:\n      on: { a: b }\n"), 6, {"on should be a single value"}},
           {gate("    record: sometimes\n"), 5, {"camera gate", "record"}},
           {gate("    record: [true]\n"), 5, {"record of camera gate should be a mapping"}},
       })
    expectFault(fault);
}

TEST(ReaderFaults, AllAreFoundInOneReading) {
  const ReadResult result = readText(R"yaml(http: { listen: 0.0.0.0:80 }
mqtt: { url: nowhere }
storage: { keep: 3 }
defaults: { watch: [ { model: camera-watch, smoothing: none } ] }
cameras:
  gate: { uri: test://ball, transport: x }
  hall: { uri: test://ball, transport: y }
unknown: 1
)yaml");
  ASSERT_EQ(result.errors.size(), 7u) << joined(result.errors);
  std::set<std::string> places;
  for (const std::string &error : result.errors) places.insert(error.substr(0, 9));
  EXPECT_EQ(places, (std::set<std::string>{"f.yaml:1:", "f.yaml:2:", "f.yaml:3:", "f.yaml:4:", "f.yaml:6:", "f.yaml:7:", "f.yaml:8:"}));
}

TEST(ReaderFaults, OfACameraFromRest) {
  const auto errors = [](const std::string &camera, const std::string &text) { return readCameraText(camera, text, {}, "/srv/sta", kModels).errors; };
  for (const char *body : {"", "[]", "\"text\"", "3", "null"}) {
    ASSERT_EQ(errors("gate", body).size(), 1u) << body;
    EXPECT_EQ(errors("gate", body)[0].find("the body should be a JSON object: {\"uri\""), 0u) << errors("gate", body)[0];
  }
  const std::vector<std::string> broken = errors("gate", "{\"uri\":");
  ASSERT_EQ(broken.size(), 1u);
  EXPECT_EQ(broken[0].find("camera gate:1: no YAML"), 0u) << broken[0];
  const std::vector<std::string> unknown = errors("gate", "{\"uri\": \"test://ball\",\n\"watch\": [\"camera-watch\"],\n\"colour\": 1}");
  ASSERT_EQ(unknown.size(), 1u);
  EXPECT_EQ(unknown[0].find("camera gate:3: camera gate: unknown key \"colour\""), 0u) << unknown[0];
  EXPECT_EQ(errors("a b", R"({"uri": "test://ball", "watch": ["camera-watch"]})").size(), 1u);
  EXPECT_EQ(errors("gate", R"({"uri": "test://ball"})").size(), 1u)
      << "there are no defaults: " << joined(errors("gate", R"({"uri": "test://ball"})"));
}

}  // namespace
}  // namespace sta::monitor
