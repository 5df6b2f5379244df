// SPDX-License-Identifier: MIT
// Addresses of cameras, and how their secrets are kept. User and password are taken out of a URI before anything else
// sees it. The rest is shown with the values of telling query keys hidden, because cheap cameras take their passwords
// there.
#pragma once

#include <string>

#include "monitor/config/settings.h"

namespace sta::monitor {

struct SplitUri {
  std::string uri;             // without user and password
  std::string user, password;  // percent-decoded
  std::string error;           // what is wrong with it, without repeating any part of it
};
SplitUri splitUri(const std::string &uri);

// "rtsp", "file": in lower case; empty if there is none.
std::string uriScheme(const std::string &uri);

// "192.0.2.10:554" for "rtsp://192.0.2.10:554/live".
std::string hostOf(const std::string &uri);

// The address for people: it shows "***" where a query or path says password=… and the like.
std::string displayUri(const std::string &uri);

// Removes the camera's secrets from a text of another library (errors of GStreamer): hides its address and password.
std::string withoutSecrets(std::string text, const CameraSettings &camera);

}  // namespace sta::monitor
