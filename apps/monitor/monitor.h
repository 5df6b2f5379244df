// SPDX-License-Identifier: MIT
// Puts the parts together: settings, cameras, store, broker, HTTP. All of it runs in the main loop.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "monitor/camera/camera.h"
#include "monitor/config/settings.h"
#include "monitor/event_desk.h"
#include "monitor/fleet_desk.h"
#include "monitor/http/backend.h"
#include "monitor/http/metrics.h"
#include "monitor/http/server.h"
#include "monitor/publish/mqtt.h"
#include "monitor/publish/topics.h"
#include "monitor/store/store.h"

namespace sta::monitor {

class Monitor : public CameraListener, public Backend {
 public:
  // On nullptr, `error` says why it cannot start (the store, the port).
  static std::unique_ptr<Monitor> start(Settings settings, std::string file, std::string &error);
  ~Monitor() override;

  // Reads the file again. Cameras whose settings did not change are left alone. A file with errors changes nothing.
  void reload();
  std::string address() const { return http_->address(); }
  // A node of a fleet gives its cameras to the others before it ends. true: there are none left, or there is no fleet.
  bool drained();

  // From CameraListener.
  void cameraChanged(Camera &camera) override;
  void actionChanged(Camera &camera, const ActionChange &change) override;
  void windowDone(Camera &camera, const WindowReport &report) override;
  void pictureMade(Camera &camera, GBytes *jpeg) override;
  void log(const std::string &line) override;

  // From Backend.
  std::vector<std::string> cameraNames() override;
  std::string cameraJson(const std::string &name) override;
  std::string statusJson() override;
  std::string metricsText() override;
  Store &store() override { return *store_; }
  std::shared_ptr<CameraPipeline> pipelineOf(const std::string &name) override;
  void viewersChanged(const std::string &name, int viewers) override;
  std::vector<std::string> putCamera(const std::string &name, const std::string &body, bool &created) override;
  bool deleteCamera(const std::string &name) override;
  bool followFile(const std::string &name) override;
  bool inFleet() override { return fleet_ != nullptr; }
  bool ready() override { return started_; }

 private:
  Monitor(Settings settings, std::string file);
  std::map<std::string, CameraSettings> wanted();  // cameras of the file, and on top what came over REST
  void apply(const std::map<std::string, CameraSettings> &wanted);
  void removeCamera(const std::string &name);
  bool joinFleet(std::string &error);
  double engineLoad() const;
  void connectBroker();
  void announce(Camera &camera);  // to Home Assistant
  void announce(Camera &camera, std::size_t watch);
  void tick();
  std::string folder() const;

  Settings settings_;
  const std::string file_;
  std::unique_ptr<Store> store_;
  Metrics metrics_;
  std::unique_ptr<EventDesk> desk_;
  std::unique_ptr<FleetDesk> fleet_;  // nullptr: the cameras are those of the file
  std::unique_ptr<Mqtt> mqtt_;
  std::unique_ptr<Topics> topics_;
  std::unique_ptr<HttpServer> http_;
  std::map<std::string, std::unique_ptr<Camera>> cameras_;
  std::map<std::string, int> viewers_;
  std::map<std::string, std::vector<bool>> announced_;  // camera -> model: whether Home Assistant knows its labels
  std::string storage_problem_;
  std::uint64_t storage_free_ = 0;
  Milliseconds started_at_;
  bool started_ = false;
  unsigned timer_ = 0;
  int seconds_ = 0;
};

}  // namespace sta::monitor
