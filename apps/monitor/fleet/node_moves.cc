// SPDX-License-Identifier: MIT
// What a node does of its own accord: it ends sessions that nobody renews, takes cameras that nobody watches, and gives
// some away when it drains, when it has too much to do, or when another node has too few.
#include <algorithm>

#include "monitor/fleet/node.h"

namespace sta::monitor::fleet {
namespace {

constexpr std::size_t kClaimsInFlight = 128, kGivenAtOnce = 16;
constexpr Time kEndWait = 100 * kMillisecond;  // the k-th node waits k times this before it ends a session
constexpr int kManyConflicts = 8;

double scoreOf(const std::string &camera, const Member &member) { return affinity(camera, member.node) * member.capacity; }

}  // namespace

// Sees who came and who went.
void Node::membersChanged(Time now) {
  std::set<std::string> keys;
  for (const Member &member : view_.members(now)) keys.insert(member.session);
  if (keys == member_keys_) return;
  member_keys_ = std::move(keys);
  members_changed_ = now;
}

// A conflict that what this node was told does not explain means that it was told too little.
void Node::conflicted(int conflicts) {
  if (conflicts < kManyConflicts || clock_.now() - last_refresh_ < settings_.timing.expire) return;
  last_refresh_ = clock_.now();
  network_.refresh();
}

void Node::endDeadSessions(Time now) {
  std::vector<std::string> silent;
  for (const auto &[session, peer] : view_.peers())
    if (session != session_.key() && !peer.dead && !view_.alive(peer, now)) silent.push_back(session);
  std::erase_if(ending_, [&](const auto &entry) { return std::find(silent.begin(), silent.end(), entry.first) == silent.end(); });
  if (silent.empty()) return;
  const std::vector<Member> members = view_.members(now);
  for (const std::string &session : silent) {
    const Peer &peer = *view_.peer(session);
    // A session that only leases speak of, and none any more, is of no interest.
    if (peer.revision == 0 && peer.cameras.empty()) continue;
    const double own = affinity(session, settings_.name);
    Time rank = 0;
    for (const Member &member : members) rank += affinity(session, member.node) > own;
    Ending &ending = ending_[session];
    if (ending.in_flight || now < ending.next_try || now - peer.seen < settings_.timing.expire + rank * kEndWait) continue;
    ending.in_flight = true;
    NodeRecord record = peer.record;
    record.node = nodeOfSession(session);
    record.state = NodeState::kDead;
    network_.write(Bucket::kNodes, session, toJson(record), peer.revision,
                   [this, session, value = toJson(record), life = std::weak_ptr<int>(life_)](Outcome outcome, Revision revision) {
                     if (life.expired()) return;
                     if (outcome == Outcome::kDone) {
                       entry({Bucket::kNodes, session, value, revision});
                       ending_.erase(session);
                       return;
                     }
                     if (const auto found = ending_.find(session); found != ending_.end()) {
                       found->second.in_flight = false;
                       found->second.next_try = clock_.now() + settings_.timing.retry;
                       if (outcome == Outcome::kConflict) conflicted(++found->second.conflicts);
                     }
                     afterAnything();
                   });
  }
}

void Node::takeFree(Time now) {
  if (free_.empty() || draining() || ready_at_ < 0 || now < ready_at_) return;
  // Nodes that have reached their bound are not asked.
  std::vector<Member> all = view_.members(now), members;
  const Member *own = nullptr;
  int room = 0, bound = 0;
  for (Member &member : all) {
    const int most = boundOf(member, shareOf(member, all, view_.cameraCount()));
    if (member.session == session_.key()) {
      own = &member;
      room = member.limit - member.count;
      bound = most - member.count;
    } else if (member.count < most) {
      members.push_back(member);
    }
  }
  if (!own) return;  // the others do not know yet that this node is ready
  std::vector<std::size_t> indices;
  for (const Member &member : members) indices.push_back(node_indices_.try_emplace(member.node, node_indices_.size()).first->second);
  const std::size_t self = node_indices_.try_emplace(settings_.name, node_indices_.size()).first->second;

  std::size_t in_flight = 0;
  for (const auto &[camera, free] : free_) in_flight += free.in_flight;
  std::vector<std::pair<int, std::string>> chosen;  // most important first
  for (auto &[camera, free] : free_) {
    if (free.in_flight || now < free.next_try) continue;
    const KnownLease &lease = view_.lease(camera);
    const bool given = lease.record.target == settings_.name && lease.record.session.empty();
    const bool before = old_sessions_.contains(lease.record.session);
    if (!given && !before) {
      if (bound <= 0) continue;
      for (const auto &[name, index] : node_indices_) {
        if (index < free.affinities.size()) continue;
        free.affinities.resize(node_indices_.size());
        for (const auto &[node, at] : node_indices_) free.affinities[at] = static_cast<float>(affinity(camera, node));
        break;
      }
      const float score = free.affinities[self] * static_cast<float>(own->capacity);
      Time rank = 0;
      bool target_lives = false;
      for (std::size_t i = 0; i < members.size(); ++i) {
        rank += free.affinities[indices[i]] * static_cast<float>(members[i].capacity) > score;
        target_lives = target_lives || members[i].node == lease.record.target;
      }
      const Time wait = rank * settings_.timing.rank_wait + (target_lives ? settings_.timing.hint_wait : 0);
      if (now - free.since < wait) continue;
    }
    chosen.emplace_back(-view_.cameras().at(camera).importance, camera);
  }
  std::sort(chosen.begin(), chosen.end());
  room -= static_cast<int>(in_flight);
  bound -= static_cast<int>(in_flight);
  for (const auto &[importance, camera] : chosen) {
    if (in_flight >= kClaimsInFlight || room <= 0) break;
    const KnownLease &lease = view_.lease(camera);
    const bool own_right = (lease.record.target == settings_.name && lease.record.session.empty()) || old_sessions_.contains(lease.record.session);
    if (!own_right && bound <= 0) continue;
    claim(camera, free_.at(camera));
    ++in_flight;
    --room;
    --bound;
  }
}

void Node::claim(const std::string &camera, Free &free) {
  free.in_flight = true;
  const std::string value = toJson(LeaseRecord{session_.key(), ""});
  network_.write(Bucket::kLeases, camera, value, view_.lease(camera).revision,
                 [this, camera, value, life = std::weak_ptr<int>(life_)](Outcome outcome, Revision revision) {
                   if (life.expired()) return;
                   if (const auto found = free_.find(camera); found != free_.end()) {
                     found->second.in_flight = false;
                     found->second.next_try = clock_.now() + settings_.timing.retry;
                     if (outcome == Outcome::kConflict) conflicted(++found->second.conflicts);
                   }
                   if (outcome == Outcome::kDone)
                     entry({Bucket::kLeases, camera, value, revision});
                   else
                     afterAnything();
                 });
}

std::string Node::bestTarget(const std::string &camera, const std::vector<Member> &members) const {
  const Member *best = nullptr;
  for (const Member &member : members) {
    if (member.session == session_.key() || member.node == settings_.name || !member.fresh || member.count >= member.limit) continue;
    if (!best || scoreOf(camera, member) > scoreOf(camera, *best)) best = &member;
  }
  return best ? best->node : "";
}

void Node::balance(Time now) {
  std::vector<Member> members = view_.members(now);
  if (draining()) return drainSome(now, members);
  shed(now, members);
  if (now - members_changed_ < settings_.timing.quiet || now - last_balance_ < kSecond || !giving_.empty()) return;
  last_balance_ = now;
  for (const Member &member : members)
    if (!member.fresh) return;
  // Everybody plans the same moves; each node makes its own. Few at a time, for the others see them only a moment later.
  const std::size_t own_most = std::max<std::size_t>(1, running_.size() / 50);
  std::size_t made = 0;
  for (const Move &move : planMoves(members, view_.cameraCount(), 256)) {
    if (members[move.from].session != session_.key() || made == own_most) continue;
    const Member &to = members[move.to];
    const std::string *best = nullptr;
    double highest = 0;
    for (const auto &[camera, running] : running_) {
      const double gain = affinity(camera, to.node) / affinity(camera, settings_.name);
      if (best && gain <= highest) continue;
      best = &camera;
      highest = gain;
    }
    if (!best) break;
    give(std::string(*best), to.node, false);
    ++made;
  }
}

void Node::shed(Time now, const std::vector<Member> &members) {
  if (!shedder_.overloaded(now) || running_.empty()) return;
  const Member *to = nullptr;
  for (const Member &member : members)
    if (member.session != session_.key() && member.fresh && member.load < Shedder::kLittle && member.count < member.limit &&
        (!to || member.load < to->load))
      to = &member;
  if (!to) return;
  const std::string *least = nullptr;
  for (const auto &[camera, running] : running_)
    if (!least || view_.cameras().at(camera).importance < view_.cameras().at(*least).importance) least = &camera;
  const std::string camera = *least;
  watchers_.log("fleet: the engine has too much to do; camera " + camera + " goes to the node " + to->node);
  give(camera, to->node, false);
  shedder_.shed(now, static_cast<int>(running_.size()));
  session_.hurry();
}

void Node::drainSome(Time now, const std::vector<Member> &members) {
  std::vector<Member> left = members;
  std::vector<std::string> cameras;
  for (const auto &[camera, running] : running_) cameras.push_back(camera);
  for (const std::string &camera : cameras) {
    if (giving_.size() >= kGivenAtOnce) break;
    // Where nobody has room the camera stays as long as the node does.
    const std::string target = bestTarget(camera, left);
    if (target.empty()) break;
    for (Member &member : left) member.count += member.node == target;
    give(camera, target, false);
  }
  last_balance_ = now;
}

// The camera stops first; only then does its lease go.
void Node::give(const std::string &camera, const std::string &target, bool remove) {
  const auto [entry, fresh] = giving_.try_emplace(camera);
  if (!fresh) return;
  entry->second.target = target;
  entry->second.remove = remove;
  settle(camera);
  if (const auto still = giving_.find(camera); still != giving_.end()) release(camera, still->second);
}

void Node::release(const std::string &camera, Giving &giving) {
  const KnownLease &lease = view_.lease(camera);
  if (!mine(lease)) {
    giving_.erase(camera);
    noteFree(camera);
    return;
  }
  giving.in_flight = true;
  const std::string value = giving.remove ? "" : toJson(LeaseRecord{"", giving.target});
  network_.write(Bucket::kLeases, camera, value, lease.revision,
                 [this, camera, value, session = session_.key(), life = std::weak_ptr<int>(life_)](Outcome outcome, Revision revision) {
                   if (life.expired() || session != session_.key()) return;
                   const auto found = giving_.find(camera);
                   if (found == giving_.end()) return;
                   found->second.in_flight = false;
                   found->second.next_try = clock_.now() + settings_.timing.retry;
                   if (outcome == Outcome::kDone) {
                     giving_.erase(found);
                     entry({Bucket::kLeases, camera, value, revision});
                   } else {
                     afterAnything();
                   }
                 });
}

}  // namespace sta::monitor::fleet
