// SPDX-License-Identifier: MIT
// The fleet as sta-monitor sees it: it is told which cameras to watch, and tells its events. An interface, so that the
// monitor needs no libnats to be compiled; without it joinFleet() says that it is missing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "monitor/fleet/outbox.h"
#include "monitor/fleet/settings.h"
#include "monitor/fleet/watchers.h"

namespace sta::monitor::fleet {

struct FleetStatus {
  std::string node, state;  // joining, ready, draining, or alone: NATS does not answer
  std::string problem;      // a sentence for people; empty: all is well
  int registered = 0;       // cameras of the whole fleet
  int watched = 0;          // by this node
  int unwatched = 0;        // cameras that no node has
  int nodes = 0;
  std::int64_t events_waiting = 0;
};

struct Fleet {
  using Post = std::function<void(std::function<void()>)>;  // runs something in the owner's thread, soon
  virtual ~Fleet() = default;
  // Four times a second.
  virtual void tick(double engine_load) = 0;
  // Says that an event began or ended. `id` is the same whenever the same is said again.
  virtual void publish(const std::string &camera, const std::string &id, const std::string &json) = 0;
  // Whether this node may still tell of a camera, by its own clock.
  virtual bool entitled(const std::string &camera) const = 0;
  // The registry. What is written is seen by all nodes a moment later; a failure is told in the log.
  virtual bool registered(const std::string &camera) const = 0;
  virtual void putCamera(const std::string &camera, const std::string &json) = 0;
  virtual void removeCamera(const std::string &camera) = 0;
  // Gives all cameras to other nodes and takes no new ones. empty() when that is done, or nobody is there to take them.
  virtual void drain() = 0;
  virtual bool empty() const = 0;
  // The last thing: whatever is still watched stops at once, and others may take it at once.
  virtual void leave() = 0;
  virtual FleetStatus status() const = 0;
};

// On nullptr, `error` is one sentence. `watchers` and `outbox` outlive the fleet. Blocks for a few seconds at most.
std::unique_ptr<Fleet> joinFleet(const FleetSettings &settings, const std::string &version, const std::string &about, Watchers &watchers,
                                 Outbox &outbox, Fleet::Post post, std::string &error);

}  // namespace sta::monitor::fleet
