// SPDX-License-Identifier: MIT
// Turns what a camera's models report into events that are kept and told: gives them ids, saves them, starts and ends
// clips, takes snapshots, publishes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "monitor/camera/camera.h"
#include "monitor/fleet_desk.h"
#include "monitor/http/metrics.h"
#include "monitor/http/streams.h"
#include "monitor/publish/mqtt.h"
#include "monitor/publish/topics.h"
#include "monitor/store/store.h"

namespace sta::monitor {

class EventDesk {
 public:
  using Log = std::function<void(const std::string &)>;
  // `recording_changed` is called with the name of a camera whose recording began, ended or failed on its own.
  using Changed = std::function<void(const std::string &)>;
  EventDesk(Store &store, Metrics &metrics, Log log, Changed recording_changed);
  ~EventDesk();
  void setOutlets(Mqtt *mqtt, const Topics *topics, Streams *streams);  // nullptr: none

  void setFleet(FleetDesk *fleet) { fleet_ = fleet; }  // nullptr: none

  void change(Camera &camera, const ActionChange &change);
  void cameraGone(const std::string &camera);  // this ends its clip
  // Tells of events that a killed monitor left open. The store has ended them.
  void tellRecovered();
  // Called once a second: ends clips that are long enough. `full`: why nothing can be recorded now; empty if recording
  // works.
  void tick(const std::string &full);
  bool recording(const std::string &camera) const { return clips_.contains(camera); }
  const std::string &recordingProblem(const std::string &camera) { return problems_[camera]; }

 private:
  struct Clip {
    std::string id;
    std::set<std::string> open;  // events that keep the clip going
    std::weak_ptr<CameraPipeline> pipeline;
    Recorder *recorder;
    gint64 begun, quiet_since;  // monotonic, microseconds
    Nanoseconds after, at_most;
  };
  void tell(const Event &event);
  void startClip(Camera &camera, const ActionChange &change, Event &event);
  void endClip(const std::string &camera);
  void clipDone(const std::string &id, const std::string &camera, bool good, const std::string &why);
  void takeSnapshot(Camera &camera, const std::string &event);
  void snapshotDone(const std::string &event, const std::string &jpeg);

  Store &store_;
  Metrics &metrics_;
  const Log log_;
  const Changed recording_changed_;
  Mqtt *mqtt_ = nullptr;
  const Topics *topics_ = nullptr;
  FleetDesk *fleet_ = nullptr;
  Streams *streams_ = nullptr;
  std::string full_;
  std::map<std::string, std::map<std::uint64_t, Event>> open_;  // camera -> key of the change -> event
  std::map<std::string, Clip> clips_;                           // by camera
  std::map<std::string, std::string> problems_;
  std::shared_ptr<EventDesk *> self_;  // for threads that report back; holds nullptr after the desk is gone
};

}  // namespace sta::monitor
