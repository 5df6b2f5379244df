// SPDX-License-Identifier: MIT
// Tests ${NAME} in a configuration. The environment variable must replace it. If there is none, that is an error. The
// value must never appear in any error.
#include <gtest/gtest.h>

#include "support.h"

namespace sta::monitor {
namespace {

std::string cameraWith(const std::string &key, const std::string &value) {
  std::string text = "cameras:\n  gate:\n";
  if (key != "uri") text += "    uri: test://ball\n";
  if (key != "watch") text += "    watch: [camera-watch]\n";
  return text + "    " + key + ": " + value + "\n";
}

std::string passwordOf(const std::string &value) {
  const ReadResult result = readText(cameraWith("password", value));
  EXPECT_TRUE(result.errors.empty()) << joined(result.errors);
  return result.settings.cameras.at("gate").password;
}

TEST(ReaderSecrets, VariablesAreReplaced) {
  const Variable a("TEST_A", "one"), b("TEST_B", "two"), empty("TEST_EMPTY", "");
  EXPECT_EQ(passwordOf("\"${TEST_A}\""), "one");
  EXPECT_EQ(passwordOf("${TEST_A}"), "one");
  EXPECT_EQ(passwordOf("\"<${TEST_A}${TEST_B}-${TEST_A}>\""), "<onetwo-one>");
  EXPECT_EQ(passwordOf("\"x${TEST_EMPTY}y\""), "xy");
  EXPECT_EQ(passwordOf("\"$TEST_A $ {TEST_A} }{ $\""), "$TEST_A $ {TEST_A} }{ $");
}

TEST(ReaderSecrets, AValueIsNotReplacedAgain) {
  const Variable a("TEST_A", "${TEST_B}"), b("TEST_B", "two");
  EXPECT_EQ(passwordOf("\"${TEST_A}\""), "${TEST_B}");
}

TEST(ReaderSecrets, ValuesAreNoYaml) {
  const Variable odd("TEST_A", "a: b\n- \"c' # d");
  EXPECT_EQ(passwordOf("${TEST_A}"), "a: b\n- \"c' # d");
}

TEST(ReaderSecrets, EveryKindOfValueMayBeAVariable) {
  const Variable number("TEST_NUMBER", "3"), duration("TEST_DURATION", "2s"), size("TEST_SIZE", "3GB"), yes("TEST_YES", "true"),
      word("TEST_WORD", "udp"), fraction("TEST_FRACTION", "0.25"), model("TEST_MODEL", "camera-watch");
  const ReadResult result = readText(R"yaml(
storage: { at-most: "${TEST_SIZE}", keep: "${TEST_DURATION}" }
cameras:
  gate:
    uri: file:///a.mp4
    loop: ${TEST_YES}
    transport: ${TEST_WORD}
    watch: [ { model: "${TEST_MODEL}", smoothing: "${TEST_NUMBER}", drop-number: "${TEST_NUMBER}", still-threshold: "${TEST_FRACTION}", enter-threshold: "${TEST_FRACTION}", classes: [ "${TEST_WORD}" ] } ]
)yaml");
  ASSERT_TRUE(result.errors.empty()) << joined(result.errors);
  const CameraSettings &gate = result.settings.cameras.at("gate");
  EXPECT_EQ(result.settings.storage.at_most, 3'000'000'000u);
  EXPECT_EQ(result.settings.storage.keep, 2 * kSecond);
  EXPECT_TRUE(gate.loop);
  EXPECT_EQ(gate.transport, Transport::kUdp);
  EXPECT_EQ(gate.watch.at(0).name, "camera-watch");
  EXPECT_EQ(gate.watch[0].smoothing, 3);
  EXPECT_EQ(gate.watch[0].drop_number, 3);
  EXPECT_EQ(gate.watch[0].still_threshold, 0.25);
  EXPECT_EQ(gate.watch[0].enter_threshold, 0.25);
  EXPECT_EQ(gate.watch[0].classes, std::vector<std::string>{"udp"});
}

TEST(ReaderSecrets, AMissingVariableIsAnError) {
  unsetenv("TEST_MISSING");
  const ReadResult result = readText(cameraWith("password", "\"x${TEST_MISSING}y\""));
  ASSERT_EQ(result.errors.size(), 1u) << joined(result.errors);
  EXPECT_EQ(result.errors[0].find("f.yaml:5: camera gate: password: "), 0u) << result.errors[0];
  EXPECT_NE(result.errors[0].find("the environment variable TEST_MISSING is not set"), std::string::npos) << result.errors[0];
  for (const char *open : {"\"${TEST_A\"", "\"${\"", "\"a${b\""}) {
    const ReadResult unclosed = readText(cameraWith("password", open));
    ASSERT_EQ(unclosed.errors.size(), 1u);
    EXPECT_NE(unclosed.errors[0].find("has no \"}\" behind it"), std::string::npos) << unclosed.errors[0];
  }
}

// One fault, one error: consequences of the fault are not reported too.
TEST(ReaderSecrets, AMissingTokenIsToldOnce) {
  unsetenv("TEST_MISSING");
  for (const char *listen : {"127.0.0.1:8090", "0.0.0.0:8090"}) {
    const ReadResult result = readText("http:\n  listen: " + std::string(listen) + "\n  token: \"${TEST_MISSING}\"\n");
    EXPECT_EQ(result.errors.size(), 1u) << joined(result.errors);
    EXPECT_EQ(result.errors.at(0).find("f.yaml:3: http: token: "), 0u) << joined(result.errors);
  }
}

TEST(ReaderSecrets, UserAndPasswordOfAnAddress) {
  const Variable user("TEST_USER", "admin"), password("TEST_PASSWORD", "p:@ss");
  const ReadResult result = readText(cameraWith("uri", "\"rtsp://${TEST_USER}:${TEST_PASSWORD}@192.0.2.1/x\""));
  ASSERT_TRUE(result.errors.empty()) << joined(result.errors);
  EXPECT_EQ(result.settings.cameras.at("gate").uri, "rtsp://192.0.2.1/x");
  EXPECT_EQ(result.settings.cameras.at("gate").user, "admin");
  EXPECT_EQ(result.settings.cameras.at("gate").password, "p:@ss");
}

// Whatever the value is and wherever it stands, no error may repeat it.
class NoErrorRepeats : public testing::TestWithParam<const char *> {};

TEST_P(NoErrorRepeats, AValue) {
  const std::string key = GetParam();
  for (const char *value : {"hunter2", "hunter2hunter2hunter2", "hunter2://x", "x:hunter2@y", "rtsp://u:hunter2/x@h", "rtsp://u:/hunter2@h",
                            "mqtt://hunter2:x", "-hunter2", "hunter2:8090", "hunter2#+/", "hunter2\nhunter2: [", "/hunter2", "hunter2 s"}) {
    const Variable secret("TEST_SECRET", value);
    std::string text;
    const std::string use = "\"${TEST_SECRET}\"";
    if (key.starts_with("http.") || key.starts_with("storage.") || key.starts_with("mqtt.")) {
      const std::size_t dot = key.find('.');
      text = key.substr(0, dot) + ": { " + (key.starts_with("mqtt.") && key != "mqtt.url" ? "url: \"mqtt://h\", " : "") + key.substr(dot + 1) + ": " +
             use + " }\n";
    } else if (key.starts_with("record.")) {
      text = cameraWith("record", "{ " + key.substr(7) + ": " + use + " }");
    } else if (key == "watch.model") {
      text = cameraWith("watch", "[ { model: " + use + " } ]");
    } else if (key == "watch") {
      text = cameraWith("watch", "[ " + use + " ]");
    } else if (key == "watch.name twice") {
      text = cameraWith("watch", "[ { model: camera-watch, name: " + use + " }, { model: camera-watch, name: " + use + " } ]");
    } else if (key.starts_with("watch.")) {
      text = cameraWith("watch", "[ { model: camera-watch, " + key.substr(6) + ": " + use + " } ]");
    } else {
      text = cameraWith(key, use);
    }
    for (const std::string &error : readText(text).errors) EXPECT_EQ(error.find("hunter2"), std::string::npos) << error;
  }
}

INSTANTIATE_TEST_SUITE_P(ReaderSecrets, NoErrorRepeats,
                         testing::Values("http.listen", "http.token", "mqtt.url", "mqtt.user", "mqtt.password", "mqtt.prefix", "mqtt.ca-file",
                                         "mqtt.home-assistant", "storage.folder", "storage.keep", "storage.at-most", "storage.keep-free", "uri",
                                         "user", "password", "loop", "transport", "record", "record.before", "record.after", "record.at-most",
                                         "record.on", "watch", "watch.model", "watch.name", "watch.name twice", "watch.device", "watch.drop-number",
                                         "watch.still-threshold", "watch.enter-threshold", "watch.exit-threshold", "watch.min-duration",
                                         "watch.release-duration", "watch.smoothing", "watch.hop", "watch.classes", "watch.background"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           std::string name = info.param;
                           for (char &c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

}  // namespace
}  // namespace sta::monitor
