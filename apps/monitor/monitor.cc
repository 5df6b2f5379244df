// SPDX-License-Identifier: MIT
#include "monitor/monitor.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "monitor/camera/uri.h"
#include "monitor/config/reader.h"

namespace sta::monitor {
namespace {

using nlohmann::ordered_json;

ordered_json fleetJson(const fleet::FleetStatus &status) {
  return {{"node", status.node},
          {"state", status.state},
          {"nodes", status.nodes},
          {"registered", status.registered},
          {"watched", status.watched},
          {"unwatched", status.unwatched},
          {"events_waiting", status.events_waiting},
          {"problem", status.problem}};
}

std::string dumped(const ordered_json &json) { return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace); }

}  // namespace

Monitor::Monitor(Settings settings, std::string file)
    : settings_(std::move(settings)), file_(std::move(file)), started_at_(g_get_real_time() / 1000) {}

std::unique_ptr<Monitor> Monitor::start(Settings settings, std::string file, std::string &error) {
  std::unique_ptr<Monitor> monitor(new Monitor(std::move(settings), std::move(file)));
  monitor->store_ = Store::open(monitor->settings_.storage.folder, error);
  if (!monitor->store_) return nullptr;
  Monitor *self = monitor.get();
  monitor->desk_ = std::make_unique<EventDesk>(
      *monitor->store_, monitor->metrics_, [self](const std::string &line) { self->log(line); },
      [self](const std::string &name) {
        if (const auto found = self->cameras_.find(name); found != self->cameras_.end()) self->cameraChanged(*found->second);
      });
  monitor->http_ = HttpServer::listen(monitor->settings_.http, *monitor, error);
  if (!monitor->http_) return nullptr;
  monitor->connectBroker();
  if (!monitor->joinFleet(error)) return nullptr;
  monitor->desk_->tellRecovered();
  monitor->tick();
  monitor->apply(monitor->wanted());
  monitor->started_ = true;
  monitor->timer_ = g_timeout_add_seconds(
      1, [](gpointer self) -> gboolean { return static_cast<Monitor *>(self)->tick(), G_SOURCE_CONTINUE; }, monitor.get());
  return monitor;
}

Monitor::~Monitor() {
  if (timer_) g_source_remove(timer_);
  cameras_.clear();  // ends open events, which are then told and saved
  if (fleet_) fleet_->leave();
  if (desk_) desk_->setOutlets(nullptr, nullptr, nullptr);
  if (desk_) desk_->setFleet(nullptr);
  http_.reset();
  fleet_.reset();
  mqtt_.reset();
  CameraPipeline::waitForRetired(700);
}

std::string Monitor::folder() const { return std::filesystem::absolute(file_).parent_path().string(); }

