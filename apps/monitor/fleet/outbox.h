// SPDX-License-Identifier: MIT
// Where events wait until NATS has them: a store that outlives the process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sta::monitor::fleet {

struct OutboxEvent {
  std::int64_t sequence = 0;
  std::string camera, id, payload;
};

struct Outbox {
  virtual ~Outbox() = default;
  virtual bool add(const std::string &camera, const std::string &id, const std::string &payload) = 0;
  virtual std::vector<OutboxEvent> first(int limit) = 0;  // the oldest first
  virtual void remove(std::int64_t sequence) = 0;
  virtual std::int64_t count() = 0;
};

}  // namespace sta::monitor::fleet
