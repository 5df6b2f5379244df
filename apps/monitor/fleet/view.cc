// SPDX-License-Identifier: MIT
#include "monitor/fleet/view.h"

namespace sta::monitor::fleet {
namespace {

// Longer than NATS keeps the entry of a dead session: a lease that was written late may still name it.
constexpr Time kRemembered = 90 * kSecond;

}  // namespace

bool View::take(const Entry &entry, Time now) {
  const int bucket = static_cast<int>(entry.bucket);
  if (snapshot_[bucket]) told_[bucket].insert(entry.key);
  switch (entry.bucket) {
    case Bucket::kCameras:
      return takeCamera(entry);
    case Bucket::kLeases:
      return takeLease(entry, now);
    case Bucket::kNodes:
      return takeNode(entry, now);
    case Bucket::kOrders:
      break;
  }
  Revision &known = order_revisions_[entry.key];
  if (entry.revision <= known) return false;
  known = entry.revision;
  if (entry.value.empty())
    orders_.erase(entry.key);
  else
    orders_[entry.key] = readOrder(entry.value);
  return true;
}

bool View::takeCamera(const Entry &entry) {
  const auto found = cameras_.find(entry.key);
  if (entry.revision <= (found != cameras_.end() ? found->second.revision : removedRevision(entry.key))) return false;
  if (!entry.value.empty()) {
    removed_.erase(entry.key);
    cameras_[entry.key] = {entry.value, importanceOf(entry.value), entry.revision};
    return true;
  }
  removed_[entry.key] = entry.revision;
  if (found == cameras_.end()) return false;
  cameras_.erase(found);
  return true;
}

bool View::takeLease(const Entry &entry, Time now) {
  KnownLease &known = leases_[entry.key];
  if (entry.revision <= known.revision) return false;
  const std::string before = known.record.session;
  known.revision = entry.revision;
  known.record = readLease(entry.value);
  if (before != known.record.session) {
    if (const auto old = peers_.find(before); old != peers_.end()) old->second.cameras.erase(entry.key);
    if (!known.record.session.empty()) {
      Peer &holder = peers_[known.record.session];
      if (holder.revision == 0 && holder.cameras.empty() && !holder.dead) holder.seen = now;
      holder.cameras.insert(entry.key);
    }
  }
  return true;
}

bool View::takeNode(const Entry &entry, Time now) {
  const auto found = peers_.find(entry.key);
  if (found != peers_.end() && entry.revision <= found->second.revision) return false;
  Peer &peer = peers_[entry.key];
  peer.revision = entry.revision;
  peer.seen = peer.heard = now;
  // A node removes its own entry when it has stopped all cameras, so a removed session is over too.
  if (!entry.value.empty()) peer.record = readNode(entry.value);
  if (entry.value.empty() || peer.record.state == NodeState::kDead) peer.dead = true;
  if (peer.record.node.empty()) peer.record.node = nodeOfSession(entry.key);
  return true;
}

void View::forgetOld(Time now) {
  std::erase_if(peers_, [&](const auto &entry) {
    const Peer &peer = entry.second;
    return peer.cameras.empty() && (peer.dead || peer.revision == 0) && now - peer.seen > kRemembered;
  });
}

void View::beginSnapshot(Bucket bucket) {
  snapshot_[static_cast<int>(bucket)] = true;
  told_[static_cast<int>(bucket)].clear();
}

std::vector<std::string> View::finishSnapshot(Bucket bucket, Time now) {
  const int index = static_cast<int>(bucket);
  std::vector<std::string> gone;
  if (!snapshot_[index]) return gone;
  snapshot_[index] = false;
  const std::set<std::string> &told = told_[index];
  const auto note = [&](const auto &known) {
    for (const auto &entry : known)
      if (!told.contains(entry.first)) gone.push_back(entry.first);
  };
  if (bucket == Bucket::kCameras) note(cameras_);
  if (bucket == Bucket::kCameras) std::erase_if(removed_, [&](const auto &entry) { return !told.contains(entry.first); });
  if (bucket == Bucket::kLeases) note(leases_);
  if (bucket == Bucket::kNodes) note(peers_);
  if (bucket == Bucket::kOrders) note(orders_);
  for (const std::string &key : gone) {
    if (bucket == Bucket::kCameras) cameras_.erase(key);
    if (bucket == Bucket::kOrders) orders_.erase(key), order_revisions_.erase(key);
    if (bucket == Bucket::kLeases) {
      const std::string holder = leases_[key].record.session;
      leases_.erase(key);
      if (const auto peer = peers_.find(holder); peer != peers_.end()) peer->second.cameras.erase(key);
    }
    if (bucket == Bucket::kNodes) {
      Peer &peer = peers_[key];
      if (peer.revision != 0) peer.seen = now;
      peer.revision = 0;
    }
  }
  told_[index].clear();
  return gone;
}

void View::restartClocks(Time now) {
  for (auto &[session, peer] : peers_) peer.seen = now;
}

void View::markDead(const std::string &session) {
  const auto found = peers_.find(session);
  if (found == peers_.end()) return;
  found->second.dead = true;
}

Revision View::removedRevision(const std::string &camera) const {
  const auto found = removed_.find(camera);
  return found == removed_.end() ? 0 : found->second;
}

const KnownLease &View::lease(const std::string &camera) const {
  static const KnownLease kNone;
  const auto found = leases_.find(camera);
  return found == leases_.end() ? kNone : found->second;
}

const Peer *View::peer(const std::string &session) const {
  const auto found = peers_.find(session);
  return found == peers_.end() ? nullptr : &found->second;
}

bool View::isFree(const std::string &camera) const {
  const std::string &session = lease(camera).record.session;
  if (session.empty()) return true;
  const Peer *holder = peer(session);
  return holder && holder->dead;
}

std::vector<Member> View::members(Time now) const {
  std::vector<Member> members;
  for (const auto &[session, peer] : peers_) {
    const NodeState state = peer.record.state;
    if (peer.revision == 0 || !alive(peer, now) || (state != NodeState::kReady && state != NodeState::kJoining)) continue;
    members.push_back({session, peer.record.node, peer.record.capacity, peer.record.limit, static_cast<int>(peer.cameras.size()), peer.record.load,
                       state == NodeState::kReady && now - peer.heard <= expire_ / 3});
  }
  return members;
}

}  // namespace sta::monitor::fleet
