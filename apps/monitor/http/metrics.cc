// SPDX-License-Identifier: MIT
#include "monitor/http/metrics.h"

#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace sta::monitor {
namespace {

prometheus::Family<prometheus::Gauge> &gauge(prometheus::Registry &registry, const char *name, const char *help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

prometheus::Family<prometheus::Counter> &counter(prometheus::Registry &registry, const char *name, const char *help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

prometheus::Family<prometheus::Histogram> &histogram(prometheus::Registry &registry, const char *name, const char *help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

// Raises the counter to a total that only grows.
void raise(prometheus::Counter &counter, double total) {
  if (total > counter.Value()) counter.Increment(total - counter.Value());
}

}  // namespace

Metrics::Metrics()
    : up_(gauge(registry_, "sta_camera_up", "1 while pictures of the camera come")),
      load_(gauge(registry_, "sta_engine_load", "Share of time that the engine computes, measured where drop-number is auto")),
      drop_(gauge(registry_, "sta_drop_number", "Tokens dropped per group and pruning call")),
      tokens_(gauge(registry_, "sta_window_tokens", "Tokens of the newest window that had a forward pass: all but the still ones")),
      clips_(gauge(registry_, "sta_clips_bytes", "Size of all clips")),
      outbox_(gauge(registry_, "sta_outbox_messages", "Messages that the broker has not got yet")),
      memory_(gauge(registry_, "process_resident_memory_bytes", "Resident memory")),
      descriptors_(gauge(registry_, "process_open_fds", "Open file descriptors")),
      started_(gauge(registry_, "process_start_time_seconds", "Start of the process, since 1970")),
      frames_(counter(registry_, "sta_frames_total", "Frames decoded")),
      windows_(counter(registry_, "sta_windows_total", "Windows by their result")),
      events_(counter(registry_, "sta_events_total", "Events by their label")),
      cpu_(counter(registry_, "process_cpu_seconds_total", "CPU time")),
      window_seconds_(histogram(registry_, "sta_window_seconds", "Time of a window's forward pass")),
      event_delay_(histogram(registry_, "sta_event_delay_seconds", "From the onset of an event to its message")) {
  started_.Add({}).SetToCurrentTime();
  clips_.Add({});
}

void Metrics::window(const std::string &camera, const std::string &model, const WindowReport &report) {
  static const prometheus::Histogram::BucketBoundaries kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
  if (report.ok && !report.reused) of(camera, window_seconds_, {{"model", model}}, kBounds).Observe(report.seconds);
}

void Metrics::event(const std::string &camera, const std::string &label, double delay) {
  of(camera, events_, {{"label", label}}).Increment();
  static const prometheus::Histogram::BucketBoundaries kBounds = {0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 30};
  of(camera, event_delay_, {}, kBounds).Observe(delay);
}

void Metrics::camera(const Camera &camera) {
  const std::string &name = camera.settings().name;
  of(name, up_, {}).Set(camera.state() == CameraState::kPlaying);
  raise(of(name, frames_, {}), static_cast<double>(camera.frames()));
  for (std::size_t i = 0; i < camera.watches().size(); ++i) {
    const std::string &model = camera.settings().watch[i].name;
    const WatchState &watch = camera.watches()[i];
    of(name, load_, {{"model", model}}).Set(watch.load);
    of(name, drop_, {{"model", model}}).Set(watch.drop_number);
    of(name, tokens_, {{"model", model}}).Set(watch.tokens);
    for (int kind = 0; kind < WindowCounts::kKinds; ++kind)
      raise(of(name, windows_, {{"model", model}, {"result", WindowCounts::kNames[kind]}}), static_cast<double>(watch.windows.of(kind)));
  }
}

void Metrics::forget(const std::string &camera) {
  for (const auto &[metric, remove] : series_[camera]) remove();
  series_.erase(camera);
}

// These series exist only in a fleet.
void Metrics::fleet(const fleet::FleetStatus &status) {
  const auto set = [this](const char *name, const char *help, double value) { gauge(registry_, name, help).Add({}).Set(value); };
  set("sta_fleet_connected", "1 while NATS answers, so that this node's leases hold", status.state != "alone");
  set("sta_fleet_cameras", "Cameras in the registry of the fleet", status.registered);
  set("sta_fleet_cameras_watched", "Cameras that this node watches", status.watched);
  set("sta_fleet_cameras_unwatched", "Cameras of the fleet that no node has", status.unwatched);
  set("sta_fleet_nodes", "Nodes that this one sees, itself included", status.nodes);
  set("sta_fleet_events_waiting", "Events that NATS has not got yet", static_cast<double>(status.events_waiting));
}

void Metrics::storage(std::uint64_t clip_bytes, std::int64_t outbox) {
  clips_.Add({}).Set(static_cast<double>(clip_bytes));
  outbox_.Add({}).Set(static_cast<double>(outbox));
}

void Metrics::process() {
  std::ifstream stat("/proc/self/stat");
  std::string line;
  std::getline(stat, line);
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string skipped;
  double user = 0, system = 0, pages = 0;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  fields >> user >> system;
  for (int i = 16; i < 24; ++i) fields >> skipped;
  fields >> pages;
  const double cpu = (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  raise(cpu_.Add({}), cpu);
  memory_.Add({}).Set(pages * static_cast<double>(sysconf(_SC_PAGESIZE)));
  std::error_code failed;
  int open = 0;
  for (auto entry = std::filesystem::directory_iterator("/proc/self/fd", failed); entry != std::filesystem::directory_iterator(); ++entry) ++open;
  descriptors_.Add({}).Set(open);
}

std::string Metrics::text() {
  process();
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, registry_.Collect());
  return out.str();
}

}  // namespace sta::monitor
