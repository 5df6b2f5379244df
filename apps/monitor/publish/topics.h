// SPDX-License-Identifier: MIT
// Names and payloads of all messages to the broker, and nothing else: read this file to write a client.
//
//   PREFIX/status                        online | offline (retained, last will)
//   PREFIX/CAMERA/status                 online | offline (retained): offline while no picture comes
//   PREFIX/CAMERA/MODEL/label            the newest window's label (retained, changes only)
//   PREFIX/CAMERA/MODEL/active/LABEL     ON | OFF (retained): whether an event of the label goes on
//   PREFIX/CAMERA/snapshot               picture of the newest event's beginning (retained, JPEG)
//   PREFIX/CAMERA/event                  each start and end of an event: JSON as in REST (QoS 1, kept until the broker
//                                        has it)
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "monitor/config/settings.h"

namespace sta::monitor {

using Message = std::pair<std::string, std::string>;  // topic, payload

class Topics {
 public:
  explicit Topics(const MqttSettings &settings) : prefix_(settings.prefix), discovery_(settings.discovery_prefix) {}
  std::string status() const { return prefix_ + "/status"; }
  std::string cameraStatus(const std::string &camera) const { return prefix_ + "/" + camera + "/status"; }
  std::string label(const std::string &camera, const std::string &model) const { return prefix_ + "/" + camera + "/" + model + "/label"; }
  std::string active(const std::string &camera, const std::string &model, const std::string &label) const;
  std::string event(const std::string &camera) const { return prefix_ + "/" + camera + "/event"; }
  std::string snapshot(const std::string &camera) const { return prefix_ + "/" + camera + "/snapshot"; }

  // Home Assistant's discovery messages: one device for each camera with its connection, an image of its newest event,
  // a sensor for each model's label, and a binary sensor for each label that can be an event. `labels` are those of the
  // model; the background is left out. The messages are to be retained.
  std::vector<Message> discovery(const CameraSettings &camera) const;
  std::vector<Message> discovery(const CameraSettings &camera, const WatchSettings &watch, const std::vector<std::string> &labels,
                                 const std::string &background) const;

 private:
  nlohmann::json entity(const CameraSettings &camera, const std::string &kind, const std::string &id, const std::string &name) const;
  Message config(const std::string &kind, const std::string &id, const nlohmann::json &entity) const;

  std::string prefix_, discovery_;
};

// The labels of a model that can become events with these settings.
std::vector<std::string> eventLabels(const WatchSettings &watch, const std::vector<std::string> &labels, const std::string &background);

// A label as part of a topic or an identifier: letters, digits, - and _. Spaces become _. Other characters also become
// _, and then a checksum of the label follows.
std::string topicPart(const std::string &label);

}  // namespace sta::monitor
