// SPDX-License-Identifier: MIT
// The user's file as typed values. Every struct can be compared, so a reload finds the cameras that changed and leaves
// the others alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "monitor/fleet/settings.h"

namespace sta::monitor {

// Durations are nanoseconds, as in GStreamer. Sizes are bytes.
using Nanoseconds = std::int64_t;
inline constexpr Nanoseconds kSecond = 1'000'000'000;

// One model that looks at a camera. Values that are not set are the model's, or else staaction's defaults.
struct WatchSettings {
  std::string name;   // as in the file; it names the model in topics, metrics and events
  std::string model;  // path of the folder or file, or "arch:…"
  std::string device = "auto";
  int drop_number = 0;                    // -1: chosen by the load
  std::optional<double> still_threshold;  // 0: off
  std::optional<double> enter_threshold, exit_threshold;
  std::optional<Nanoseconds> min_duration, release_duration, hop;
  std::optional<int> smoothing;
  std::vector<std::string> classes;  // empty: all
  std::optional<std::string> background;
  bool operator==(const WatchSettings &) const = default;
};

struct RecordSettings {
  Nanoseconds before = 5 * kSecond, after = 10 * kSecond, at_most = 300 * kSecond;
  std::vector<std::string> on;  // labels that start a clip; empty: every event does
  bool operator==(const RecordSettings &) const = default;
};

enum class Transport { kTcp, kUdp };

struct CameraSettings {
  std::string name;
  std::string uri;             // without user and password: these never reach GStreamer's URI, where errors and logs would repeat them
  std::string user, password;  // from the URI, or from their own keys
  bool loop = false;           // files start again at their end
  Transport transport = Transport::kTcp;
  std::vector<WatchSettings> watch;
  std::optional<RecordSettings> record;
  bool operator==(const CameraSettings &) const = default;
};

struct HttpSettings {
  std::string address = "127.0.0.1";
  int port = 8090;  // 0: any free port; the program prints it
  std::string token;
  bool operator==(const HttpSettings &) const = default;
};

struct MqttSettings {
  std::string host;  // empty: no broker
  int port = 1883;
  bool tls = false;
  std::string ca_file, user, password;
  std::string prefix = "sta", discovery_prefix = "homeassistant", client_id = "sta-monitor";
  bool home_assistant = false;
  bool operator==(const MqttSettings &) const = default;
};

struct StorageSettings {
  std::string folder = "sta-monitor-data";
  Nanoseconds keep = 14LL * 24 * 3600 * kSecond;
  std::uint64_t at_most = 20'000'000'000;
  std::uint64_t keep_free = 500'000'000;  // recording pauses when the disk has less
  bool operator==(const StorageSettings &) const = default;
};

struct Settings {
  HttpSettings http;
  fleet::FleetSettings fleet;
  MqttSettings mqtt;
  StorageSettings storage;
  CameraSettings defaults;  // also for cameras that come over REST or from the fleet
  std::map<std::string, CameraSettings> cameras;
};

}  // namespace sta::monitor
