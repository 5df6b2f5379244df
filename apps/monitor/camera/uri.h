// SPDX-License-Identifier: MIT
// Addresses of cameras, and keeping their secrets: user and password are taken out of a URI before anything else sees
// it, and what remains is shown with the values of telling query keys hidden, since cheap cameras take their passwords
// there.
#pragma once

#include <string>

#include "monitor/config/settings.h"

namespace sta::monitor {

struct SplitUri {
  std::string uri;             // without user and password
  std::string user, password;  // percent-decoded
  std::string error;           // what is wrong with it, without repeating any of it
};
SplitUri splitUri(const std::string &uri);

// "rtsp", "file"; lower case; empty if there is none.
std::string uriScheme(const std::string &uri);

// "192.0.2.10:554" of "rtsp://192.0.2.10:554/live".
std::string hostOf(const std::string &uri);

// For people: the same address with "***" where a query or path says password=… and the like.
std::string displayUri(const std::string &uri);

// A text of another library (errors of GStreamer) without the camera's address as it is and without its password.
std::string withoutSecrets(std::string text, const CameraSettings &camera);

}  // namespace sta::monitor
