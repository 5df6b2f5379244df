// SPDX-License-Identifier: MIT
#include "monitor/store/event.h"

#include <glib.h>

#include <nlohmann/json.hpp>

namespace sta::monitor {

std::string eventId(const std::string &camera, const std::string &model, const std::string &label, Milliseconds onset) {
  const std::string all = camera + "\n" + model + "\n" + label + "\n" + std::to_string(onset);
  char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, all.c_str(), -1);
  const std::string id(sum, 16);
  g_free(sum);
  return id;
}

std::string formatTime(Milliseconds time) {
  Milliseconds seconds = time / 1000, rest = time % 1000;
  if (rest < 0) {
    rest += 1000;
    --seconds;
  }
  GDateTime *date = g_date_time_new_from_unix_utc(seconds);
  if (!date) return "";
  char *text = g_date_time_format(date, "%Y-%m-%dT%H:%M:%S");
  char fraction[8];
  g_snprintf(fraction, sizeof fraction, ".%03dZ", static_cast<int>(rest));
  const std::string result = std::string(text) + fraction;
  g_free(text);
  g_date_time_unref(date);
  return result;
}

std::optional<Milliseconds> parseTime(const std::string &text) {
  GTimeZone *utc = g_time_zone_new_utc();
  GDateTime *date = g_date_time_new_from_iso8601(text.c_str(), utc);
  g_time_zone_unref(utc);
  if (!date) return std::nullopt;
  const Milliseconds time = g_date_time_to_unix(date) * 1000 + g_date_time_get_microsecond(date) / 1000;
  g_date_time_unref(date);
  return time;
}

std::string eventJson(const Event &event, const std::string &prefix) {
  nlohmann::ordered_json json;
  const auto address = [&](bool there, const char *what) -> nlohmann::ordered_json {
    if (!there) return nullptr;
    return prefix + "/events/" + event.id + "/" + what;
  };
  json["id"] = event.id;
  json["camera"] = event.camera;
  json["model"] = event.model;
  json["label"] = event.label;
  json["state"] = event.offset ? "end" : "start";
  json["onset"] = formatTime(event.onset);
  json["offset"] = event.offset ? nlohmann::ordered_json(formatTime(*event.offset)) : nlohmann::ordered_json(nullptr);
  json["confidence"] = std::round(event.confidence * 1e4) / 1e4;
  json["drop_number"] = event.drop_number;
  json["clock"] = event.camera_clock ? "camera" : "arrival";
  json["interrupted"] = event.interrupted;
  json["snapshot"] = address(event.snapshot, "snapshot");
  json["clip"] = address(event.clip_state == "writing" || event.clip_state == "done", "clip");
  json["clip_state"] = event.clip_state.empty() ? "none" : event.clip_state;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace sta::monitor
