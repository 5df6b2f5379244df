// SPDX-License-Identifier: MIT
#include "world.h"

#include <algorithm>

namespace sta::monitor::fleet {

Host::Host(World &world, NodeSettings settings, double drift_ppm, Time offset)
    : settings_(std::move(settings)), world_(world), rate_(1 + drift_ppm * 1e-6), offset_(offset) {}

Time Host::now() const { return offset_ + static_cast<Time>(static_cast<double>(world_.now()) * rate_); }

void Host::start() {
  ++incarnation_;
  ++connection_;
  int ids = 0;
  node_ = std::make_unique<Node>(settings_, *this, *this, *this,
                                 [name = incarnation_, ids]() mutable { return std::to_string(name) + "x" + std::to_string(ids++); });
  if (cut_)
    noticed_ = true;  // it has no connection yet
  else
    reconnect();
  tickLater();
}

void Host::tickLater() {
  world_.in(world_.between(200 * kMillisecond, 300 * kMillisecond), [this, of = incarnation_] {
    if (of != incarnation_ || !node_) return;
    if (!paused_) node_->tick();
    tickLater();
  });
}

void Host::crash() {
  node_.reset();
  ++incarnation_;
  ++connection_;
  paused_ = false;
  inbox_.clear();
  stalled_.clear();
  const std::set<std::string> cameras = std::move(running_);
  running_.clear();
  json_.clear();
  for (const std::string &camera : cameras) world_.watchedChanged(camera);
}

void Host::leave() {
  if (node_ && !paused_) node_->leave();
  crash();
}

// What comes first after the pause is chance: a tick, or what arrived meanwhile.
void Host::resume() {
  if (!paused_) return;
  paused_ = false;
  std::deque<std::function<void()>> waiting = std::move(inbox_);
  inbox_.clear();
  if (!node_) return;
  const bool tick_first = world_.chance() < 0.5;
  if (tick_first) node_->tick();
  for (const auto &what : waiting) what();
  if (!tick_first) node_->tick();
  for (const std::string &camera : running_) checkAlone(camera);
}

void Host::run(std::function<void()> what) {
  if (!node_) return;
  if (paused_)
    inbox_.push_back([of = incarnation_, this, what = std::move(what)] {
      if (of == incarnation_) what();
    });
  else
    what();
}

void Host::cut() {
  cut_ = true;
  // Sooner or later the client notices that nobody answers its pings.
  world_.in(world_.between(0, 10 * kSecond), [this, of = incarnation_, connection = connection_] {
    if (of == incarnation_ && connection == connection_ && cut_) {
      noticed_ = true;
      run([this] { node_->disconnected(); });
    }
  });
}

// Either everything that was on the wire still comes, late, or there is a new connection.
void Host::heal(bool anew) {
  if (!cut_) return;
  cut_ = false;
  anew = anew || noticed_;
  noticed_ = false;
  std::deque<std::function<void()>> late = std::move(stalled_);
  stalled_.clear();
  if (!anew || world_.chance() < 0.5)
    for (auto &what : late) what();
  if (anew) reconnect();
}

void Host::reconnect() {
  if (!node_) return;
  const int connection = ++connection_;
  run([this, connection] {
    if (connection == connection_) node_->disconnected();
  });
  for (int i = 0; i < kBuckets; ++i) {
    const Bucket bucket = static_cast<Bucket>(i);
    std::vector<Entry> all;
    for (const auto &[key, entry] : world_.bucket(bucket)) all.push_back(entry);
    last_told_[i] = world_.now() + world_.delay();
    world_.at(last_told_[i], [this, connection, bucket, all] {
      if (connection != connection_) return;
      run([this, connection, bucket, all] {
        if (connection != connection_) return;
        node_->beginSnapshot(bucket);
        for (const Entry &entry : all) node_->entry(entry);
        node_->finishSnapshot(bucket);
      });
    });
  }
}

void Host::refresh() {
  world_.in(world_.delay(), [this, of = incarnation_] {
    if (of == incarnation_ && !cut_) reconnect();
  });
}

void Host::tell(const Entry &entry) {
  if (!node_) return;
  Time &last = last_told_[static_cast<int>(entry.bucket)];
  last = std::max(last, world_.now() + world_.delay());  // in order
  const auto arrive = [this, entry, connection = connection_] {
    if (connection == connection_)
      run([this, entry, connection] {
        if (connection == connection_) node_->entry(entry);
      });
  };
  world_.at(last, [this, arrive] {
    if (cut_)
      stalled_.push_back(arrive);
    else
      arrive();
  });
}

void Host::write(Bucket bucket, const std::string &key, const std::string &value, Revision expected, Written written) {
  // Whichever comes first, the answer or the end of patience, counts.
  const auto open = std::make_shared<Written>(std::move(written));
  const int of = incarnation_;
  const auto answer = [this, of, open](Outcome outcome, Revision revision) {
    if (of != incarnation_) return;
    run([open, outcome, revision] {
      if (!*open) return;
      const Written call = std::move(*open);
      *open = nullptr;
      call(outcome, revision);
    });
  };
  world_.in(kSecond, [answer] { answer(Outcome::kUnknown, 0); });
  const auto arrive = [this, bucket, key, value, expected, answer] {
    if (!world_.server_up) {
      // A leader that dies may have done it and tell nobody.
      Revision revision = 0;
      if (world_.chance() < 0.3) world_.apply(bucket, key, value, expected, revision);
      return;
    }
    Revision revision = 0;
    const Outcome outcome = world_.apply(bucket, key, value, expected, revision);
    world_.in(world_.delay(), [this, answer, outcome, revision] {
      if (cut_)
        stalled_.push_back([answer, outcome, revision] { answer(outcome, revision); });
      else
        answer(outcome, revision);
    });
  };
  if (cut_) {
    if (world_.chance() < 0.5) stalled_.push_back(arrive);
    return;
  }
  world_.in(world_.delay(), arrive);
}

void Host::checkAlone(const std::string &camera) {
  for (const auto &other : world_.hosts)
    if (other.get() != this && other->up() && !other->paused() && other->running().contains(camera))
      world_.faults.push_back(camera + " is watched by " + name() + " and " + other->name() + " at " +
                              std::to_string(static_cast<double>(world_.now()) / 1e9) + " s");
}

void Host::watch(const std::string &camera, const std::string &json, Revision) {
  world_.takes += running_.insert(camera).second;
  json_[camera] = json;
  checkAlone(camera);
  world_.watchedChanged(camera);
}

void Host::stop(const std::string &camera) {
  running_.erase(camera);
  json_.erase(camera);
  world_.watchedChanged(camera);
}

void World::runUntil(Time time) {
  while (!queue_.empty() && queue_.top().time <= time) {
    now_ = queue_.top().time;
    const std::function<void()> what = std::move(const_cast<Event &>(queue_.top()).what);
    queue_.pop();
    what();
  }
  now_ = time;
}

Host &World::add(const NodeSettings &settings, double drift_ppm) {
  hosts.push_back(std::make_unique<Host>(*this, settings, drift_ppm, between(0, 1000 * kSecond)));
  hosts.back()->start();
  return *hosts.back();
}

void World::put(Bucket bucket, const std::string &key, const std::string &value) {
  const auto &known = buckets_[static_cast<int>(bucket)];
  const auto found = known.find(key);
  Revision revision = 0;
  apply(bucket, key, value, found == known.end() ? 0 : found->second.revision, revision);
  if (bucket == Bucket::kCameras && value.empty()) unwatched_since_.erase(key);
  if (bucket == Bucket::kCameras && !value.empty()) watchedChanged(key);
}

Outcome World::apply(Bucket bucket, const std::string &key, const std::string &value, Revision expected, Revision &revision) {
  ++writes;
  auto &known = buckets_[static_cast<int>(bucket)];
  const auto found = known.find(key);
  if ((found == known.end() ? 0 : found->second.revision) != expected) return Outcome::kConflict;
  revision = ++revisions_[static_cast<int>(bucket)];
  const Entry entry{bucket, key, value, revision};
  known[key] = entry;
  if (bucket == Bucket::kNodes) written_at_[key] = now_;
  for (const auto &host : hosts) host->tell(entry);
  return Outcome::kDone;
}

// The bucket of the nodes forgets what is older than a minute, and tells nobody.
void World::sweep() {
  auto &known = buckets_[static_cast<int>(Bucket::kNodes)];
  std::erase_if(known, [&](const auto &entry) { return now_ - written_at_[entry.first] > 60 * kSecond; });
}

std::string World::holderOf(const std::string &camera) const {
  for (const auto &host : hosts)
    if (host->up() && host->running().contains(camera)) return host->name();
  return "";
}

void World::watchedChanged(const std::string &camera) {
  if (!holderOf(camera).empty())
    unwatched_since_.erase(camera);
  else
    unwatched_since_.try_emplace(camera, now_);
}

Time World::unwatched(const std::string &camera) const {
  const auto found = unwatched_since_.find(camera);
  return found == unwatched_since_.end() ? 0 : now_ - found->second;
}

}  // namespace sta::monitor::fleet
