// SPDX-License-Identifier: MIT
#include "monitor/publish/topics.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace sta::monitor {
namespace {

using nlohmann::json;

json device(const std::string &prefix, const CameraSettings &camera) {
  return {{"identifiers", {prefix + "_" + camera.name}}, {"name", camera.name}, {"manufacturer", "STA"}, {"model", "sta-monitor"}};
}

std::string lowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string text(const json &value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

std::string topicPart(const std::string &label) {
  std::string part = label;
  for (char &c : part)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) c = '_';
  return part;
}

std::string Topics::active(const std::string &camera, const std::string &model, const std::string &label) const {
  return prefix_ + "/" + camera + "/" + model + "/active/" + topicPart(label);
}

std::vector<std::string> eventLabels(const WatchSettings &watch, const std::vector<std::string> &labels, const std::string &background) {
  std::vector<std::string> found;
  for (const std::string &label : labels) {
    const bool chosen = watch.classes.empty() || std::find(watch.classes.begin(), watch.classes.end(), label) != watch.classes.end();
    if (label != background && chosen) found.push_back(label);
  }
  return found;
}

// What all entities say of themselves. Home Assistant took the entity's id from object_id up to 2026.3, and takes it from default_entity_id since;
// each leaves the other alone.
json Topics::entity(const CameraSettings &camera, const std::string &kind, const std::string &id, const std::string &name) const {
  return {
      {"name", name}, {"unique_id", id}, {"object_id", id}, {"default_entity_id", kind + "." + lowerCase(id)}, {"device", device(prefix_, camera)}};
}

Message Topics::config(const std::string &kind, const std::string &id, const json &entity) const {
  return {discovery_ + "/" + kind + "/" + id + "/config", text(entity)};
}

std::vector<Message> Topics::discovery(const CameraSettings &camera) const {
  const std::string base = topicPart(prefix_) + "_" + camera.name;
  json connection = entity(camera, "binary_sensor", base + "_connection", "Connection");
  connection.update({{"device_class", "connectivity"},
                     {"state_topic", cameraStatus(camera.name)},
                     {"payload_on", "online"},
                     {"payload_off", "offline"},
                     {"availability_topic", status()}});
  json picture = entity(camera, "image", base + "_snapshot", "Newest event");
  picture.update({{"image_topic", snapshot(camera.name)}, {"content_type", "image/jpeg"}, {"availability_topic", status()}});
  return {config("binary_sensor", base + "_connection", connection), config("image", base + "_snapshot", picture)};
}

std::vector<Message> Topics::discovery(const CameraSettings &camera, const WatchSettings &watch, const std::vector<std::string> &labels,
                                       const std::string &background) const {
  std::vector<Message> messages;
  const std::string base = topicPart(prefix_) + "_" + camera.name + "_" + watch.name;
  // Available while both the monitor and the camera are.
  const json available = {{"availability", json::array({{{"topic", status()}}, {{"topic", cameraStatus(camera.name)}}})},
                          {"availability_mode", "all"}};
  json sensor = entity(camera, "sensor", base + "_label", watch.name + " label");
  sensor.update(available);
  sensor.update({{"icon", "mdi:motion-sensor"}, {"state_topic", label(camera.name, watch.name)}});
  messages.push_back(config("sensor", base + "_label", sensor));
  for (const std::string &name : eventLabels(watch, labels, background)) {
    const std::string id = base + "_" + topicPart(name);
    json binary = entity(camera, "binary_sensor", id, name);
    binary.update(available);
    binary["state_topic"] = active(camera.name, watch.name, name);
    messages.push_back(config("binary_sensor", id, binary));
  }
  return messages;
}

}  // namespace sta::monitor
