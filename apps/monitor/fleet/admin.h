// SPDX-License-Identifier: MIT
// What an operator does with a fleet, from outside: look at it, change its registry, drain nodes, follow its events. All
// of it blocks; nodes use NatsNetwork instead.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "monitor/fleet/nats_link.h"
#include "monitor/fleet/records.h"

namespace sta::monitor::fleet {

struct NodeSeen {
  std::string session;
  NodeRecord record;
  double seconds = 0;  // since its report, by the clocks of the server and of this machine
  bool alive = false;
  bool ordered_to_drain = false;
  int leases = 0;
};

struct CameraSeen {
  std::string name, json;
  std::string node;  // empty: nobody has it
  bool watched = false;
};

struct FleetSeen {
  std::vector<NodeSeen> nodes;  // of dead ones only those that still have leases
  std::vector<CameraSeen> cameras;
};

class Admin {
 public:
  // On nullptr, `error` is one sentence. The buckets are made if they are missing.
  static std::unique_ptr<Admin> connect(NatsOptions options, std::string &error);

  // All of these return false, or nothing, with a sentence in `error`.
  bool look(FleetSeen &seen, std::string &error);
  bool add(const std::string &camera, const std::string &json, std::string &error);  // fails if there is one
  bool set(const std::string &camera, const std::string &json, std::string &error);  // fails if there is none
  bool remove(const std::string &camera, std::string &error);
  bool drain(const std::string &node, bool on, std::string &error);
  // Calls `event` for each event of one camera, or of all (empty), the oldest that is kept first, until it returns false.
  // `wait`: also for those to come, and with an empty text once a second while none comes; without it the call ends with
  // the newest.
  using Event = std::function<bool(const std::string &json)>;
  bool events(const std::string &camera, bool new_only, bool wait, const Event &event, std::string &error);

 private:
  explicit Admin(std::unique_ptr<NatsLink> link) : link_(std::move(link)) {}
  struct Read;
  bool readBucket(int index, std::vector<Read> &entries, std::string &error);
  std::unique_ptr<NatsLink> link_;
};

// What is wrong with a camera's name or settings, or nothing. Nodes check the rest, where their models are.
std::string faultOfCamera(const std::string &name, const std::string &json);

}  // namespace sta::monitor::fleet
