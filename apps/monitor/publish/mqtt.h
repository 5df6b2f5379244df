// SPDX-License-Identifier: MIT
// The connection to the broker. Events wait in the store's outbox, in order, until the broker has acknowledged them.
// States (retained topics) are remembered here and sent again whenever the connection comes back. Used from the main
// loop; libmosquitto's thread reaches it only through the main loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "monitor/config/settings.h"
#include "monitor/store/store.h"

struct mosquitto;

namespace sta::monitor {

class Mqtt {
 public:
  using Log = std::function<void(const std::string &)>;
  Mqtt(MqttSettings settings, Store &store, std::string status_topic, Log log);
  ~Mqtt();  // says "offline", and waits a moment for messages on their way
  Mqtt(const Mqtt &) = delete;

  // Publishes a state of a camera: the newest value of a retained topic. The store remembers the topic.
  void state(const std::string &topic, const std::string &payload, const std::string &camera);
  // Removes all retained topics of a camera.
  void forget(const std::string &camera);
  // Removes all retained topics that begin with none of these prefixes: the file had another prefix before.
  void forgetOthers(const std::vector<std::string> &prefixes);
  void event(const std::string &topic, const std::string &payload);
  bool connected() const { return connected_; }
  std::int64_t waiting() const { return store_.outboxCount(); }

 private:
  struct Link;  // the part that libmosquitto's thread may touch
  void connect();
  void onConnection(int code);
  void onAcknowledged(int message);
  void pump();
  void takeBack(const std::string &topic);
  void publish(const std::string &topic, const std::string &payload, bool retain, int *message);

  static constexpr int kMostInFlight = 20;
  const MqttSettings settings_;
  Store &store_;
  const std::string status_topic_;
  const Log log_;
  mosquitto *client_ = nullptr;
  std::shared_ptr<Link> link_;
  bool connected_ = false, running_ = false, told_ = false;
  unsigned retry_ = 0;
  std::map<std::string, std::string> states_;
  std::map<int, std::string> taken_back_;  // libmosquitto's message id -> topic
  std::map<int, std::int64_t> in_flight_;  // libmosquitto's message id -> sequence in the outbox
  std::int64_t handed_over_ = 0;           // the newest sequence that libmosquitto has
};

}  // namespace sta::monitor
