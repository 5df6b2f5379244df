// SPDX-License-Identifier: MIT
// One event as the monitor keeps and tells it: a camera, a model, a label, and from when to when.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace sta::monitor {

using Milliseconds = std::int64_t;  // since 1970, UTC

struct Event {
  std::string id;  // of camera, model, label and onset: the same event never gets two
  std::string camera, model, label;
  Milliseconds onset = 0;
  std::optional<Milliseconds> offset;  // unset: it goes on
  Milliseconds seen = 0;               // the newest time at which it was known to go on
  double confidence = 0;               // the highest so far
  int drop_number = 0;
  bool camera_clock = false;  // times are of the camera's clock (RTP said NTP time), else of arrival
  bool interrupted = false;   // its end is not what the model saw: the camera or the monitor went away
  bool snapshot = false;
  std::string clip;        // id of the clip that shows it; events at the same time share one
  std::string clip_state;  // none, writing, done, failed
};

// 16 hexadecimal digits.
std::string eventId(const std::string &camera, const std::string &model, const std::string &label, Milliseconds onset);

// RFC 3339, UTC, with milliseconds: 2026-11-27T21:12:41.250Z; and back (with or without fraction, any offset).
std::string formatTime(Milliseconds time);
std::optional<Milliseconds> parseTime(const std::string &text);

// The JSON object of REST, the stream of events and MQTT. `prefix` stands before the addresses of clip and snapshot.
std::string eventJson(const Event &event, const std::string &prefix);

}  // namespace sta::monitor
