// SPDX-License-Identifier: MIT
#include "monitor/fleet_desk.h"

#include <nlohmann/json.hpp>

#include "monitor/main_loop.h"

namespace sta::monitor {

FleetDesk::~FleetDesk() {
  if (timer_) g_source_remove(timer_);
}

bool FleetDesk::join(const fleet::FleetSettings &settings, const std::string &address, std::string &error) {
  fleet_ = fleet::joinFleet(settings, STA_VERSION, address, *this, *this, inMainLoop, error);
  if (!fleet_) return false;
  node_ = fleet_->status().node;
  timer_ = g_timeout_add(
      250,
      [](gpointer data) -> gboolean {
        auto *self = static_cast<FleetDesk *>(data);
        self->fleet_->tick(self->calls_.load());
        return G_SOURCE_CONTINUE;
      },
      this);
  return true;
}

void FleetDesk::leave() {
  if (fleet_) fleet_->leave();
}

void FleetDesk::watch(const std::string &camera, const std::string &json, fleet::Revision lease) {
  leases_[camera] = lease;
  calls_.log("camera " + camera + ": this node watches it (lease " + std::to_string(lease) + ")");
  ReadResult read = calls_.read(camera, json);
  faults_.erase(camera);
  if (!read.errors.empty()) {
    for (const std::string &error : read.errors) calls_.log("from the registry of the fleet: " + error);
    faults_[camera] = read.errors.front();
    cameras_.erase(camera);
  } else {
    cameras_[camera] = read.settings.cameras[camera];
  }
  calls_.changed();
}

void FleetDesk::stop(const std::string &camera) {
  faults_.erase(camera);
  if (cameras_.erase(camera)) calls_.changed();
  calls_.log("camera " + camera + ": this node watches it no more");
}

void FleetDesk::tell(const Event &event) {
  // What happened under an earlier lease sorts before what happened under a later one, whenever NATS got it.
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(eventJson(event, "/api/v1"));
  json["node"] = node_;
  json["lease"] = leases_[event.camera];
  const std::string id = event.id + (event.offset ? "-end" : "-start");
  fleet_->publish(event.camera, id, json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::string FleetDesk::faultOf(const std::string &json) {
  return nlohmann::json::accept(json) ? "" : "the registry of a fleet takes JSON: {\"uri\": …, \"watch\": […]}";
}

fleet::FleetStatus FleetDesk::status() const {
  fleet::FleetStatus status = fleet_->status();
  if (status.problem.empty() && !faults_.empty()) status.problem = "a camera of the registry cannot be watched here: " + faults_.begin()->second;
  return status;
}

}  // namespace sta::monitor
