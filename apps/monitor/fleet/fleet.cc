// SPDX-License-Identifier: MIT
// The fleet over NATS: connection, buckets, the node that decides, and the stream of events, put together.
#include "monitor/fleet/fleet.h"

#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <random>
#include <thread>

#include "monitor/fleet/event_stream.h"
#include "monitor/fleet/nats_network.h"
#include "monitor/fleet/node.h"

namespace sta::monitor::fleet {
namespace {

std::string machineName() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  std::string plain = name;
  for (char &c : plain)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') c = '-';
  return plain.empty() ? "node" : plain.substr(0, 64);
}

std::string sessionId() {
  std::random_device random;
  const std::uint64_t number = (static_cast<std::uint64_t>(random()) << 32) | random();
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}

NodeSettings toNodeSettings(const FleetSettings &settings, const std::string &version, const std::string &about) {
  NodeSettings node;
  node.name = settings.name.empty() ? machineName() : settings.name;
  node.capacity = settings.capacity > 0 ? settings.capacity : static_cast<int>(8 * std::max(1u, std::thread::hardware_concurrency()));
  node.on_partition = settings.on_partition;
  node.version = version;
  node.about = about;
  return node;
}

class NatsFleet : public Fleet {
 public:
  NatsFleet(std::unique_ptr<NatsLink> link, NodeSettings settings, Watchers &watchers, Outbox &outbox)
      : link_(std::move(link)),
        name_(settings.name),
        watchers_(watchers),
        network_(*link_),
        events_(*link_, outbox),
        outbox_(outbox),
        node_(std::move(settings), clock_, network_, watchers, sessionId) {
    network_.start(node_);
  }
  ~NatsFleet() override { network_.stop(); }

  void tick(double engine_load) override {
    link_->tick();
    network_.tick();
    node_.setLoad(engine_load);
    node_.tick();
    events_.tick();
  }
  void publish(const std::string &camera, const std::string &id, const std::string &json) override { events_.publish(camera, id, json); }
  bool entitled(const std::string &camera) const override { return node_.entitled(camera); }
  bool registered(const std::string &camera) const override { return node_.view().cameras().contains(camera); }
  void putCamera(const std::string &camera, const std::string &json) override { change(camera, json); }
  void removeCamera(const std::string &camera) override { change(camera, ""); }
  void drain() override { node_.drain(true); }
  bool empty() const override { return node_.empty() || node_.view().members(clock_.now()).empty(); }
  void leave() override {
    node_.leave();
    network_.stop();
  }

  FleetStatus status() const override {
    FleetStatus status;
    status.node = name_;
    status.registered = node_.view().cameraCount();
    status.watched = static_cast<int>(node_.watched().size());
    status.unwatched = node_.freeCameras();
    status.nodes = static_cast<int>(node_.view().members(clock_.now()).size());
    status.events_waiting = outbox_.count();
    status.state = !node_.sessionValid() ? "alone" : node_.draining() ? "draining" : node_.joining() ? "joining" : "ready";
    if (!node_.sessionValid())
      status.problem = "NATS at " + displayServers(link_->options()) + " does not answer; " +
                       (status.watched > 0 ? "cameras are watched on, and events wait until it is back"
                                           : "cameras are stopped, because other nodes may watch them, and events wait until it is back");
    else if (!events_.problem().empty() && status.events_waiting > 0)
      status.problem = "events wait: " + events_.problem();
    return status;
  }

 private:
  // The revision is looked up where it is known best: here. A conflict means that somebody else changed the camera in
  // the same moment, and then the later one counts, so it is tried again.
  void change(const std::string &camera, const std::string &json, int tries = 5) {
    const auto &cameras = node_.view().cameras();
    const auto known = cameras.find(camera);
    const Revision revision = known != cameras.end() ? known->second.revision : node_.view().removedRevision(camera);
    network_.write(Bucket::kCameras, camera, json, revision, [this, camera, json, tries](Outcome outcome, Revision) {
      if (outcome == Outcome::kDone) return;
      if (outcome == Outcome::kConflict && tries > 1) return change(camera, json, tries - 1);
      watchers_.log("fleet: the registry did not take the change of camera " + camera + "; NATS does not answer, try again");
    });
  }

  const SystemClock clock_;
  std::unique_ptr<NatsLink> link_;
  const std::string name_;
  Watchers &watchers_;
  NatsNetwork network_;
  EventStream events_;
  Outbox &outbox_;
  Node node_;
};

}  // namespace

std::unique_ptr<Fleet> joinFleet(const FleetSettings &settings, const std::string &version, const std::string &about, Watchers &watchers,
                                 Outbox &outbox, Fleet::Post post, std::string &error) {
  NodeSettings node = toNodeSettings(settings, version, about);
  NatsOptions options = settings.nats;
  options.name = "sta-monitor " + node.name;
  fillFromEnvironment(options);
  std::unique_ptr<NatsLink> link = NatsLink::connect(options, std::move(post), error);
  if (!link || !makeBuckets(*link, error)) return nullptr;
  return std::make_unique<NatsFleet>(std::move(link), std::move(node), watchers, outbox);
}

}  // namespace sta::monitor::fleet
