// SPDX-License-Identifier: MIT
// The questions that the HTTP server may ask the monitor. All calls come from the main loop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "monitor/camera/pipeline.h"
#include "monitor/store/store.h"

namespace sta::monitor {

struct Backend {
  virtual ~Backend() = default;
  virtual std::vector<std::string> cameraNames() = 0;
  virtual std::string cameraJson(const std::string &name) = 0;  // empty: no such camera
  virtual std::string statusJson() = 0;
  virtual std::string metricsText() = 0;
  virtual Store &store() = 0;
  virtual std::shared_ptr<CameraPipeline> pipelineOf(const std::string &name) = 0;  // nullptr: not connected
  virtual void viewersChanged(const std::string &name, int viewers) = 0;
  // Checks the body as it would check a camera in the file. Returns the errors, if any. `created`: there was no camera
  // with this name.
  virtual std::vector<std::string> putCamera(const std::string &name, const std::string &body, bool &created) = 0;
  virtual bool deleteCamera(const std::string &name) = 0;  // false: no such camera
  // Forgets all that came over REST about a camera, also a deletion, so that the file decides. false: nothing came.
  virtual bool followFile(const std::string &name) = 0;
  // Cameras are those of a fleet: what is changed over REST takes effect on whichever node it concerns, a moment later.
  virtual bool inFleet() = 0;
  virtual bool ready() = 0;  // the cameras have been started
};

}  // namespace sta::monitor
