// SPDX-License-Identifier: MIT
// What the HTTP server may ask of the monitor. All calls come from the main loop.
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
  // The text of the body is checked as a camera of the file would be. Errors: why not; `created` if there was none of
  // the name.
  virtual std::vector<std::string> putCamera(const std::string &name, const std::string &body, bool &created) = 0;
  virtual bool deleteCamera(const std::string &name) = 0;  // false: no such camera
  // Forgets what came over REST of a camera, also that it was deleted, so that the file decides. false: nothing came.
  virtual bool followFile(const std::string &name) = 0;
  virtual bool ready() = 0;  // cameras were started
};

}  // namespace sta::monitor
