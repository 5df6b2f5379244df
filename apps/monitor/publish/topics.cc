// SPDX-License-Identifier: MIT
#include "monitor/publish/topics.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sta::monitor {
namespace {

using nlohmann::json;

json device(const std::string &prefix, const CameraSettings &camera) {
  return {{"identifiers", {prefix + "_" + camera.name}}, {"name", camera.name}, {"manufacturer", "STA"}, {"model", "sta-monitor"}};
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

std::vector<Message> Topics::discovery(const CameraSettings &camera) const {
  const std::string id = topicPart(prefix_) + "_" + camera.name + "_connection";
  const json sensor = {{"name", "Connection"},
                       {"unique_id", id},
                       {"object_id", id},
                       {"device_class", "connectivity"},
                       {"state_topic", cameraStatus(camera.name)},
                       {"payload_on", "online"},
                       {"payload_off", "offline"},
                       {"availability_topic", status()},
                       {"device", device(prefix_, camera)}};
  return {{discovery_ + "/binary_sensor/" + id + "/config", text(sensor)}};
}

std::vector<Message> Topics::discovery(const CameraSettings &camera, const WatchSettings &watch, const std::vector<std::string> &labels,
                                       const std::string &background) const {
  std::vector<Message> messages;
  const std::string base = topicPart(prefix_) + "_" + camera.name + "_" + watch.name;
  // Available while both the monitor and the camera are.
  const json available = json::array({{{"topic", status()}}, {{"topic", cameraStatus(camera.name)}}});
  const json sensor = {{"name", watch.name + " label"},
                       {"unique_id", base + "_label"},
                       {"object_id", base + "_label"},
                       {"icon", "mdi:motion-sensor"},
                       {"state_topic", label(camera.name, watch.name)},
                       {"availability", available},
                       {"availability_mode", "all"},
                       {"device", device(prefix_, camera)}};
  messages.emplace_back(discovery_ + "/sensor/" + base + "_label/config", text(sensor));
  for (const std::string &name : labels) {
    if (name == background) continue;
    if (!watch.classes.empty() && std::find(watch.classes.begin(), watch.classes.end(), name) == watch.classes.end()) continue;
    const std::string id = base + "_" + topicPart(name);
    const json binary = {{"name", name},
                         {"unique_id", id},
                         {"object_id", id},
                         {"state_topic", active(camera.name, watch.name, name)},
                         {"availability", available},
                         {"availability_mode", "all"},
                         {"device", device(prefix_, camera)}};
    messages.emplace_back(discovery_ + "/binary_sensor/" + id + "/config", text(binary));
  }
  return messages;
}

}  // namespace sta::monitor
