// SPDX-License-Identifier: MIT
// What this node knows of the fleet from the buckets, and since when by its own clock. It decides nothing.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "monitor/fleet/clock.h"
#include "monitor/fleet/network.h"
#include "monitor/fleet/placement.h"
#include "monitor/fleet/records.h"

namespace sta::monitor::fleet {

struct KnownCamera {
  std::string json;
  int importance = 50;
  Revision revision = 0;
};

struct KnownLease {
  LeaseRecord record;
  Revision revision = 0;
};

struct Peer {
  NodeRecord record;
  Revision revision = 0;          // 0: only leases speak of this session
  Time seen = 0;                  // when this revision was first heard of, or the clocks were started anew
  Time heard = 0;                 // the same, but for the clocks
  bool dead = false;              // it is over for ever
  std::set<std::string> cameras;  // its leases
};

class View {
 public:
  explicit View(Time expire) : expire_(expire) {}

  // Takes over an entry. false: it says nothing new, for instance because it is older than what is known.
  bool take(const Entry &entry, Time now);
  // A complete telling of a bucket begins: keys that do not come in it are gone. finish() returns them.
  void beginSnapshot(Bucket bucket);
  std::vector<std::string> finishSnapshot(Bucket bucket, Time now);
  // Nothing could be heard for a while, so nobody's silence means anything: the time runs anew.
  void restartClocks(Time now);
  void forgetOld(Time now);
  // This session is known to be over, before the bucket says so.
  void markDead(const std::string &session);

  const std::map<std::string, KnownCamera> &cameras() const { return cameras_; }
  Revision removedRevision(const std::string &camera) const;  // of a camera that was removed; 0: there never was one
  const KnownLease &lease(const std::string &camera) const;
  const std::map<std::string, Peer> &peers() const { return peers_; }
  const Peer *peer(const std::string &session) const;
  const std::map<std::string, OrderRecord> &orders() const { return orders_; }
  bool alive(const Peer &peer, Time now) const { return !peer.dead && now - peer.seen <= expire_; }
  // A free lease, or one of a dead session.
  bool isFree(const std::string &camera) const;
  // The nodes that take cameras, and those that are about to.
  std::vector<Member> members(Time now) const;
  int cameraCount() const { return static_cast<int>(cameras_.size()); }

 private:
  bool takeCamera(const Entry &entry);
  bool takeLease(const Entry &entry, Time now);
  bool takeNode(const Entry &entry, Time now);

  const Time expire_;
  std::map<std::string, KnownCamera> cameras_;
  std::map<std::string, Revision> removed_;             // cameras
  std::unordered_map<std::string, KnownLease> leases_;  // also of cameras that are gone
  std::map<std::string, Peer> peers_;
  std::map<std::string, OrderRecord> orders_;
  std::map<std::string, Revision> order_revisions_;
  std::set<std::string> told_[kBuckets];  // keys of the snapshot under way
  bool snapshot_[kBuckets] = {};
};

}  // namespace sta::monitor::fleet
