// SPDX-License-Identifier: MIT
// Tests a good configuration with bytes deleted, inserted and swapped. Reading must never crash. It must give either
// errors or settings that keep their promises.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "support.h"

namespace sta::monitor {
namespace {

constexpr const char *kGood = R"yaml(# the cameras of a house
http:    { listen: "[::1]:8090", token: "${FUZZ_TOKEN}" }
mqtt:    { url: "mqtt://sta:${FUZZ_TOKEN}@127.0.0.1:1883", prefix: sta, home-assistant: true }
storage: { folder: /var/lib/sta-monitor, keep: 14d, at-most: 20GB }
defaults:
  watch: [ { model: camera-watch, drop-number: auto, min-duration: 0.8s } ]
  record: &common { before: 5s, after: 10s }
cameras:
  gate:
    uri: "rtsp://admin:${FUZZ_TOKEN}@192.0.2.10/stream2"
    record: *common
  hall:  { uri: "file:///srv/clips/hall.mp4", loop: true, watch: [ { model: motion-watch, classes: [left], name: people } ] }
  yard:
    uri: http://192.0.2.11/v.cgi?user=a&pwd=b
    transport: udp
    watch:
      - camera-watch
      - model: "arch:vit_base"
        enter-threshold: 0.6
        exit-threshold: 0.3
        smoothing: 2
)yaml";

bool plain(const std::string &name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == std::string::npos;
}

std::string mutated(const std::string &good, std::mt19937 &random) {
  static const std::vector<std::string> kPieces = {"{",
                                                   "}",
                                                   "[",
                                                   "]",
                                                   ": ",
                                                   ":",
                                                   "\n",
                                                   "\n  ",
                                                   "- ",
                                                   "\"",
                                                   "'",
                                                   "&a ",
                                                   "*a",
                                                   "!!str ",
                                                   "? ",
                                                   "| \n",
                                                   "> \n",
                                                   "#",
                                                   "${",
                                                   "${X",
                                                   "}",
                                                   "~",
                                                   "%",
                                                   "@",
                                                   "://",
                                                   "/",
                                                   "\t",
                                                   "\0",
                                                   "\xFF",
                                                   "<<: ",
                                                   "---\n",
                                                   "...\n",
                                                   "null",
                                                   "true",
                                                   "-1",
                                                   "1e999",
                                                   "99999999999999999999",
                                                   "\\x00",
                                                   "\\u0000",
                                                   "\xEF\xBB\xBF",
                                                   "uri: ",
                                                   "watch: ",
                                                   "[[[[[[[[",
                                                   "{{{{{{{{"};
  std::string text = good;
  for (int change = static_cast<int>(random() % 6) + 1; change > 0 && !text.empty(); --change) {
    const std::size_t at = random() % text.size(), length = std::min<std::size_t>(random() % 12 + 1, text.size() - at);
    switch (random() % 6) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, 1, static_cast<char>(random()));
        break;
      case 2:
        text.insert(at, kPieces[random() % kPieces.size()]);
        break;
      case 3:
        std::swap(text[at], text[random() % text.size()]);
        break;
      case 4:
        text.insert(random() % text.size(), text.substr(at, length));
        break;
      case 5:
        text.resize(at);
        break;
    }
    if (random() % 4) continue;
    // A line moves to another place, so that much of it stays YAML.
    const std::size_t begin = text.rfind('\n', at), end = text.find('\n', at);
    if (begin == std::string::npos || end == std::string::npos || begin >= end) continue;
    const std::string line = text.substr(begin, end - begin);
    if (random() % 2) text.erase(begin, end - begin);
    const std::size_t to = text.find('\n', text.empty() ? 0 : random() % text.size());
    if (to != std::string::npos) text.insert(to, line);
  }
  return text;
}

void expectPromisesKept(const Settings &settings, const std::string &text) {
  EXPECT_TRUE(settings.http.port >= 0 && settings.http.port <= 65535) << text;
  const bool loopback = settings.http.address == "localhost" || settings.http.address == "::1" || settings.http.address.starts_with("127.");
  EXPECT_TRUE(loopback || settings.http.token.size() >= 8) << text;
  EXPECT_TRUE(settings.mqtt.host.empty() || (settings.mqtt.port >= 1 && settings.mqtt.port <= 65535)) << text;
  EXPECT_GE(settings.storage.keep, 0) << text;
  for (const auto &[name, camera] : settings.cameras) {
    EXPECT_TRUE(plain(name) && name == camera.name) << text;
    EXPECT_NE(camera.uri.find(':'), std::string::npos) << text;
    EXPECT_FALSE(camera.watch.empty()) << text;
    std::vector<std::string> names;
    for (const WatchSettings &watch : camera.watch) {
      EXPECT_TRUE(plain(watch.name)) << '"' << watch.name << "\"\n" << text;
      EXPECT_FALSE(watch.model.empty()) << text;
      EXPECT_GE(watch.drop_number, -1) << text;
      EXPECT_TRUE(!watch.still_threshold || (*watch.still_threshold >= 0 && *watch.still_threshold <= 10)) << text;
      names.push_back(watch.name);
    }
    std::sort(names.begin(), names.end());
    EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end()) << text;
    if (camera.record) {
      EXPECT_TRUE(camera.record->before >= 0 && camera.record->before <= 120 * kSecond) << text;
    }
  }
}

TEST(ReaderFuzz, MutatedFilesGiveErrorsOrSettings) {
  const Variable token("FUZZ_TOKEN", "hunter2hunter2");
  const ReadResult untouched = readText(kGood);
  ASSERT_TRUE(untouched.errors.empty()) << joined(untouched.errors);
  ASSERT_EQ(untouched.settings.cameras.size(), 3u);
  int good = 0, bad = 0;
  std::mt19937 random(20261130);
  for (int i = 0; i < 4000 && !testing::Test::HasFailure(); ++i) {
    const std::string text = mutated(kGood, random);
    const ReadResult result = readText(text);
    ++(result.errors.empty() ? good : bad);
    for (const std::string &error : result.errors) {
      EXPECT_EQ(error.find("f.yaml:"), 0u) << error;
      EXPECT_EQ(error.find("hunter2"), std::string::npos) << error << "\n" << text;
    }
    if (result.errors.empty()) expectPromisesKept(result.settings, text);
  }
  // The mutations must reach both outcomes.
  EXPECT_GT(good, 100);
  EXPECT_GT(bad, 1000);
}

TEST(ReaderFuzz, MutatedCamerasGiveErrorsOrTheCamera) {
  const std::string body =
      R"({"uri": "rtsp://a:pw@192.0.2.10/x", "transport": "udp", "watch": [{"model": "camera-watch", "classes": ["a", "b"]}], "record": {}})";
  std::mt19937 random(7);
  int good = 0;
  for (int i = 0; i < 2000 && !testing::Test::HasFailure(); ++i) {
    const std::string text = mutated(body, random);
    const ReadResult result = readCameraText("gate", text, {}, "/srv/sta", kModels);
    if (!result.errors.empty()) continue;
    ++good;
    ASSERT_EQ(result.settings.cameras.size(), 1u) << text;
    expectPromisesKept(result.settings, text);
  }
  EXPECT_GT(good, 20);
}

TEST(ReaderFuzz, DeepNestingIsNoCrash) {
  for (const char *open : {"[", "{a: ", "- ", "? "}) {
    std::string text = "cameras: ";
    if (*open == '-' || *open == '?') text = "";
    for (int i = 0; i < 20'000; ++i) text += open;
    EXPECT_FALSE(readText(text).errors.empty()) << open;
  }
}

}  // namespace
}  // namespace sta::monitor
