// SPDX-License-Identifier: MIT
// Tests what goes to the broker: names of topics, and Home Assistant's discovery with the fields that it needs.
#include "monitor/publish/topics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace sta::monitor {
namespace {

using nlohmann::json;

const Topics kTopics{MqttSettings{}};

CameraSettings camera(const std::string &name) {
  CameraSettings settings;
  settings.name = name;
  settings.uri = "rtsp://192.0.2.10/secret-path";
  settings.user = "admin";
  settings.password = "hunter2";
  return settings;
}

WatchSettings watch(const std::string &name, std::vector<std::string> classes = {}) {
  WatchSettings settings;
  settings.name = name;
  settings.classes = std::move(classes);
  return settings;
}

// Topic -> payload. Every topic appears once.
std::map<std::string, json> parsed(const std::vector<Message> &messages) {
  std::map<std::string, json> result;
  for (const auto &[topic, payload] : messages) {
    EXPECT_FALSE(result.contains(topic)) << topic;
    result[topic] = json::parse(payload, nullptr, false);
    EXPECT_TRUE(result[topic].is_object()) << topic << ": " << payload;
  }
  return result;
}

std::set<std::string> labelsOf(const std::vector<Message> &messages) {
  std::set<std::string> labels;
  for (const auto &[topic, payload] : messages)
    if (topic.find("/binary_sensor/") != std::string::npos) labels.insert(json::parse(payload)["name"]);
  return labels;
}

TEST(Topics, Names) {
  EXPECT_EQ(kTopics.status(), "sta/status");
  EXPECT_EQ(kTopics.cameraStatus("gate"), "sta/gate/status");
  EXPECT_EQ(kTopics.label("gate", "camera-watch"), "sta/gate/camera-watch/label");
  EXPECT_EQ(kTopics.active("gate", "camera-watch", "pan-left"), "sta/gate/camera-watch/active/pan-left");
  EXPECT_EQ(kTopics.event("gate"), "sta/gate/event");
  EXPECT_EQ(kTopics.snapshot("gate"), "sta/gate/snapshot");
}

TEST(Topics, NamesBeginWithThePrefix) {
  MqttSettings settings;
  settings.prefix = "home/sta";
  const Topics topics(settings);
  EXPECT_EQ(topics.status(), "home/sta/status");
  EXPECT_EQ(topics.cameraStatus("gate"), "home/sta/gate/status");
  EXPECT_EQ(topics.label("gate", "m"), "home/sta/gate/m/label");
  EXPECT_EQ(topics.active("gate", "m", "left"), "home/sta/gate/m/active/left");
  EXPECT_EQ(topics.event("gate"), "home/sta/gate/event");
}

TEST(Topics, LabelsBecomePartsOfTopics) {
  EXPECT_EQ(topicPart("pan-left"), "pan-left");
  EXPECT_EQ(topicPart("Left_2"), "Left_2");
  for (const char *odd : {"playing guitar", "a/b", "a+b", "#", "$SYS", "a\nb", "\xC3\xB6\x66\x66nen", "(quoted) \"x\"", "a.b", ""}) {
    const std::string part = topicPart(odd);
    EXPECT_EQ(part.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"), std::string::npos) << odd << ": " << part;
  }
}

// Checks the fields that every entity has. Returns the kind that its topic names.
std::string expectEntity(const std::string &topic, const json &entity) {
  const std::string id = entity["unique_id"], start = "homeassistant/", end = "/" + id + "/config";
  EXPECT_TRUE(topic.starts_with(start) && topic.ends_with(end)) << topic << ": " << entity;
  const std::string kind = topic.substr(start.size(), topic.size() - start.size() - end.size());
  EXPECT_EQ(entity["object_id"], id);
  std::string lower = kind + "." + id;
  for (char &c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  EXPECT_EQ(entity["default_entity_id"], lower);
  EXPECT_EQ(entity["device"]["name"], "gate");
  EXPECT_FALSE(entity["device"]["identifiers"].empty());
  EXPECT_FALSE(entity["name"].get<std::string>().empty());
  return kind;
}

TEST(Topics, DiscoveryOfACamera) {
  std::set<std::string> kinds;
  for (const auto &[topic, entity] : parsed(kTopics.discovery(camera("gate")))) {
    const std::string kind = expectEntity(topic, entity);
    kinds.insert(kind);
    // While the monitor is away nobody knows the state. While the camera is away the state is "off", not unavailable.
    EXPECT_EQ(entity["availability_topic"], kTopics.status());
    EXPECT_FALSE(entity.contains("availability"));
    if (kind == "binary_sensor") {
      EXPECT_EQ(entity["device_class"], "connectivity");
      EXPECT_EQ(entity["state_topic"], kTopics.cameraStatus("gate"));
      EXPECT_EQ(entity["payload_on"], "online");
      EXPECT_EQ(entity["payload_off"], "offline");
    } else {
      EXPECT_EQ(entity["image_topic"], kTopics.snapshot("gate"));
      EXPECT_EQ(entity["content_type"], "image/jpeg");
    }
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"binary_sensor", "image"}));
}

TEST(Topics, DiscoveryOfAModel) {
  const auto messages = parsed(kTopics.discovery(camera("gate"), watch("camera-watch"), {"steady", "covered", "pan-left"}, "steady"));
  ASSERT_EQ(messages.size(), 3u);
  int labels = 0;
  for (const auto &[topic, entity] : messages) {
    const std::string kind = expectEntity(topic, entity);
    EXPECT_EQ(entity["availability_mode"], "all");
    ASSERT_EQ(entity["availability"].size(), 2u);
    EXPECT_EQ(entity["availability"][0]["topic"], kTopics.status());
    EXPECT_EQ(entity["availability"][1]["topic"], kTopics.cameraStatus("gate"));
    if (kind == "sensor") {
      EXPECT_EQ(entity["state_topic"], kTopics.label("gate", "camera-watch"));
      ++labels;
    } else {
      EXPECT_EQ(kind, "binary_sensor");
      EXPECT_EQ(entity["state_topic"], kTopics.active("gate", "camera-watch", entity["name"]));
      // ON and OFF are Home Assistant's own defaults.
      EXPECT_EQ(entity.value("payload_on", "ON"), "ON");
      EXPECT_EQ(entity.value("payload_off", "OFF"), "OFF");
    }
  }
  EXPECT_EQ(labels, 1);
}

TEST(Topics, ACameraIsOneDevice) {
  std::set<json> devices;
  for (const auto &[topic, payload] : kTopics.discovery(camera("gate"))) devices.insert(json::parse(payload)["device"]["identifiers"]);
  for (const char *model : {"camera-watch", "motion-watch"})
    for (const auto &[topic, payload] : kTopics.discovery(camera("gate"), watch(model), {"a", "b"}, ""))
      devices.insert(json::parse(payload)["device"]["identifiers"]);
  EXPECT_EQ(devices.size(), 1u);
  devices.insert(json::parse(kTopics.discovery(camera("hall"))[0].second)["device"]["identifiers"]);
  EXPECT_EQ(devices.size(), 2u);
}

TEST(Topics, BackgroundAndClassesAreRespected) {
  using Labels = std::set<std::string>;
  const std::vector<std::string> all = {"steady", "covered", "defocused", "pan-left"};
  const auto told = [&](std::vector<std::string> classes, const std::string &background) {
    return labelsOf(kTopics.discovery(camera("gate"), watch("m", std::move(classes)), all, background));
  };
  EXPECT_EQ(told({}, ""), Labels(all.begin(), all.end()));
  EXPECT_EQ(told({}, "steady"), (Labels{"covered", "defocused", "pan-left"}));
  EXPECT_EQ(told({"covered"}, "steady"), (Labels{"covered"}));
  EXPECT_EQ(told({"covered", "steady"}, "steady"), (Labels{"covered"}));
  EXPECT_EQ(told({"pan-left", "covered", "unknown"}, ""), (Labels{"covered", "pan-left"}));
  EXPECT_EQ(told({"unknown"}, ""), Labels{});
  EXPECT_EQ(eventLabels(watch("m", {"pan-left", "covered"}), all, "steady"), (std::vector<std::string>{"covered", "pan-left"}))
      << "the model's order";
}

TEST(Topics, PrefixesOfTheirOwn) {
  MqttSettings settings;
  settings.prefix = "home/sta";
  settings.discovery_prefix = "ha";
  const Topics topics(settings);
  for (const auto &messages : {topics.discovery(camera("gate")), topics.discovery(camera("gate"), watch("m"), {"left"}, "")})
    for (const auto &[topic, sensor] : parsed(messages)) {
      EXPECT_TRUE(topic.starts_with("ha/")) << topic;
      // PREFIX/KIND/ID/config: Home Assistant takes letters, digits, - and _ only.
      EXPECT_EQ(std::count(topic.begin(), topic.end(), '/'), 3) << topic;
      EXPECT_TRUE(sensor.value("state_topic", sensor.value("image_topic", "")).starts_with("home/sta/gate/")) << sensor;
    }
}

TEST(Topics, OddLabelsMakeWholeTopicsAndPayloads) {
  const std::vector<std::string> odd = {"playing \"guitar\"", "a/b+c#d", "\xC3\xB6\x66\x66nen", "back\\slash", "not \xFF UTF-8"};
  const auto messages = parsed(kTopics.discovery(camera("gate"), watch("m"), odd, ""));
  ASSERT_EQ(messages.size(), odd.size() + 1);
  std::set<std::string> names;
  for (const auto &[topic, sensor] : messages) {
    EXPECT_EQ(topic.find_first_of("+# \"\\\n"), std::string::npos) << topic;
    EXPECT_EQ(std::count(topic.begin(), topic.end(), '/'), 3) << topic;
    names.insert(sensor["name"]);
  }
  for (const char *name : {"playing \"guitar\"", "a/b+c#d", "\xC3\xB6\x66\x66nen", "back\\slash"}) EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_EQ(kTopics.active("gate", "m", "a/b"), "sta/gate/m/active/" + topicPart("a/b"));
}

// Two labels on one topic would switch each other off.
TEST(Topics, LabelsThatDifferHaveTopicsThatDiffer) {
  const std::vector<std::string> labels = {
      "\xE8\xB5\xB0\xE8\xB7\xAF", "\xE8\xB7\x91\xE6\xAD\xA5", "\xC3\xB6\x66\x66nen", "\xC3\xA4\x66\x66nen", "a b", "a/b", "a+b"};
  std::set<std::string> topics, ids;
  for (const std::string &label : labels) topics.insert(kTopics.active("gate", "m", label));
  for (const auto &[topic, payload] : kTopics.discovery(camera("gate"), watch("m"), labels, "")) ids.insert(json::parse(payload)["unique_id"]);
  EXPECT_EQ(topics.size(), labels.size());
  EXPECT_EQ(ids.size(), labels.size() + 1);
}

// Names may contain '_' too, so joining them with '_' is not enough.
TEST(Topics, CamerasAndModelsThatDifferHaveIdsThatDiffer) {
  std::set<std::string> topics;
  std::size_t messages = 0;
  const std::pair<const char *, const char *> pairs[] = {{"a", "b_c"}, {"a_b", "c"}, {"a", "b"}, {"a_b_c", "d"}};
  for (const auto &[name, model] : pairs)
    for (const auto &[topic, payload] : kTopics.discovery(camera(name), watch(model), {"left", "c_left", "connection", "snapshot"}, "")) {
      topics.insert(topic);
      ++messages;
    }
  for (const char *name : {"a", "a_b", "a_b_c"})
    for (const auto &[topic, payload] : kTopics.discovery(camera(name))) {
      topics.insert(topic);
      ++messages;
    }
  EXPECT_EQ(topics.size(), messages);
}

TEST(Topics, NothingTellsTheAddress) {
  for (const auto &messages : {kTopics.discovery(camera("gate")), kTopics.discovery(camera("gate"), watch("m"), {"left"}, "")})
    for (const auto &[topic, payload] : messages)
      for (const char *secret : {"hunter2", "admin", "192.0.2.10", "secret-path"})
        EXPECT_EQ((topic + payload).find(secret), std::string::npos) << payload;
}

}  // namespace
}  // namespace sta::monitor
