// SPDX-License-Identifier: MIT
// What is decided before a node joins its fleet.
#pragma once

#include <string>
#include <vector>

#include "monitor/fleet/address.h"
#include "monitor/fleet/clock.h"

namespace sta::monitor::fleet {

// All nodes of a fleet need the same. Two nodes never watch a camera at once because `fence` is before `expire`: what
// lies between is for clocks that drift and for the time that a camera takes to stop. `fence` is as long as it is
// because NATS takes 4 to 9 s to choose another leader, and nothing can be renewed meanwhile.
struct Timing {
  Time renew = kSecond;                  // a node renews its session this often
  Time fence = 10 * kSecond;             // from the sending of the last renewal that succeeded: then the node stops its cameras
  Time expire = 12 * kSecond;            // a session that others have not seen renewed for so long may be ended by them
  Time rank_wait = 1500 * kMillisecond;  // the k-th node in a camera's order waits k times this
  Time hint_wait = 3 * kSecond;          // nodes that a camera was not given to wait this longer
  Time settle = 3 * kSecond;             // a new node looks around before it takes cameras
  Time retry = 500 * kMillisecond;       // after a write that failed
  Time stall = 2 * kSecond;              // between two ticks: then the process was stopped
  Time quiet = 10 * kSecond;             // without a node that came or went, before cameras are moved for balance
};

enum class OnPartition { kStop, kKeep };

struct NodeSettings {
  std::string name;
  int capacity = 16;  // cameras
  OnPartition on_partition = OnPartition::kStop;
  std::string version, about;
  Timing timing;
};

// What a user says of the fleet.
struct FleetSettings {
  NatsOptions nats;  // without servers there is no fleet
  std::string name;  // of this node; empty: that of the machine
  int capacity = 0;  // cameras; 0: eight for each core
  OnPartition on_partition = OnPartition::kStop;
  bool operator==(const FleetSettings &) const = default;
};

}  // namespace sta::monitor::fleet
