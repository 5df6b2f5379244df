// SPDX-License-Identifier: MIT
#include "monitor/fleet/event_stream.h"

#include <nlohmann/json.hpp>

namespace sta::monitor::fleet {
namespace {

constexpr std::size_t kMostInFlight = 64;
constexpr int kLookedAt = 512;

}  // namespace

void EventStream::publish(const std::string &camera, const std::string &id, const std::string &payload) {
  if (outbox_.add(camera, id, payload)) return pump();
  // The store cannot keep it (the disk is full). It is better to send the event without keeping it than not at all.
  link_.request(kEventSubject + camera, {{"Nats-Msg-Id", id}}, payload, [](const std::string *) {});
}

void EventStream::pump() {
  if (!link_.up() || clock_.now() < next_try_ || in_flight_.size() >= kMostInFlight) return;
  for (const OutboxEvent &event : outbox_.first(kLookedAt)) {
    if (in_flight_.size() >= kMostInFlight) break;
    if (in_flight_.contains(event.sequence) || busy_.contains(event.camera)) continue;
    in_flight_.insert(event.sequence);
    busy_.insert(event.camera);
    link_.request(kEventSubject + event.camera, {{"Nats-Msg-Id", event.id}}, event.payload,
                  [this, sequence = event.sequence, camera = event.camera, life = life_](const std::string *answer) {
                    if (*life) answered(sequence, camera, answer);
                  });
  }
}

void EventStream::answered(std::int64_t sequence, const std::string &camera, const std::string *answer) {
  in_flight_.erase(sequence);
  busy_.erase(camera);
  const auto json = answer ? nlohmann::json::parse(*answer, nullptr, false) : nlohmann::json();
  // (Of a message that was there already, the answer also says "duplicate".)
  if (json.is_object() && json.contains("seq") && !json.contains("error")) {
    problem_.clear();
    outbox_.remove(sequence);
    return pump();
  }
  problem_ = "NATS does not answer";
  if (json.is_object() && json.contains("error") && json["error"].is_object()) problem_ = json["error"].value("description", "NATS refused an event");
  next_try_ = clock_.now() + kSecond / 2;
}

}  // namespace sta::monitor::fleet
