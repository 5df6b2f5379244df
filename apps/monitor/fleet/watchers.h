// SPDX-License-Identifier: MIT
// What a node of a fleet does with cameras. An interface: the fleet knows nothing of pipelines.
#pragma once

#include <string>

#include "monitor/fleet/network.h"

namespace sta::monitor::fleet {

struct Watchers {
  virtual ~Watchers() = default;
  // Begins to watch, or goes on with other settings. `lease` grows with each change of who watches the camera. This and
  // stop() take effect before they return.
  virtual void watch(const std::string &camera, const std::string &json, Revision lease) = 0;
  virtual void stop(const std::string &camera) = 0;
  virtual void log(const std::string &line) = 0;
};

}  // namespace sta::monitor::fleet
