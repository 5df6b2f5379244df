// SPDX-License-Identifier: MIT
#include "monitor/publish/topics.h"

#include <glib.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace sta::monitor {
namespace {

using nlohmann::json;

json device(const std::string &prefix, const CameraSettings &camera) {
  return {{"identifiers", {prefix + "_" + camera.name}}, {"name", camera.name}, {"manufacturer", "STA"}, {"model", "sta-monitor"}};
}

std::string sumOf(const std::string &text) {
  char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text.c_str(), -1);
  const std::string result(sum, 6);
  g_free(sum);
  return result;
}

// Joins the names by '_'. If a name has a '_' itself, a checksum keeps different lists of names apart.
std::string idOf(const std::vector<std::string> &parts) {
  std::string id, all;
  bool unclear = false;
  for (const std::string &part : parts) {
    unclear = unclear || part.find('_') != std::string::npos;
    id += (id.empty() ? "" : "_") + topicPart(part);
    all += part + "\n";
  }
  return unclear ? id + "_" + sumOf(all) : id;
}

std::string lowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string text(const json &value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

std::string topicPart(const std::string &label) {
  std::string part = label;
  bool changed = false;
  for (char &c : part)
    if (!g_ascii_isalnum(c) && c != '-' && c != '_') {
      changed = changed || c != ' ';  // spaces are common, and people guess what they become
      c = '_';
    }
  // Labels in other scripts would all become the same, so a checksum keeps them apart.
  return changed ? part + "_" + sumOf(label) : part;
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

// The fields that all entities have. Home Assistant took the entity's id from object_id up to 2026.3, and takes it from
// default_entity_id since then. Each version ignores the other field.
json Topics::entity(const CameraSettings &camera, const std::string &kind, const std::string &id, const std::string &name) const {
  return {
      {"name", name}, {"unique_id", id}, {"object_id", id}, {"default_entity_id", kind + "." + lowerCase(id)}, {"device", device(prefix_, camera)}};
}

Message Topics::config(const std::string &kind, const std::string &id, const json &entity) const {
  return {discovery_ + "/" + kind + "/" + id + "/config", text(entity)};
}

std::vector<Message> Topics::discovery(const CameraSettings &camera) const {
  const std::string connection_id = idOf({prefix_, camera.name, "connection"}), picture_id = idOf({prefix_, camera.name, "snapshot"});
  json connection = entity(camera, "binary_sensor", connection_id, "Connection");
  connection.update({{"device_class", "connectivity"},
                     {"state_topic", cameraStatus(camera.name)},
                     {"payload_on", "online"},
                     {"payload_off", "offline"},
                     {"availability_topic", status()}});
  json picture = entity(camera, "image", picture_id, "Newest event");
  picture.update({{"image_topic", snapshot(camera.name)}, {"content_type", "image/jpeg"}, {"availability_topic", status()}});
  return {config("binary_sensor", connection_id, connection), config("image", picture_id, picture)};
}

std::vector<Message> Topics::discovery(const CameraSettings &camera, const WatchSettings &watch, const std::vector<std::string> &labels,
                                       const std::string &background) const {
  std::vector<Message> messages;
  const std::string label_id = idOf({prefix_, camera.name, watch.name, "label"});
  // An entity is available only while both the monitor and the camera are.
  const json available = {{"availability", json::array({{{"topic", status()}}, {{"topic", cameraStatus(camera.name)}}})},
                          {"availability_mode", "all"}};
  json sensor = entity(camera, "sensor", label_id, watch.name + " label");
  sensor.update(available);
  sensor.update({{"icon", "mdi:motion-sensor"}, {"state_topic", label(camera.name, watch.name)}});
  messages.push_back(config("sensor", label_id, sensor));
  for (const std::string &name : eventLabels(watch, labels, background)) {
    const std::string id = idOf({prefix_, camera.name, watch.name, name});
    json binary = entity(camera, "binary_sensor", id, name);
    binary.update(available);
    binary["state_topic"] = active(camera.name, watch.name, name);
    messages.push_back(config("binary_sensor", id, binary));
  }
  return messages;
}

}  // namespace sta::monitor
