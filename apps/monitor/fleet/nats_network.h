// SPDX-License-Identifier: MIT
// The fleet's buckets in NATS JetStream: compare-and-set on keys, and being told of every change. It lives in the
// owner's thread. One thread a bucket waits for changes and hands them over.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "monitor/fleet/nats_link.h"
#include "monitor/fleet/network.h"

namespace sta::monitor::fleet {

class NatsNetwork : public Network, private NatsLink::Listener {
 public:
  explicit NatsNetwork(NatsLink &link);
  ~NatsNetwork() override;
  NatsNetwork(const NatsNetwork &) = delete;
  // From now on the listener is told. It must outlive this object, or stop() comes first.
  void start(NetworkListener &listener);
  void stop();
  // Several times a second.
  void tick();

  void write(Bucket bucket, const std::string &key, const std::string &value, Revision expected, Written written) override;
  void refresh() override;

  // What went over the wire, for the bench.
  std::uint64_t heard() const { return heard_entries_; }

 private:
  struct Watch;
  struct Progress {
    Revision written = 0, heard = 0;  // the newest revision that this node wrote, and that it was told of
    Time behind_since = 0;
  };
  static void follow(const std::shared_ptr<Watch> &watch);
  void watchAll();
  void stopWatches();
  void took(const Watch &watch, const std::vector<Entry> &entries);
  void linkDown() override;
  void linkUp() override;
  void linkTrouble() override;

  NatsLink &link_;
  const SystemClock clock_;
  NetworkListener *listener_ = nullptr;
  std::shared_ptr<NatsNetwork *> self_;
  std::vector<std::pair<std::shared_ptr<Watch>, std::thread>> watches_;  // also those that still have to end
  std::array<Progress, kBuckets> progress_;
  Time watched_at_ = 0;
  std::uint64_t heard_entries_ = 0;
};

}  // namespace sta::monitor::fleet
