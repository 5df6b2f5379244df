// SPDX-License-Identifier: MIT
#include "monitor/fleet/records.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sta::monitor::fleet {
namespace {

using nlohmann::json;

std::string dumped(const nlohmann::ordered_json &value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

// Whatever stands in a bucket, reading it never throws.
json parsed(const std::string &text) {
  json value = json::parse(text, nullptr, false);
  return value.is_object() ? value : json::object();
}

std::string textOf(const json &object, const char *key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

double numberOf(const json &object, const char *key, double unset) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : unset;
}

int wholeOf(const json &object, const char *key, int unset, int most) {
  return static_cast<int>(std::clamp(numberOf(object, key, unset), 0.0, static_cast<double>(most)));
}

constexpr NodeState kStates[] = {NodeState::kJoining, NodeState::kReady, NodeState::kDraining, NodeState::kDead};

}  // namespace

const char *stateWord(NodeState state) {
  switch (state) {
    case NodeState::kJoining:
      return "joining";
    case NodeState::kReady:
      return "ready";
    case NodeState::kDraining:
      return "draining";
    case NodeState::kDead:
      break;
  }
  return "dead";
}

std::string toJson(const LeaseRecord &record) {
  nlohmann::ordered_json object = {{"session", record.session}};
  if (!record.target.empty()) object["target"] = record.target;
  return dumped(object);
}

std::string toJson(const NodeRecord &record) {
  return dumped({{"node", record.node},
                 {"state", stateWord(record.state)},
                 {"capacity", record.capacity},
                 {"limit", record.limit},
                 {"load", record.load},
                 {"cameras", record.cameras},
                 {"version", record.version},
                 {"about", record.about}});
}

std::string toJson(const OrderRecord &record) { return dumped({{"drain", record.drain}}); }

LeaseRecord readLease(const std::string &text) {
  const json object = parsed(text);
  return {textOf(object, "session"), textOf(object, "target")};
}

NodeRecord readNode(const std::string &text) {
  const json object = parsed(text);
  NodeRecord record;
  record.node = textOf(object, "node");
  const std::string state = textOf(object, "state");
  for (NodeState known : kStates)
    if (state == stateWord(known)) record.state = known;
  record.capacity = wholeOf(object, "capacity", 0, 1'000'000);
  record.limit = wholeOf(object, "limit", record.capacity, record.capacity);
  record.load = std::clamp(numberOf(object, "load", 0), 0.0, 1.0);
  record.cameras = wholeOf(object, "cameras", 0, 1'000'000);
  record.version = textOf(object, "version");
  record.about = textOf(object, "about");
  return record;
}

OrderRecord readOrder(const std::string &text) {
  const json object = parsed(text);
  const auto drain = object.find("drain");
  return {drain != object.end() && drain->is_boolean() && drain->get<bool>()};
}

int importanceOf(const std::string &camera_json) { return wholeOf(parsed(camera_json), "importance", 50, 100); }

std::string nodeOfSession(const std::string &session) { return session.substr(0, session.rfind('.')); }

}  // namespace sta::monitor::fleet