void Monitor::log(const std::string &line) {
  // Texts from outside (names in requests, errors of libraries) must neither start a line of their own nor send
  // commands to a terminal.
  char *valid = g_utf8_make_valid(line.c_str(), static_cast<gssize>(line.size()));
  std::string text = valid;
  g_free(valid);
  for (char &c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  std::fprintf(stderr, "%s %s\n", formatTime(g_get_real_time() / 1000).c_str(), text.c_str());
}

void Monitor::connectBroker() {
  mqtt_.reset();
  topics_ = std::make_unique<Topics>(settings_.mqtt);
  announced_.clear();
  if (!settings_.mqtt.host.empty())
    mqtt_ = std::make_unique<Mqtt>(settings_.mqtt, *store_, topics_->status(), [this](const std::string &line) { log(line); });
  if (mqtt_) mqtt_->forgetOthers({settings_.mqtt.prefix + "/", settings_.mqtt.home_assistant ? settings_.mqtt.discovery_prefix + "/" : ""});
  desk_->setOutlets(mqtt_.get(), topics_.get(), &http_->streams());
}

bool Monitor::joinFleet(std::string &error) {
  if (settings_.fleet.nats.servers.empty()) return true;
  if (!settings_.cameras.empty())
    log("fleet: the cameras of the file are not watched, because a fleet has a registry; \"sta fleet add\" puts them there");
  fleet_ = std::make_unique<FleetDesk>(*store_, FleetDesk::Calls{[this](const std::string &line) { log(line); },
                                                                 [this](const std::string &name, const std::string &json) {
                                                                   return readCameraText(name, json, settings_.defaults, folder(), modelFolders());
                                                                 },
                                                                 [this] { apply(wanted()); }, [this] { return engineLoad(); }});
  if (!fleet_->join(settings_.fleet, http_->address(), error)) return false;
  desk_->setFleet(fleet_.get());
  log("fleet: this is the node " + fleet_->status().node);
  return true;
}

double Monitor::engineLoad() const {
  double load = 0;
  for (const auto &[name, camera] : cameras_)
    for (const WatchState &watch : camera->watches()) load = std::max(load, watch.load);
  return load;
}

bool Monitor::drained() {
  if (!fleet_) return true;
  fleet_->fleet().drain();
  return fleet_->fleet().empty();
}

std::map<std::string, CameraSettings> Monitor::wanted() {
  if (fleet_) return fleet_->cameras();
  std::map<std::string, CameraSettings> all = settings_.cameras;
  for (const auto &[name, json] : store_->cameras()) {
    if (json.empty()) {
      all.erase(name);
      continue;
    }
    ReadResult read = readCameraText(name, json, settings_.defaults, folder(), modelFolders());
    for (const std::string &error : read.errors) log("from the store: " + error);
    if (read.errors.empty()) all[name] = read.settings.cameras[name];
  }
  return all;
}

void Monitor::apply(const std::map<std::string, CameraSettings> &wanted) {
  std::vector<std::string> gone;
  for (const auto &[name, camera] : cameras_)
    if (const auto found = wanted.find(name); found == wanted.end() || !(found->second == camera->settings())) gone.push_back(name);
  std::set<std::string> forgotten;
  for (const std::string &name : gone) {
    // If a camera watches for the same as before, its listeners need not learn of it anew.
    const auto found = wanted.find(name);
    if (found == wanted.end() || !(found->second.watch == cameras_[name]->settings().watch)) forgotten.insert(name);
    removeCamera(name);
    if (found == wanted.end()) http_->streams().endViewers(name);
  }
  if (mqtt_) {
    for (const auto &[topic, camera] : store_->retained())  // also cameras that went while the monitor did not run
      if (!wanted.contains(camera)) forgotten.insert(camera);
    // Of a camera that another node watches now, that node tells.
    if (fleet_) std::erase_if(forgotten, [&](const std::string &name) { return !wanted.contains(name) && fleet_->fleet().registered(name); });
    for (const std::string &name : forgotten) mqtt_->forget(name);
  }
  for (const auto &[name, settings] : wanted) {
    if (cameras_.contains(name)) continue;
    // Listeners hear of the camera by its first change.
    cameras_[name] = std::make_unique<Camera>(settings, *this);
    cameras_[name]->setViewers(viewers_[name]);
    announced_[name].assign(settings.watch.size(), false);
    announce(*cameras_[name]);
    cameraChanged(*cameras_[name]);
  }
}

void Monitor::removeCamera(const std::string &name) {
  const auto found = cameras_.find(name);
  if (found == cameras_.end()) return;
  std::unique_ptr<Camera> camera = std::move(found->second);
  cameras_.erase(found);
  if (mqtt_) mqtt_->state(topics_->cameraStatus(name), "offline", name);
  camera.reset();  // ends what is open, so the desk forgets the camera only afterwards
  desk_->cameraGone(name);
  metrics_.forget(name);
}

void Monitor::announce(Camera &camera) {
  if (!mqtt_ || !settings_.mqtt.home_assistant) return;
  for (const auto &[topic, payload] : topics_->discovery(camera.settings())) mqtt_->state(topic, payload, camera.settings().name);
}

// Tells Home Assistant the labels of a model. They are known when its first window has named them.
void Monitor::announce(Camera &camera, std::size_t watch) {
  const WatchState &state = camera.watches()[watch];
  if (!settings_.mqtt.home_assistant || state.labels.empty()) return;
  for (const auto &[topic, payload] : topics_->discovery(camera.settings(), camera.settings().watch[watch], state.labels, state.background))
    mqtt_->state(topic, payload, camera.settings().name);
}

void Monitor::reload() {
  ReadResult read = readSettings(file_, modelFolders());
  if (!read.errors.empty()) {
    log("the file was not taken over, because of:");
    for (const std::string &error : read.errors) log("  " + error);
    return;
  }
  if (!(read.settings.http == settings_.http)) log("http: a change takes effect at the next start");
  if (!(read.settings.fleet == settings_.fleet) && !(read.settings.fleet == fleet::FleetSettings{}))
    log("fleet: a change takes effect at the next start");
  if (read.settings.storage.folder != settings_.storage.folder) log("storage: another folder takes effect at the next start");
  read.settings.http = settings_.http;
  read.settings.fleet = settings_.fleet;
  read.settings.storage.folder = settings_.storage.folder;
  const bool broker = !(read.settings.mqtt == settings_.mqtt);
  settings_ = std::move(read.settings);
  if (broker) connectBroker();
  apply(wanted());
  if (broker)
    for (const auto &[name, camera] : cameras_) {
      announced_[name].assign(camera->watches().size(), false);
      announce(*camera);
      cameraChanged(*camera);
    }
  log("the file was read again: " + std::to_string(cameras_.size()) + " cameras");
}

void Monitor::cameraChanged(Camera &camera) {
  const std::string &name = camera.settings().name;
  const auto known = cameras_.find(name);
  if (known == cameras_.end() || known->second.get() != &camera) return;  // the camera is being made or removed
  if (mqtt_) {
    mqtt_->state(topics_->cameraStatus(name), camera.state() == CameraState::kPlaying ? "online" : "offline", name);
    for (std::size_t i = 0; i < camera.watches().size(); ++i) {
      const WatchState &watch = camera.watches()[i];
      if (!watch.label.empty()) mqtt_->state(topics_->label(name, camera.settings().watch[i].name), watch.label, name);
      if (!announced_[name][i] && !watch.labels.empty()) {
        announced_[name][i] = true;
        announce(camera, i);
        for (const std::string &label : eventLabels(camera.settings().watch[i], watch.labels, watch.background)) {
          const bool open = std::find(watch.open.begin(), watch.open.end(), label) != watch.open.end();
          mqtt_->state(topics_->active(name, camera.settings().watch[i].name, label), open ? "ON" : "OFF", name);
        }
      }
    }
  }
  if (http_) http_->streams().camera(cameraJson(name));
}

void Monitor::actionChanged(Camera &camera, const ActionChange &change) {
  // A node that was stopped for a while and goes on has pictures of a time in which the camera was another node's.
  if (fleet_ && change.kind == ActionChange::kStart && !fleet_->fleet().entitled(camera.settings().name)) return;
  desk_->change(camera, change);
}

void Monitor::windowDone(Camera &camera, const WindowReport &report) {
  metrics_.window(camera.settings().name, camera.settings().watch[report.watch].name, report);
}

void Monitor::pictureMade(Camera &camera, GBytes *jpeg) { http_->streams().picture(camera.settings().name, jpeg); }

void Monitor::tick() {
  struct statvfs disk {};
  const StorageSettings &storage = settings_.storage;
  std::string full;
  if (statvfs(storage.folder.c_str(), &disk) == 0) {
    storage_free_ = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
    if (storage_free_ < storage.keep_free)
      full = "the disk is full: " + std::to_string(storage_free_ / 1'000'000) + " MB are free, and recording leaves " +
             std::to_string(storage.keep_free / 1'000'000) + " MB";
  }
  if (full.empty() != storage_problem_.empty()) log(full.empty() ? "storage: recording goes on" : "storage: " + full);
  storage_problem_ = full;
  desk_->tick(full);
  if (seconds_++ % 60 == 0) store_->expire(g_get_real_time() / 1000, storage.keep, storage.at_most);
}

std::vector<std::string> Monitor::cameraNames() {
  std::vector<std::string> names;
  for (const auto &[name, camera] : cameras_) names.push_back(name);
  return names;
}

std::string Monitor::cameraJson(const std::string &name) {
  const auto found = cameras_.find(name);
  if (found == cameras_.end()) return "";
  const Camera &camera = *found->second;
  const std::shared_ptr<CameraPipeline> pipeline = camera.pipeline();
  ordered_json json = {{"name", name},
                       {"uri", displayUri(camera.settings().uri)},
                       {"state", stateName(camera.state())},
                       {"reason", camera.reason()},
                       {"since", formatTime(camera.since())},
                       {"width", pipeline ? pipeline->width() : 0},
                       {"height", pipeline ? pipeline->height() : 0},
                       {"frame_rate", pipeline ? pipeline->frameRate() : 0.0},
                       {"frames", camera.frames()},
                       {"recording", desk_->recording(name)},
                       {"recording_problem", desk_->recordingProblem(name)},
                       {"watch", ordered_json::array()}};
  for (std::size_t i = 0; i < camera.watches().size(); ++i) {
    const WatchState &watch = camera.watches()[i];
    json["watch"].push_back({{"model", camera.settings().watch[i].name},
                             {"label", watch.label},
                             {"confidence", std::round(watch.confidence * 1e4) / 1e4},
                             {"labels", watch.labels},
                             {"background", watch.background},
                             {"load", std::round(watch.load * 1e3) / 1e3},
                             {"drop_number", watch.drop_number},
                             {"open", watch.open},
                             {"problem", watch.problem}});
  }
  return dumped(json);
}

std::string Monitor::statusJson() {
  const ordered_json json = {{"version", STA_VERSION},
                             {"started", formatTime(started_at_)},
                             {"mqtt", !mqtt_               ? "off"
                                      : mqtt_->connected() ? "connected"
                                                           : "away"},
                             {"mqtt_waiting", mqtt_ ? mqtt_->waiting() : 0},
                             {"fleet", fleet_ ? fleetJson(fleet_->status()) : ordered_json()},
                             {"storage",
                              {{"used", store_->clipBytes()},
                               {"at_most", settings_.storage.at_most},
                               {"free", storage_free_},
                               {"problem", storage_problem_.empty() ? store_->problem() : storage_problem_}}}};
  return dumped(json);
}

std::string Monitor::metricsText() {
  for (const auto &[name, camera] : cameras_) metrics_.camera(*camera);
  metrics_.storage(store_->clipBytes(), mqtt_ ? mqtt_->waiting() : 0);
  if (fleet_) metrics_.fleet(fleet_->status());
  return metrics_.text();
}

std::shared_ptr<CameraPipeline> Monitor::pipelineOf(const std::string &name) {
  const auto found = cameras_.find(name);
  return found == cameras_.end() ? nullptr : found->second->pipeline();
}

void Monitor::viewersChanged(const std::string &name, int viewers) {
  viewers_[name] = viewers;
  if (const auto found = cameras_.find(name); found != cameras_.end()) found->second->setViewers(viewers);
}

std::vector<std::string> Monitor::putCamera(const std::string &name, const std::string &body, bool &created) {
  const ReadResult read = readCameraText(name, body, settings_.defaults, folder(), modelFolders());
  if (!read.errors.empty()) return read.errors;
  if (fleet_) {
    if (const std::string fault = FleetDesk::faultOf(body); !fault.empty()) return {fault};
    created = !fleet_->fleet().registered(name);
    fleet_->fleet().putCamera(name, body);
    return {};
  }
  created = !cameras_.contains(name);
  if (!store_->setCamera(name, body)) return {"the store could not keep it: " + store_->problem()};
  apply(wanted());
  return {};
}

bool Monitor::followFile(const std::string &name) {
  if (fleet_) return false;
  if (!store_->cameras().contains(name)) return false;
  store_->forgetCamera(name);
  apply(wanted());
  return true;
}

bool Monitor::deleteCamera(const std::string &name) {
  if (fleet_) {
    if (!fleet_->fleet().registered(name)) return false;
    fleet_->fleet().removeCamera(name);
    return true;
  }
  if (!cameras_.contains(name)) return false;
  // A camera of the file is remembered as deleted. Any other camera is simply removed.
  if (settings_.cameras.contains(name))
    store_->setCamera(name, "");
  else
    store_->forgetCamera(name);
  apply(wanted());
  return true;
}

}  // namespace sta::monitor
