// SPDX-License-Identifier: MIT
// One node of the fleet: it decides by itself, from what the buckets say and from its own clock, which cameras it
// watches. There is no master. This file knows neither NATS nor cameras: both are interfaces, and so is the time.
//
// Why no camera ever has two watchers (with on-partition: stop):
//  1. A node watches a camera only while the camera's lease names the node's session, and while the session is valid:
//     for 10 s after the sending of its last renewal that succeeded.
//  2. Only its owner changes a lease of a session that is not dead, and it stops the camera first.
//  3. A session becomes dead only by a compare-and-set on its entry, by a node that has not seen it change for 12 s. If
//     that succeeds, the owner has renewed nothing in these 12 s, so it stopped 2 s ago. From then on no renewal of it
//     can succeed.
// Clocks of different nodes are never compared, and neither are those of the servers.
//
// Everything is called from one thread. The node calls Network and Watchers with no lock held; there are none.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "monitor/fleet/network.h"
#include "monitor/fleet/session.h"
#include "monitor/fleet/settings.h"
#include "monitor/fleet/shedder.h"
#include "monitor/fleet/view.h"
#include "monitor/fleet/watchers.h"

namespace sta::monitor::fleet {

class Node : public NetworkListener {
 public:
  // `session_id` makes an id that never comes twice.
  Node(NodeSettings settings, const Clock &clock, Network &network, Watchers &watchers, std::function<std::string()> session_id);
  ~Node() override;
  Node(const Node &) = delete;

  // From NetworkListener.
  void disconnected() override;
  void beginSnapshot(Bucket bucket) override;
  void finishSnapshot(Bucket bucket) override;
  void entry(const Entry &entry) override;

  // Several times a second.
  void tick();
  void setLoad(double load) { shedder_.load(clock_.now(), load); }

  // Gives all cameras away and takes no new ones. empty() when there is none left.
  void drain(bool on);
  bool empty() const { return running_.empty() && giving_.empty(); }
  // Stops everything at once and says so; the last thing that a node does.
  void leave();

  // Whether the node may still tell of this camera, by its own clock. Ask it before each event.
  bool entitled(const std::string &camera) const;

  bool connected() const { return connected_ && snapshots_missing_ == 0; }
  bool sessionValid() const { return session_.valid(); }
  bool joining() const { return ready_at_ < 0 || clock_.now() < ready_at_; }
  bool draining() const { return draining_ || ordered_to_drain_; }
  const std::string &sessionKey() const { return session_.key(); }
  const View &view() const { return view_; }
  std::vector<std::string> watched() const;
  int freeCameras() const { return static_cast<int>(free_.size()); }

 private:
  struct Running {
    std::string json;
    Revision lease = 0;
  };
  struct Free {
    Time since = 0, next_try = 0;
    bool in_flight = false;
    int conflicts = 0;
    std::vector<float> affinities;  // by node_indices_
  };
  struct Giving {
    std::string target;  // of the lease that is written; empty: none
    bool remove = false, in_flight = false;
    Time next_try = 0;
  };
  struct Ending {
    bool in_flight = false;
    Time next_try = 0;
    int conflicts = 0;
  };

  NodeRecord report() const;
  void afterAnything();
  bool known(const std::string &session) const;
  void beginSession();
  void sessionLost();
  bool mine(const KnownLease &lease) const { return lease.record.session == session_.key(); }
  bool shouldRun(const std::string &camera) const;
  void settle(const std::string &camera);
  void settleAll();
  void noteFree(const std::string &camera);
  void endDeadSessions(Time now);
  void takeFree(Time now);
  void claim(const std::string &camera, Free &free);
  void balance(Time now);
  void shed(Time now, const std::vector<Member> &members);
  void drainSome(Time now, const std::vector<Member> &members);
  void give(const std::string &camera, const std::string &target, bool remove);
  void release(const std::string &camera, Giving &giving);
  void membersChanged(Time now);
  void conflicted(int conflicts);
  std::string bestTarget(const std::string &camera, const std::vector<Member> &members) const;

  const NodeSettings settings_;
  const Clock &clock_;
  Network &network_;
  Watchers &watchers_;
  const std::function<std::string()> session_id_;
  View view_;
  Shedder shedder_;
  Session session_;
  std::map<std::string, Running> running_;
  std::map<std::string, Free> free_;
  std::map<std::string, Giving> giving_;
  std::map<std::string, Ending> ending_;  // sessions that this node tries to end
  std::set<std::string> old_sessions_;    // of this process: what they held is free for it
  std::unordered_map<std::string, std::size_t> node_indices_;
  std::set<std::string> member_keys_;
  bool connected_ = false, was_valid_ = false, draining_ = false, ordered_to_drain_ = false, left_ = false, ready_told_ = false;
  int snapshots_missing_ = kBuckets;
  bool snapshot_missing_[kBuckets] = {true, true, true, true};
  Time last_tick_ = 0, ready_at_ = -1, members_changed_ = 0, last_balance_ = 0, last_refresh_ = 0;
  std::shared_ptr<int> life_ = std::make_shared<int>(0);  // answers that come after this object find it gone
};

}  // namespace sta::monitor::fleet
