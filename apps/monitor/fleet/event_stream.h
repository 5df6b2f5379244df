// SPDX-License-Identifier: MIT
// Events on their way into the stream STA_EVENTS. They wait in an outbox that outlives the process until NATS has them.
// Each has a message id, so one that is sent twice is there once. Of one camera only one event is on its way at a time:
// what comes later is never before what came earlier.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "monitor/fleet/nats_link.h"
#include "monitor/fleet/outbox.h"

namespace sta::monitor::fleet {

class EventStream {
 public:
  EventStream(NatsLink &link, Outbox &outbox) : link_(link), outbox_(outbox) {}
  ~EventStream() { *life_ = false; }
  EventStream(const EventStream &) = delete;
  // `id` is the same whenever the same is said again.
  void publish(const std::string &camera, const std::string &id, const std::string &payload);
  // Several times a second.
  void tick() { pump(); }
  std::int64_t waiting() { return outbox_.count(); }
  const std::string &problem() const { return problem_; }  // why NATS did not take the newest; empty: it did

 private:
  void pump();
  void answered(std::int64_t sequence, const std::string &camera, const std::string *answer);

  NatsLink &link_;
  Outbox &outbox_;
  const SystemClock clock_;
  std::set<std::int64_t> in_flight_;
  std::set<std::string> busy_;  // cameras with an event on its way
  std::string problem_;
  Time next_try_ = 0;
  std::shared_ptr<bool> life_ = std::make_shared<bool>(true);
};

}  // namespace sta::monitor::fleet
