// SPDX-License-Identifier: MIT
// In place of fleet.cc where there is no libnats.
#include "monitor/fleet/fleet.h"

namespace sta::monitor::fleet {

std::unique_ptr<Fleet> joinFleet(const FleetSettings &, const std::string &, const std::string &, Watchers &, Outbox &, Fleet::Post,
                                 std::string &error) {
  error = "this sta-monitor was built without NATS, so it cannot be part of a fleet; install libnats-dev and build it again";
  return nullptr;
}

}  // namespace sta::monitor::fleet
