// SPDX-License-Identifier: MIT
// Tests good configurations: what each key becomes, the defaults, where models are found, and the file that
// --print-defaults prints.
#include <gtest/gtest.h>

#include "support.h"

namespace sta::monitor {
namespace {

Settings read(const std::string &text) {
  ReadResult result = readText(text);
  EXPECT_TRUE(result.errors.empty()) << joined(result.errors);
  return result.settings;
}

CameraSettings readGate(const std::string &keys, const std::string &defaults = "") {
  return read(defaults + "cameras:\n  gate:\n    uri: rtsp://192.0.2.1/x\n" + keys).cameras["gate"];
}

const std::string kCameraWatch = STA_SOURCE_ROOT "/models/camera-watch";
const std::string kWatch = "    watch: [ camera-watch ]\n";

TEST(Reader, AWholeFile) {
  const Variable token("TEST_TOKEN", "0123456789abcdef"), user("TEST_USER", "admin"), password("TEST_PASSWORD", "hunter2");
  const Settings settings = read(R"yaml(
http:    { listen: "0.0.0.0:80", token: "${TEST_TOKEN}" }
mqtt:    { url: "mqtts://sta:pw@broker.example:8884", prefix: home/sta, home-assistant: true, ca-file: ca.pem, client-id: two, discovery-prefix: ha }
storage: { folder: /var/lib/sta-monitor, keep: 3d, at-most: 2GB, keep-free: 1GiB }
defaults:
  watch: [ { model: camera-watch, drop-number: auto, min-duration: 0.8s } ]
cameras:
  gate:  { uri: "rtsp://${TEST_USER}:${TEST_PASSWORD}@192.0.2.10/stream2", transport: udp, record: { before: 3s, after: 7s, at-most: 1min, on: [covered, pan-left] } }
  hall:
    uri: "file:///srv/clips/hall.mp4"
    loop: true
    watch:
      - { model: motion-watch, name: people, device: "cuda:1", drop-number: 12, still-threshold: 0.15, enter-threshold: 0.6, exit-threshold: 0.3, min-duration: 1s,
          release-duration: 250ms, hop: 400ms, smoothing: 3, classes: [left, right], background: still }
)yaml");
  EXPECT_EQ(settings.http, (HttpSettings{"0.0.0.0", 80, "0123456789abcdef"}));
  MqttSettings mqtt;
  mqtt.host = "broker.example";
  mqtt.port = 8884;
  mqtt.tls = mqtt.home_assistant = true;
  mqtt.ca_file = "/srv/sta/ca.pem";
  mqtt.user = "sta";
  mqtt.password = "pw";
  mqtt.prefix = "home/sta";
  mqtt.discovery_prefix = "ha";
  mqtt.client_id = "two";
  EXPECT_EQ(settings.mqtt, mqtt);
  EXPECT_EQ(settings.storage, (StorageSettings{"/var/lib/sta-monitor", 3 * 86400 * kSecond, 2'000'000'000, 1ull << 30}));
  ASSERT_EQ(settings.cameras.size(), 2u);

  CameraSettings gate;
  gate.name = "gate";
  gate.uri = "rtsp://192.0.2.10/stream2";
  gate.user = "admin";
  gate.password = "hunter2";
  gate.transport = Transport::kUdp;
  gate.record = RecordSettings{3 * kSecond, 7 * kSecond, 60 * kSecond, {"covered", "pan-left"}};
  gate.watch.resize(1);
  gate.watch[0].name = "camera-watch";
  gate.watch[0].model = kCameraWatch;
  gate.watch[0].drop_number = -1;
  gate.watch[0].min_duration = 800'000'000;
  EXPECT_EQ(settings.cameras.at("gate"), gate);

  CameraSettings hall;
  hall.name = "hall";
  hall.uri = "file:///srv/clips/hall.mp4";
  hall.loop = true;
  WatchSettings watch;
  watch.name = "people";
  watch.model = STA_SOURCE_ROOT "/models/motion-watch";
  watch.device = "cuda:1";
  watch.drop_number = 12;
  watch.still_threshold = 0.15;
  watch.enter_threshold = 0.6;
  watch.exit_threshold = 0.3;
  watch.min_duration = kSecond;
  watch.release_duration = 250'000'000;
  watch.hop = 400'000'000;
  watch.smoothing = 3;
  watch.classes = {"left", "right"};
  watch.background = "still";
  hall.watch = {watch};
  EXPECT_EQ(settings.cameras.at("hall"), hall);
}

TEST(Reader, WhatIsNotSaidIsTheDefault) {
  const Settings settings = read("cameras: { gate: { uri: test://ball, watch: [camera-watch] } }");
  EXPECT_EQ(settings.http, HttpSettings{});
  EXPECT_EQ(settings.mqtt, MqttSettings{});
  StorageSettings storage;
  storage.folder = "/srv/sta/sta-monitor-data";
  EXPECT_EQ(settings.storage, storage);
  WatchSettings watch;
  watch.name = "camera-watch";
  watch.model = kCameraWatch;
  CameraSettings gate;
  gate.name = "gate";
  gate.uri = "test://ball";
  gate.watch = {watch};
  EXPECT_EQ(settings.cameras.at("gate"), gate);
}

TEST(Reader, NullIsAsIfTheKeyWereNotThere) {
  const Settings settings = read(
      "http:\nmqtt: ~\nstorage: { keep: ~ }\ndefaults: { watch: [camera-watch] }\ncameras: { gate: { uri: test://ball, watch: ~, record: null } }");
  EXPECT_EQ(settings.http, HttpSettings{});
  EXPECT_EQ(settings.mqtt.host, "");
  EXPECT_EQ(settings.storage.keep, StorageSettings{}.keep);
  EXPECT_EQ(settings.cameras.at("gate").watch.size(), 1u);
  EXPECT_FALSE(settings.cameras.at("gate").record);
}

TEST(Reader, JsonIsRead) {
  const CameraSettings gate =
      read(R"({"cameras": {"gate": {"uri": "file:///a.mp4", "loop": true, "watch": [{"model": "camera-watch", "smoothing": 2}]}}})").cameras["gate"];
  EXPECT_TRUE(gate.loop);
  EXPECT_EQ(gate.watch.at(0).smoothing, 2);
}

TEST(Reader, TheFileOfDefaultsIsGoodAndSaysTheDefaults) {
  const Settings settings = read(defaultsText());
  EXPECT_EQ(settings.http, HttpSettings{});
  EXPECT_EQ(settings.mqtt, MqttSettings{});
  StorageSettings storage;
  storage.folder = "/srv/sta/" + storage.folder;
  EXPECT_EQ(settings.storage, storage);
  ASSERT_EQ(settings.cameras.size(), 1u);
  const CameraSettings &camera = settings.cameras.begin()->second;
  EXPECT_EQ(camera.transport, CameraSettings{}.transport);
  EXPECT_FALSE(camera.record);
  ASSERT_EQ(camera.watch.size(), 1u);
  EXPECT_EQ(camera.watch[0].model, kCameraWatch);
}

// Every commented-out key in the file must be a real key, and its value the default.
TEST(Reader, TheCommentsOfTheFileOfDefaultsAreGood) {
  const Variable token("STA_TOKEN", "0123456789"), broker("MQTT_PASSWORD", "pw"), camera_password("CAM_PASSWORD", "pw"), nats("NATS_PASSWORD", "pw");
  std::istringstream lines(defaultsText());
  std::string text, line;
  int uncommented = 0;
  std::getline(lines, line);  // a sentence
  while (std::getline(lines, line)) {
    const std::size_t hash = line.find_first_not_of(' ');
    if (hash != std::string::npos && line.compare(hash, 2, "# ") == 0) {
      line.erase(hash, 2);
      ++uncommented;
    }
    text += line + "\n";
  }
  EXPECT_GT(uncommented, 20);
  const Settings settings = read(text);
  MqttSettings mqtt;
  mqtt.host = "127.0.0.1";
  mqtt.password = "pw";
  EXPECT_EQ(settings.mqtt, mqtt);
  ASSERT_EQ(settings.cameras.size(), 1u);
  const CameraSettings &camera = settings.cameras.begin()->second;
  EXPECT_FALSE(camera.loop);
  const WatchSettings &watch = camera.watch.at(0);
  EXPECT_EQ(watch.device, WatchSettings{}.device);
  EXPECT_EQ(watch.drop_number, WatchSettings{}.drop_number);
  EXPECT_EQ(watch.still_threshold, 0);
  EXPECT_TRUE(watch.enter_threshold && watch.exit_threshold && watch.min_duration && watch.release_duration && watch.smoothing && watch.hop);
  EXPECT_TRUE(watch.classes.empty());
}

TEST(Reader, CamerasTakeWhatDefaultsSay) {
  const std::string defaults =
      "defaults: { transport: udp, record: { before: 9s, on: [covered] }, watch: [ { model: camera-watch, smoothing: 4 } ] }\n";
  const CameraSettings gate = readGate("", defaults);
  EXPECT_EQ(gate.transport, Transport::kUdp);
  ASSERT_TRUE(gate.record);
  EXPECT_EQ(gate.record->before, 9 * kSecond);
  EXPECT_EQ(gate.record->on, std::vector<std::string>{"covered"});
  ASSERT_EQ(gate.watch.size(), 1u);
  EXPECT_EQ(gate.watch[0].smoothing, 4);
  EXPECT_EQ(gate.name, "gate");

  const CameraSettings other = readGate("    transport: tcp\n    record: false\n    watch: [ motion-watch ]\n", defaults);
  EXPECT_EQ(other.transport, Transport::kTcp);
  EXPECT_FALSE(other.record);
  ASSERT_EQ(other.watch.size(), 1u) << "a list replaces the list of the defaults";
  EXPECT_EQ(other.watch[0].name, "motion-watch");
  EXPECT_FALSE(other.watch[0].smoothing);
}

TEST(Reader, OneCameraChangesNoOther) {
  const Settings settings = read(
      "defaults: { watch: [ camera-watch ], record: true }\n"
      "cameras:\n  a: { uri: test://ball, record: false, watch: [ motion-watch ] }\n  b: { uri: test://ball }\n");
  EXPECT_FALSE(settings.cameras.at("a").record);
  EXPECT_TRUE(settings.cameras.at("b").record);
  EXPECT_EQ(settings.cameras.at("b").watch.at(0).name, "camera-watch");
}

TEST(Reader, Record) {
  EXPECT_FALSE(readGate(kWatch).record);
  EXPECT_FALSE(readGate(kWatch + "    record: false\n").record);
  EXPECT_EQ(readGate(kWatch + "    record: true\n").record, RecordSettings{});
  EXPECT_EQ(readGate(kWatch + "    record: {}\n").record, RecordSettings{});
  EXPECT_EQ(readGate(kWatch + "    record: { on: covered }\n").record, (RecordSettings{5 * kSecond, 10 * kSecond, 300 * kSecond, {"covered"}}));
  EXPECT_EQ(readGate(kWatch + "    record: { before: 0s, after: 0, at-most: 1s, on: [a, b] }\n").record, (RecordSettings{0, 0, kSecond, {"a", "b"}}));
}

// The rule for every other switch must hold for this one too.
TEST(Reader, RecordTakesEveryWordForTrueAndFalse) {
  for (const char *word : {"yes", "on", "true"}) EXPECT_TRUE(readGate(kWatch + "    record: " + word + "\n").record) << word;
  for (const char *word : {"no", "off", "false"})
    EXPECT_FALSE(readGate(kWatch + "    record: " + word + "\n", "defaults: { record: true }\n").record) << word;
}

TEST(Reader, Listen) {
  const std::pair<const char *, HttpSettings> cases[] = {
      {"127.0.0.1:8090", {"127.0.0.1", 8090, ""}},   {"127.0.0.1:0", {"127.0.0.1", 0, ""}}, {"localhost:80", {"localhost", 80, ""}},
      {"127.1.2.3:65535", {"127.1.2.3", 65535, ""}}, {"[::1]:8090", {"::1", 8090, ""}},
  };
  for (const auto &[listen, want] : cases) EXPECT_EQ(read("http: { listen: \"" + std::string(listen) + "\" }").http, want) << listen;
  EXPECT_EQ(read("http: { listen: \"[::]:80\", token: 12345678 }").http, (HttpSettings{"::", 80, "12345678"}));
}

TEST(Reader, Broker) {
  const auto mqtt = [](const std::string &keys) { return read("mqtt: { " + keys + " }").mqtt; };
  EXPECT_EQ(mqtt("url: \"mqtt://h\"").port, 1883);
  EXPECT_EQ(mqtt("url: \"mqtts://h\"").port, 8883);
  EXPECT_EQ(mqtt("url: \"mqtt://h:1884/\"").port, 1884);
  EXPECT_EQ(mqtt("url: \"mqtt://h:1884/\"").host, "h");
  EXPECT_FALSE(mqtt("url: \"mqtt://h\"").tls);
  EXPECT_TRUE(mqtt("url: \"mqtts://h\"").tls);
  EXPECT_EQ(mqtt("url: \"mqtt://a:p%40q@h\"").password, "p@q");
  // A camera's own key wins.
  const MqttSettings own = mqtt("url: \"mqtt://a:b@h\", user: c, password: d");
  EXPECT_EQ(own.user + own.password, "cd");
}

// A resolver does not know brackets.
TEST(Reader, ABrokerAtAnIpv6Address) {
  const MqttSettings with_port = read("mqtt: { url: \"mqtt://[2001:db8::1]:1884\" }").mqtt, without = read("mqtt: { url: \"mqtt://[::1]\" }").mqtt;
  EXPECT_EQ(with_port.host, "2001:db8::1");
  EXPECT_EQ(with_port.port, 1884);
  EXPECT_EQ(without.host, "::1");
  EXPECT_EQ(without.port, 1883);
}

TEST(Reader, AddressesOfCameras) {
  const auto uri = [](const std::string &text) {
    return read("cameras: { gate: { uri: \"" + text + "\", watch: [camera-watch] } }").cameras["gate"].uri;
  };
  for (const char *same :
       {"rtsp://h/x", "rtsps://h/x", "http://h/x?y=z", "https://h", "file:///a.mp4", "v4l2:///dev/video0", "test://ball", "rtsp://[::1]:554/x"})
    EXPECT_EQ(uri(same), same);
  // Paths, as people write them.
  EXPECT_EQ(uri("/srv/clips/hall.mp4"), "file:///srv/clips/hall.mp4");
  EXPECT_EQ(uri("clips/hall.mp4"), "file:///srv/sta/clips/hall.mp4");
  EXPECT_EQ(uri("../a b.mp4"), "file:///srv/a%20b.mp4");
}

TEST(Reader, UserAndPasswordOfTheirOwnWin) {
  const CameraSettings gate =
      read("cameras: { gate: { uri: \"rtsp://a:b@h/x\", user: c, password: \"d:/@\", watch: [camera-watch] } }").cameras["gate"];
  EXPECT_EQ(gate.uri, "rtsp://h/x");
  EXPECT_EQ(gate.user, "c");
  EXPECT_EQ(gate.password, "d:/@");
}

TEST(Reader, OneCameraFromRest) {
  const ReadResult good =
      readCameraText("gate", R"({"uri": "hall.mp4", "watch": [{"model": "camera-watch"}], "record": true})", {}, "/srv/sta", kModels);
  EXPECT_TRUE(good.errors.empty()) << joined(good.errors);
  ASSERT_EQ(good.settings.cameras.size(), 1u);
  const CameraSettings &gate = good.settings.cameras.at("gate");
  EXPECT_EQ(gate.name, "gate");
  EXPECT_EQ(gate.uri, "file:///srv/sta/hall.mp4");
  EXPECT_TRUE(gate.record);
  EXPECT_EQ(gate.watch.at(0).model, kCameraWatch);
}

TEST(Reader, ACameraFromRestIsTheSameAsInTheFile) {
  const std::string defaults = "defaults: { transport: udp, record: { before: 9s }, watch: [ { model: camera-watch, smoothing: 4 } ] }\n";
  for (const char *body : {R"({"uri": "rtsp://h/x"})", R"({"uri": "rtsp://h/x", "record": false, "transport": "tcp", "watch": ["motion-watch"]})"}) {
    const Settings file = read(defaults + "cameras: { gate: " + body + " }");
    const ReadResult rest = readCameraText("gate", body, file.defaults, "/srv/sta", kModels);
    EXPECT_TRUE(rest.errors.empty()) << joined(rest.errors);
    EXPECT_EQ(rest.settings.cameras.at("gate"), file.cameras.at("gate")) << body;
  }
}

}  // namespace
}  // namespace sta::monitor
