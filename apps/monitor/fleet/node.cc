// SPDX-License-Identifier: MIT
// What a node hears, when it starts and stops cameras, and its session. node_moves.cc has what it does of its own
// accord: taking, giving away, ending dead sessions.
#include "monitor/fleet/node.h"

#include <algorithm>

namespace sta::monitor::fleet {

Node::Node(NodeSettings settings, const Clock &clock, Network &network, Watchers &watchers, std::function<std::string()> session_id)
    : settings_(std::move(settings)),
      clock_(clock),
      network_(network),
      watchers_(watchers),
      session_id_(std::move(session_id)),
      view_(settings_.timing.expire),
      shedder_(settings_.capacity),
      session_(
          settings_.timing, clock, network, [this] { return report(); }, [this] { afterAnything(); }) {
  last_tick_ = members_changed_ = clock_.now();
  beginSession();
}

Node::~Node() = default;

NodeRecord Node::report() const {
  NodeRecord record;
  record.node = settings_.name;
  // A node that is not told of the buckets takes no cameras, so it does not call itself ready.
  const bool looked_around = ready_at_ >= 0 && clock_.now() >= ready_at_ && connected();
  record.state = draining() ? NodeState::kDraining : looked_around ? NodeState::kReady : NodeState::kJoining;
  record.capacity = settings_.capacity;
  record.limit = shedder_.limit();
  record.load = shedder_.load();
  record.cameras = static_cast<int>(running_.size());
  record.version = settings_.version;
  record.about = settings_.about;
  return record;
}

bool Node::known(const std::string &session) const {
  const Peer *peer = view_.peer(session);
  return peer && peer->revision != 0;
}

void Node::beginSession() { session_.begin(settings_.name + "." + session_id_()); }

void Node::sessionLost() {
  old_sessions_.insert(session_.key());
  view_.markDead(session_.key());
  giving_.clear();
  watchers_.log("fleet: another node ended the session of this one, because it was not heard of for twelve seconds");
  const Peer *old = view_.peer(session_.key());
  const std::set<std::string> cameras = old ? old->cameras : std::set<std::string>{};
  beginSession();
  for (const std::string &camera : cameras) noteFree(camera);
  settleAll();
}

void Node::disconnected() {
  connected_ = false;
  snapshots_missing_ = kBuckets;
  for (bool &missing : snapshot_missing_) missing = true;
  afterAnything();
}

void Node::beginSnapshot(Bucket bucket) {
  connected_ = true;
  bool &missing = snapshot_missing_[static_cast<int>(bucket)];
  if (!missing) ++snapshots_missing_;
  missing = true;
  view_.beginSnapshot(bucket);
  afterAnything();
}

void Node::finishSnapshot(Bucket bucket) {
  bool &missing = snapshot_missing_[static_cast<int>(bucket)];
  if (!missing) return;
  missing = false;
  --snapshots_missing_;
  const std::vector<std::string> gone = view_.finishSnapshot(bucket, clock_.now());
  if (snapshots_missing_ == 0) {
    view_.restartClocks(clock_.now());
    members_changed_ = clock_.now();
  }
  if (bucket == Bucket::kCameras || bucket == Bucket::kLeases)
    for (const std::string &camera : gone) settle(camera);
  if (bucket == Bucket::kNodes && !session_.valid() && session_.begun() && !known(session_.key())) sessionLost();
  if (bucket == Bucket::kOrders && !view_.orders().contains(settings_.name)) ordered_to_drain_ = false;
  afterAnything();
}

void Node::entry(const Entry &entry) {
  const std::string before = entry.bucket == Bucket::kLeases ? view_.lease(entry.key).record.session : "";
  if (!view_.take(entry, clock_.now())) return afterAnything();
  if (entry.bucket == Bucket::kCameras || entry.bucket == Bucket::kLeases) {
    settle(entry.key);
  } else if (entry.bucket == Bucket::kNodes) {
    const Peer *peer = view_.peer(entry.key);
    if (entry.key == session_.key()) {
      if (session_.heard(entry.revision, !peer || peer->dead) && !left_) sessionLost();
    } else if (peer && peer->dead) {
      const std::set<std::string> cameras = peer->cameras;
      for (const std::string &camera : cameras) noteFree(camera);
    }
  } else if (entry.key == settings_.name) {
    const auto order = view_.orders().find(entry.key);
    ordered_to_drain_ = order != view_.orders().end() && order->second.drain;
    session_.hurry();
  }
  afterAnything();
}

// After whatever happened: if the session has ended by the node's own clock, cameras stop before anything else is done.
void Node::afterAnything() {
  const bool valid = session_.valid();
  if (valid == was_valid_) return;
  was_valid_ = valid;
  if (valid && ready_at_ < 0) ready_at_ = clock_.now() + settings_.timing.settle;
  if (!valid && !left_) {
    watchers_.log(settings_.on_partition == OnPartition::kKeep
                      ? "fleet: NATS has not answered for ten seconds; cameras are watched on (on-partition: keep)"
                      : "fleet: NATS has not answered for ten seconds; cameras are stopped, because other nodes may take them now");
  }
  settleAll();
}

bool Node::shouldRun(const std::string &camera) const {
  if (left_ || giving_.contains(camera) || !view_.cameras().contains(camera)) return false;
  const KnownLease &lease = view_.lease(camera);
  const bool keep = settings_.on_partition == OnPartition::kKeep;
  if (mine(lease)) return session_.valid() || (keep && running_.contains(camera));
  return keep && running_.contains(camera) && old_sessions_.contains(lease.record.session);
}

// Starts or stops one camera, so that it is as it should be.
void Node::settle(const std::string &camera) {
  const bool should = shouldRun(camera);
  const auto running = running_.find(camera);
  if (!should) {
    if (running != running_.end()) {
      running_.erase(running);
      watchers_.stop(camera);
    }
    // A camera that is not in the registry any more needs no lease.
    if (!left_ && mine(view_.lease(camera)) && !view_.cameras().contains(camera) && !giving_.contains(camera)) give(camera, "", true);
  } else {
    const KnownCamera &known = view_.cameras().at(camera);
    Running &now = running_[camera];
    const Revision lease = mine(view_.lease(camera)) ? view_.lease(camera).revision : now.lease;
    if (now.json != known.json || now.lease != lease) {
      now = {known.json, lease};
      watchers_.watch(camera, known.json, lease);
    }
  }
  noteFree(camera);
}

void Node::settleAll() {
  std::set<std::string> cameras;
  for (const auto &[camera, running] : running_) cameras.insert(camera);
  if (const Peer *own = view_.peer(session_.key())) cameras.insert(own->cameras.begin(), own->cameras.end());
  for (const std::string &camera : cameras)
    if (!shouldRun(camera)) settle(camera);
  for (const std::string &camera : cameras) settle(camera);
}

// Remembers since when a camera is free, or forgets that it was.
void Node::noteFree(const std::string &camera) {
  const bool free = view_.cameras().contains(camera) && view_.isFree(camera) && !giving_.contains(camera);
  if (!free) {
    free_.erase(camera);
    return;
  }
  const auto [entry, fresh] = free_.try_emplace(camera);
  if (fresh) entry->second.since = clock_.now();
}

void Node::tick() {
  const Time now = clock_.now();
  afterAnything();
  if (left_) return;
  if (now - last_tick_ > settings_.timing.stall) view_.restartClocks(now);
  last_tick_ = now;
  if (!ready_told_ && ready_at_ >= 0 && now >= ready_at_) {
    ready_told_ = true;
    session_.hurry();
  }
  session_.tick();
  if (!connected()) return;
  std::vector<std::string> again;
  for (const auto &[camera, giving] : giving_)
    if (!giving.in_flight && now >= giving.next_try) again.push_back(camera);
  for (const std::string &camera : again) release(camera, giving_.at(camera));
  if (!session_.valid()) return;
  membersChanged(now);
  endDeadSessions(now);
  takeFree(now);
  balance(now);
  view_.forgetOld(now);
}

void Node::drain(bool on) {
  draining_ = on;
  session_.hurry();
}

void Node::leave() {
  left_ = true;
  giving_.clear();
  settleAll();
  session_.end();
}

bool Node::entitled(const std::string &camera) const {
  return running_.contains(camera) && (settings_.on_partition == OnPartition::kKeep || session_.valid());
}

std::vector<std::string> Node::watched() const {
  std::vector<std::string> cameras;
  for (const auto &[camera, running] : running_) cameras.push_back(camera);
  return cameras;
}

}  // namespace sta::monitor::fleet
