// SPDX-License-Identifier: MIT
// One event as the monitor keeps and tells it: a camera, a model, a label, its beginning and its end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace sta::monitor {

using Milliseconds = std::int64_t;  // since 1970, UTC

struct Event {
  std::string id;  // made of camera, model, label and onset, so an event always gets the same id
  std::string camera, model, label;
  Milliseconds onset = 0;
  std::optional<Milliseconds> offset;  // unset: the event goes on
  Milliseconds seen = 0;               // the newest time at which the event was known to go on
  double confidence = 0;               // the highest so far
  int drop_number = 0;
  bool camera_clock = false;  // whether times are of the camera's clock (RTP gave NTP time) or of arrival
  bool interrupted = false;   // the model did not see the end: the camera or the monitor went away
  bool snapshot = false;
  std::string clip;        // id of the clip that shows it; events at the same time share one
  std::string clip_state;  // none, writing, done, failed
};

// The id, 16 hexadecimal digits.
std::string eventId(const std::string &camera, const std::string &model, const std::string &label, Milliseconds onset);

// Times in RFC 3339, UTC, with milliseconds: 2026-11-27T21:12:41.250Z. parseTime() takes any offset, with or without
// fraction.
std::string formatTime(Milliseconds time);
std::optional<Milliseconds> parseTime(const std::string &text);

// The JSON object for REST, the stream of events and MQTT. `prefix` stands before the addresses of clip and snapshot.
std::string eventJson(const Event &event, const std::string &prefix);

}  // namespace sta::monitor
