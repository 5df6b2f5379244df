// SPDX-License-Identifier: MIT
// A fleet in virtual time: nodes with clocks that drift, a network that delays, loses and cuts, and the buckets. One
// seed makes one schedule of faults, so a schedule that fails can be looked at again.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "monitor/fleet/node.h"

namespace sta::monitor::fleet {

class World;

// A machine with one node.
class Host : public Network, public Watchers, public Clock {
 public:
  Host(World &world, NodeSettings settings, double drift_ppm, Time offset);
  void start();
  void crash();
  void leave();
  void pause() { paused_ = true; }
  void resume();
  void cut();
  void heal(bool reconnect);
  bool up() const { return node_ != nullptr; }
  bool paused() const { return paused_; }
  bool isCut() const { return cut_; }
  // Runs in the host now, or when it is not paused any more.
  void run(std::function<void()> what);
  void tell(const Entry &entry);  // a change in a bucket
  void reconnect();
  Node &node() { return *node_; }
  const std::set<std::string> &running() const { return running_; }
  const std::string &name() const { return settings_.name; }

  void write(Bucket bucket, const std::string &key, const std::string &value, Revision expected, Written written) override;
  void refresh() override;
  void watch(const std::string &camera, const std::string &json, Revision lease) override;
  void stop(const std::string &camera) override;
  void log(const std::string &) override {}
  Time now() const override;

  NodeSettings settings_;
  std::map<std::string, std::string> json_;  // with which settings it watches

 private:
  void tickLater();
  void checkAlone(const std::string &camera);
  World &world_;
  const double rate_;
  const Time offset_;
  std::unique_ptr<Node> node_;
  std::set<std::string> running_;
  bool paused_ = false, cut_ = false, noticed_ = false;
  int incarnation_ = 0, connection_ = 0;
  std::deque<std::function<void()>> inbox_;    // while it is paused
  std::deque<std::function<void()>> stalled_;  // on the wire, while it is cut off
  Time last_told_[kBuckets] = {};
};

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {}
  void at(Time time, std::function<void()> what) { queue_.push({time, sequence_++, std::move(what)}); }
  void in(Time time, std::function<void()> what) { at(now_ + time, std::move(what)); }
  void runUntil(Time time);
  Time now() const { return now_; }
  Host &add(const NodeSettings &settings, double drift_ppm = 0);
  void put(Bucket bucket, const std::string &key, const std::string &value);  // as an operator does it
  double chance() { return std::uniform_real_distribution<>(0, 1)(random_); }
  int whole(int least, int most) { return std::uniform_int_distribution<>(least, most)(random_); }
  Time between(Time least, Time most) { return std::uniform_int_distribution<Time>(least, most)(random_); }
  Time delay() { return slow_ > 0 && chance() < slow_ ? between(50 * kMillisecond, 3 * kSecond) : between(kMillisecond, 20 * kMillisecond); }

  // The server.
  Outcome apply(Bucket bucket, const std::string &key, const std::string &value, Revision expected, Revision &revision);
  void sweep();
  const std::map<std::string, Entry> &bucket(Bucket bucket) const { return buckets_[static_cast<int>(bucket)]; }

  // How long a camera has had no watcher; 0: it has one.
  Time unwatched(const std::string &camera) const;
  std::string holderOf(const std::string &camera) const;
  void watchedChanged(const std::string &camera);

  std::vector<std::unique_ptr<Host>> hosts;
  std::vector<std::string> faults;  // two watchers of one camera
  double slow_ = 0;                 // share of messages that take long
  bool server_up = true;
  long long writes = 0, takes = 0;

 private:
  struct Event {
    Time time;
    std::uint64_t sequence;
    std::function<void()> what;
    bool operator<(const Event &other) const { return time != other.time ? time > other.time : sequence > other.sequence; }
  };
  std::mt19937_64 random_;
  std::priority_queue<Event> queue_;
  Time now_ = 0;
  std::uint64_t sequence_ = 0;
  std::map<std::string, Entry> buckets_[kBuckets];
  std::map<std::string, Time> written_at_;  // of sessions
  Revision revisions_[kBuckets] = {};
  std::map<std::string, Time> unwatched_since_;
};

}  // namespace sta::monitor::fleet
