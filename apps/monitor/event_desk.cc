// SPDX-License-Identifier: MIT
#include "monitor/event_desk.h"

#include <algorithm>
#include <fstream>
#include <thread>

#include "monitor/main_loop.h"

namespace sta::monitor {

EventDesk::EventDesk(Store &store, Metrics &metrics, Log log, Changed recording_changed)
    : store_(store),
      metrics_(metrics),
      log_(std::move(log)),
      recording_changed_(std::move(recording_changed)),
      self_(std::make_shared<EventDesk *>(this)) {}

EventDesk::~EventDesk() { *self_ = nullptr; }

void EventDesk::setOutlets(Mqtt *mqtt, const Topics *topics, Streams *streams) {
  mqtt_ = mqtt;
  topics_ = topics;
  streams_ = streams;
}

void EventDesk::tell(const Event &event) {
  const std::string json = eventJson(event, "/api/v1");
  if (streams_) streams_->event(std::max<std::int64_t>(0, store_.journalAdd(json)), json);
}

void EventDesk::change(Camera &camera, const ActionChange &change) {
  const CameraSettings &settings = camera.settings();
  const WatchSettings &watch = settings.watch[change.watch];
  auto &open = open_[settings.name];
  if (change.kind == ActionChange::kStart) {
    Event event;
    event.id = eventId(settings.name, watch.name, change.label, change.onset);
    event.camera = settings.name;
    event.model = watch.name;
    event.label = change.label;
    event.onset = change.onset;
    event.camera_clock = change.camera_clock;
    open[change.key] = event;
    metrics_.event(settings.name, change.label, change.delay);
  }
  const auto found = open.find(change.key);
  if (found == open.end()) return;
  Event &event = found->second;
  event.confidence = std::max(event.confidence, change.confidence);
  event.seen = std::max(change.offset, event.onset);
  event.drop_number = camera.watches()[change.watch].drop_number;
  if (change.kind == ActionChange::kEnd) {
    event.offset = event.seen;
    event.interrupted = change.interrupted;
  }
  if (change.kind == ActionChange::kStart) startClip(camera, change, event);
  // The store may already know more about the event (its snapshot).
  if (const std::optional<Event> known = store_.find(event.id)) {
    event.snapshot = known->snapshot;
    event.clip_state = known->clip_state;
  }
  if (!store_.save(event)) log_("store: an event could not be written: " + store_.problem());
  if (!event.clip.empty() && event.clip_state.empty()) event.clip_state = "writing";
  if (change.kind != ActionChange::kUpdate) {
    tell(event);
    if (fleet_) fleet_->tell(event);
    if (mqtt_) {
      mqtt_->state(topics_->active(event.camera, event.model, event.label), change.kind == ActionChange::kStart ? "ON" : "OFF", event.camera);
      mqtt_->event(topics_->event(event.camera), eventJson(event, "/api/v1"));
    }
    log_("camera " + event.camera + ": " + event.label + (event.offset ? " ended" : " began") + " (" + event.model + ", " +
         formatTime(event.offset.value_or(event.onset)) + ")");
  }
  if (change.kind == ActionChange::kStart) takeSnapshot(camera, event.id);
  if (change.kind == ActionChange::kEnd) {
    if (const auto clip = clips_.find(settings.name); clip != clips_.end() && clip->second.open.erase(event.id) && clip->second.open.empty())
      clip->second.quiet_since = g_get_monotonic_time();
    open.erase(found);
  }
}

void EventDesk::startClip(Camera &camera, const ActionChange &change, Event &event) {
  const CameraSettings &settings = camera.settings();
  if (!settings.record || !camera.recorder()) return;
  const std::vector<std::string> &on = settings.record->on;
  if (!on.empty() && std::find(on.begin(), on.end(), change.label) == on.end()) return;
  std::string &problem = problems_[settings.name];
  if (!full_.empty()) {
    problem = full_;
    return;
  }
  auto running = clips_.find(settings.name);
  if (running != clips_.end() && !camera.recorder()->writing()) {
    clips_.erase(running);
    running = clips_.end();
  }
  if (running == clips_.end()) {
    const std::shared_ptr<CameraPipeline> pipeline = camera.pipeline();
    if (!pipeline) return;
    const GstClockTime onset = change.running_onset + kMediaTimeOfZero, before = static_cast<GstClockTime>(settings.record->before);
    const std::weak_ptr<EventDesk *> self = self_;
    const std::string id = event.id, name = settings.name;
    store_.clipBegun(id, name, change.onset);
    const bool started =
        camera.recorder()->start(store_.clipPath(id), onset > before ? onset - before : 0, [self, id, name](bool good, const std::string &why) {
          inMainLoop([self, id, name, good, why] {
            if (const std::shared_ptr<EventDesk *> desk = self.lock(); desk && *desk) (*desk)->clipDone(id, name, good, why);
          });
        });
    if (!started) {
      store_.clipEnded(id, false);
      problem = "no key frame of the camera had come yet";
      return;
    }
    const gint64 now = g_get_monotonic_time();
    running = clips_.emplace(name, Clip{id, {}, pipeline, camera.recorder(), now, now, settings.record->after, settings.record->at_most}).first;
    problem.clear();
  }
  running->second.open.insert(event.id);
  event.clip = running->second.id;
  event.clip_state = "writing";
}

void EventDesk::endClip(const std::string &camera) {
  const auto clip = clips_.find(camera);
  if (clip == clips_.end()) return;
  clip->second.recorder->finish();
  clips_.erase(clip);
  recording_changed_(camera);
}

void EventDesk::tick(const std::string &full) {
  full_ = full;
  std::vector<std::string> finished;
  const gint64 now = g_get_monotonic_time();
  for (const auto &[camera, clip] : clips_) {
    const bool quiet = clip.open.empty() && (now - clip.quiet_since) * 1000 >= clip.after;
    if (quiet || (now - clip.begun) * 1000 >= clip.at_most || !full.empty()) finished.push_back(camera);
  }
  for (const std::string &camera : finished) {
    if (!full.empty()) problems_[camera] = full;
    endClip(camera);
  }
  if (full.empty())
    for (auto &[camera, problem] : problems_)
      if (problem.find("disk") != std::string::npos) problem.clear();
}

void EventDesk::cameraGone(const std::string &camera) {
  clips_.erase(camera);  // its recorder finishes on its own
  open_.erase(camera);
  problems_.erase(camera);
}

void EventDesk::clipDone(const std::string &id, const std::string &camera, bool good, const std::string &why) {
  store_.clipEnded(id, good);
  if (!good) {
    log_("camera " + camera + ": the clip could not be completed: " + why);
    problems_[camera] = "the last clip could not be completed: " + why;
  }
  if (const auto clip = clips_.find(camera); clip != clips_.end() && clip->second.id == id) clips_.erase(clip);
  recording_changed_(camera);
  for (const std::string &event : store_.eventsOfClip(id))
    if (const std::optional<Event> known = store_.find(event)) tell(*known);
}

void EventDesk::takeSnapshot(Camera &camera, const std::string &event) {
  const std::shared_ptr<CameraPipeline> pipeline = camera.pipeline();
  if (!pipeline) return;
  const std::weak_ptr<EventDesk *> self = self_;
  const std::string path = store_.snapshotPath(event);
  std::thread([pipeline, self, event, path]() mutable {
    const std::string jpeg = pipeline->snapshot();
    CameraPipeline::retire(std::move(pipeline));
    if (jpeg.empty()) return;
    std::ofstream file(path, std::ios::binary);
    if (!(file.write(jpeg.data(), static_cast<std::streamsize>(jpeg.size())) && file.flush())) return;
    inMainLoop([self, event, jpeg] {
      if (const std::shared_ptr<EventDesk *> desk = self.lock(); desk && *desk) (*desk)->snapshotDone(event, jpeg);
    });
  }).detach();
}

void EventDesk::snapshotDone(const std::string &event, const std::string &jpeg) {
  std::optional<Event> known = store_.find(event);
  if (!known) return;
  known->snapshot = true;
  store_.save(*known);
  tell(*known);
  if (mqtt_) mqtt_->state(topics_->snapshot(known->camera), jpeg, known->camera);
}

void EventDesk::tellRecovered() {
  for (const Event &event : store_.recovered()) {
    log_("camera " + event.camera + ": " + event.label + " was open when the monitor ended; its end is set to " + formatTime(*event.offset));
    tell(event);
    if (fleet_) fleet_->tell(event);
    if (!mqtt_) continue;
    mqtt_->state(topics_->active(event.camera, event.model, event.label), "OFF", event.camera);
    mqtt_->event(topics_->event(event.camera), eventJson(event, "/api/v1"));
  }
}

}  // namespace sta::monitor
