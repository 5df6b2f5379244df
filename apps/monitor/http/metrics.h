// SPDX-License-Identifier: MIT
// Numbers for a Prometheus server, in base units. Names of counters, which only grow, end in _total. The label
// `camera` names the camera.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <functional>
#include <map>
#include <string>

#include "monitor/camera/camera.h"
#include "monitor/fleet/fleet.h"

namespace sta::monitor {

class Metrics {
 public:
  Metrics();
  void window(const std::string &camera, const std::string &model, const WindowReport &report);
  void event(const std::string &camera, const std::string &label, double delay);
  void camera(const Camera &camera);
  void forget(const std::string &camera);  // a camera that is not watched any more
  void fleet(const fleet::FleetStatus &status);
  void storage(std::uint64_t clip_bytes, std::int64_t outbox);
  // In the text format 0.0.4.
  std::string text();

 private:
  void process();
  // The time series of one camera with these labels. It is removed with the camera.
  template <typename Metric, typename... More>
  Metric &of(const std::string &camera, prometheus::Family<Metric> &family, prometheus::Labels labels, More &&...more) {
    labels["camera"] = camera;
    Metric &metric = family.Add(labels, std::forward<More>(more)...);
    series_[camera].emplace(&metric, [&family, &metric] { family.Remove(&metric); });
    return metric;
  }

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Gauge> &up_, &load_, &drop_, &tokens_, &clips_, &outbox_, &memory_, &descriptors_, &started_;
  prometheus::Family<prometheus::Counter> &frames_, &windows_, &events_, &cpu_;
  prometheus::Family<prometheus::Histogram> &window_seconds_, &event_delay_;
  std::map<std::string, std::map<void *, std::function<void()>>> series_;  // camera -> how to remove its series
};

}  // namespace sta::monitor
