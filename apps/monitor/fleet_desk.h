// SPDX-License-Identifier: MIT
// Between the monitor and its fleet: which cameras this node watches now, as settings, and its events on their way to
// the others. In the main loop, as all of the monitor.
#pragma once

#include <glib.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "monitor/config/reader.h"
#include "monitor/config/settings.h"
#include "monitor/fleet/fleet.h"
#include "monitor/store/store.h"

namespace sta::monitor {

class FleetDesk : private fleet::Watchers, private fleet::Outbox {
 public:
  struct Calls {
    std::function<void(const std::string &)> log;
    std::function<ReadResult(const std::string &name, const std::string &json)> read;
    std::function<void()> changed;  // cameras() is another one
    std::function<double()> load;   // of the engines, 0 to 1
  };
  FleetDesk(Store &store, Calls calls) : store_(store), calls_(std::move(calls)) {}
  ~FleetDesk();
  FleetDesk(const FleetDesk &) = delete;

  // On false, `error` says why in one sentence. `address` is shown to people who look for this node.
  bool join(const fleet::FleetSettings &settings, const std::string &address, std::string &error);
  const std::map<std::string, CameraSettings> &cameras() const { return cameras_; }
  void tell(const Event &event);  // an event that began or ended
  fleet::Fleet &fleet() { return *fleet_; }
  // The registry takes JSON. Returns what is wrong with the text, or nothing.
  static std::string faultOf(const std::string &json);
  fleet::FleetStatus status() const;
  // The node watches nothing any more.
  void leave();

 private:
  void watch(const std::string &camera, const std::string &json, fleet::Revision lease) override;
  void stop(const std::string &camera) override;
  void log(const std::string &line) override { calls_.log(line); }
  bool add(const std::string &camera, const std::string &id, const std::string &payload) override { return store_.fleetAdd(camera, id, payload); }
  std::vector<fleet::OutboxEvent> first(int limit) override { return store_.fleetFirst(limit); }
  void remove(std::int64_t sequence) override { store_.fleetRemove(sequence); }
  std::int64_t count() override { return store_.fleetCount(); }

  Store &store_;
  const Calls calls_;
  std::string node_;
  std::map<std::string, CameraSettings> cameras_;
  std::map<std::string, fleet::Revision> leases_;  // the newest that this node had of each camera
  std::map<std::string, std::string> faults_;      // cameras whose settings cannot be read here
  std::unique_ptr<fleet::Fleet> fleet_;
  unsigned timer_ = 0;
};

}  // namespace sta::monitor
