// SPDX-License-Identifier: MIT
// The values in the fleet's buckets, and their JSON. Whoever reads the buckets with another program finds here what
// each field means. Fields that this version does not know are ignored, so versions can be mixed during an upgrade.
#pragma once

#include <string>

namespace sta::monitor::fleet {

// sta-leases: who watches a camera. A lease holds as long as its session does. A free one may name a target: the node
// that it was given to.
struct LeaseRecord {
  std::string session;  // empty: free
  std::string target;
  bool operator==(const LeaseRecord &) const = default;
};

enum class NodeState { kJoining, kReady, kDraining, kDead };
const char *stateWord(NodeState state);

// sta-nodes: what a node says of itself every second. The key is the session, "NODE.ID"; a node that starts
// again has another one. kDead was written by another node: the session is over, and its cameras are free.
struct NodeRecord {
  std::string node;
  NodeState state = NodeState::kJoining;
  int capacity = 0;  // cameras: its weight
  int limit = 0;     // how many it takes: less than the capacity while it has too much to do
  double load = 0;   // of its engine, 0 to 1
  int cameras = 0;   // how many it watches
  std::string version;
  std::string about;  // an address or the like, for people
  bool operator==(const NodeRecord &) const = default;
};

// sta-orders: what an operator wants of a node.
struct OrderRecord {
  bool drain = false;
};

std::string toJson(const LeaseRecord &record);
std::string toJson(const NodeRecord &record);
std::string toJson(const OrderRecord &record);

// A text that is none of ours is read as the default: a free lease, a node that is joining.
LeaseRecord readLease(const std::string &json);
NodeRecord readNode(const std::string &json);
OrderRecord readOrder(const std::string &json);

// "importance" of a camera's settings: 0 to 100, 50 if it says nothing. The least important is given away first.
int importanceOf(const std::string &camera_json);

// "gate-1.8f3a…" -> "gate-1".
std::string nodeOfSession(const std::string &session);

}  // namespace sta::monitor::fleet
