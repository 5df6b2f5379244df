// SPDX-License-Identifier: MIT
#include "monitor/publish/mqtt.h"

#include <glib.h>
#include <mosquitto.h>

#include "monitor/main_loop.h"

namespace sta::monitor {

struct Mqtt::Link {
  Mqtt *owner;  // nullptr after it is gone; main loop only
};

Mqtt::Mqtt(MqttSettings settings, Store &store, std::string status_topic, Log log)
    : settings_(std::move(settings)), store_(store), status_topic_(std::move(status_topic)), log_(std::move(log)), link_(new Link{this}) {
  mosquitto_lib_init();
  client_ = mosquitto_new(settings_.client_id.c_str(), true, link_.get());
  states_[status_topic_] = "online";
  mosquitto_will_set(client_, status_topic_.c_str(), 7, "offline", 1, true);
  if (!settings_.user.empty()) mosquitto_username_pw_set(client_, settings_.user.c_str(), settings_.password.c_str());
  if (settings_.tls)
    mosquitto_tls_set(client_, settings_.ca_file.empty() ? nullptr : settings_.ca_file.c_str(),
                      settings_.ca_file.empty() ? "/etc/ssl/certs" : nullptr, nullptr, nullptr, nullptr);
  mosquitto_max_inflight_messages_set(client_, kMostInFlight);
  mosquitto_reconnect_delay_set(client_, 1, 15, true);
  // The callbacks give the main loop closures that hold their own reference to the link.
  mosquitto_connect_callback_set(client_, [](mosquitto *, void *link, int code) {
    inMainLoop([link = static_cast<Link *>(link)->owner->link_, code] {
      if (link->owner) link->owner->onConnection(code);
    });
  });
  mosquitto_disconnect_callback_set(client_, [](mosquitto *, void *link, int) {
    inMainLoop([link = static_cast<Link *>(link)->owner->link_] {
      if (link->owner) link->owner->onConnection(-1);
    });
  });
  mosquitto_publish_callback_set(client_, [](mosquitto *, void *link, int message) {
    inMainLoop([link = static_cast<Link *>(link)->owner->link_, message] {
      if (link->owner) link->owner->onAcknowledged(message);
    });
  });
  connect();
}

Mqtt::~Mqtt() {
  if (retry_) g_source_remove(retry_);
  if (connected_) mosquitto_publish(client_, nullptr, status_topic_.c_str(), 7, "offline", 1, true);
  mosquitto_disconnect(client_);
  // After a disconnect libmosquitto's thread ends on its own. The link stays valid until then.
  if (running_) mosquitto_loop_stop(client_, false);
  link_->owner = nullptr;
  mosquitto_destroy(client_);
  mosquitto_lib_cleanup();
}

void Mqtt::connect() {
  const int status = mosquitto_connect_async(client_, settings_.host.c_str(), settings_.port, 20);
  if (!running_ && mosquitto_loop_start(client_) == MOSQ_ERR_SUCCESS) running_ = true;
  if (status == MOSQ_ERR_SUCCESS) return;
  if (!told_) log_("mqtt: no connection to " + settings_.host + ":" + std::to_string(settings_.port) + " yet; events wait");
  told_ = true;
  retry_ = g_timeout_add(
      2000,
      [](gpointer data) -> gboolean {
        auto *self = static_cast<Mqtt *>(data);
        self->retry_ = 0;
        if (!self->connected_) self->connect();
        return G_SOURCE_REMOVE;
      },
      this);
}

void Mqtt::onConnection(int code) {
  const bool was = connected_;
  connected_ = code == 0;
  if (connected_) {
    log_("mqtt: connected to " + settings_.host + ":" + std::to_string(settings_.port));
    told_ = false;
    for (const auto &[topic, payload] : states_) {
      if (payload.empty())
        takeBack(topic);
      else
        publish(topic, payload, true, nullptr);
    }
    pump();
  } else if (was) {
    log_("mqtt: the connection is lost; events wait until it is back");
  } else if (code > 0 && !told_) {
    log_(std::string("mqtt: refused by the broker: ") + mosquitto_connack_string(code));
    told_ = true;
  }
}

void Mqtt::publish(const std::string &topic, const std::string &payload, bool retain, int *message) {
  mosquitto_publish(client_, message, topic.c_str(), static_cast<int>(payload.size()), payload.data(), 1, retain);
}

void Mqtt::state(const std::string &topic, const std::string &payload, const std::string &camera) {
  const auto [known, fresh] = states_.try_emplace(topic);
  if (!fresh && known->second == payload) return;
  if (fresh || known->second.empty()) store_.retainedAdd(topic, camera);
  known->second = payload;
  if (connected_) publish(topic, payload, true, nullptr);
}

void Mqtt::forget(const std::string &camera) {
  for (const auto &[topic, of] : store_.retained()) {
    if (of != camera) continue;
    states_[topic].clear();
    if (connected_) takeBack(topic);
  }
}

void Mqtt::forgetOthers(const std::vector<std::string> &prefixes) {
  for (const auto &[topic, camera] : store_.retained()) {
    bool ours = false;
    for (const std::string &prefix : prefixes) ours = ours || (!prefix.empty() && topic.starts_with(prefix));
    if (ours) continue;
    states_[topic].clear();
    if (connected_) takeBack(topic);
  }
}

// An empty retained message removes the topic. The store forgets the topic when the broker has confirmed that.
void Mqtt::takeBack(const std::string &topic) {
  int message = 0;
  publish(topic, "", true, &message);
  taken_back_[message] = topic;
}

void Mqtt::event(const std::string &topic, const std::string &payload) {
  if (store_.outboxAdd(topic, payload) < 0) {
    // The store cannot keep it (the disk is full). It is better to send the event without keeping it than not at all.
    publish(topic, payload, false, nullptr);
    return;
  }
  pump();
}

// Hands over the outbox in order. After a broken connection libmosquitto itself sends again what it already has.
void Mqtt::pump() {
  if (!connected_) return;
  const int room = kMostInFlight - static_cast<int>(in_flight_.size());
  if (room <= 0) return;
  for (const OutboxEntry &entry : store_.outboxAfter(handed_over_, room)) {
    int message = 0;
    publish(entry.topic, entry.payload, false, &message);
    in_flight_[message] = entry.sequence;
    handed_over_ = entry.sequence;
  }
}

void Mqtt::onAcknowledged(int message) {
  const auto found = in_flight_.find(message);
  if (found == in_flight_.end()) {
    // It was a state. If it was taken back and has a value again by now, it stays known.
    if (const auto topic = taken_back_.find(message); topic != taken_back_.end()) {
      if (const auto known = states_.find(topic->second); known != states_.end() && known->second.empty()) {
        states_.erase(known);
        store_.retainedRemove(topic->second);
      }
      taken_back_.erase(topic);
    }
    return;
  }
  store_.outboxRemove(found->second);
  in_flight_.erase(found);
  pump();
}

}  // namespace sta::monitor
