// SPDX-License-Identifier: MIT
#include "monitor/config/reader.h"

#include <glib.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "install_dirs.h"
#include "monitor/camera/uri.h"
#include "monitor/config/section.h"
#include "monitor/config/units.h"
#include "monitor/fleet/address.h"

namespace sta::monitor {
namespace {

namespace fs = std::filesystem;

// Where model names are looked up: installed models first, then paths relative to the file.
struct Places {
  std::string folder;
  const std::vector<std::string> &model_folders;
};

constexpr std::size_t kMostModels = 16;  // for one camera

// Names are parts of topics, REST paths and metrics, so only plain ones are allowed.
bool plainName(const std::string &name) {
  if (name.empty() || name.size() > 64) return false;
  for (char c : name)
    if (!g_ascii_isalnum(c) && c != '-' && c != '_') return false;
  return true;
}

std::string absolute(const std::string &path, const std::string &folder) {
  return path.empty() || fs::path(path).is_absolute() ? path : (fs::path(folder) / path).lexically_normal().string();
}

// The path of a model. If there is none, it is empty, and `tried` says where it was looked for.
std::string findModel(const std::string &name, const Places &places, std::string &tried) {
  if (name.starts_with("arch:")) return name;
  std::vector<std::string> candidates;
  if (name.find('/') == std::string::npos)
    for (const std::string &folder : places.model_folders) candidates.push_back(folder + "/" + name);
  candidates.push_back(absolute(name, places.folder));
  for (const std::string &candidate : candidates) {
    std::error_code ignored;
    if (fs::exists(candidate, ignored)) return candidate;
    tried += (tried.empty() ? "" : ", ") + candidate;
  }
  return "";
}

WatchSettings readWatch(Reading &reading, const YAML::Node &node, const std::string &camera, const Places &places) {
  WatchSettings watch;
  // "watch: [camera-watch]" is short for "watch: [{model: camera-watch}]".
  YAML::Node mapping;
  if (node.IsScalar())
    mapping["model"] = node;
  else
    mapping.reset(node);
  Section section(reading, mapping, "watch of " + camera);
  if (const auto model = section.text("model")) {
    std::string tried;
    watch.model = model->empty() ? "" : findModel(*model, places, tried);
    const std::string written = section.written("model");
    if (model->empty())
      section.fault("model", "is empty: the name of an installed model, or the path of a model folder");
    else if (watch.model.empty())
      section.fault("model", "\"" + written + "\" is no installed model and no path" + (written == *model ? " (tried " + tried + ")" : ""));
    std::string path = model->starts_with("arch:") ? model->substr(5) : *model;
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    watch.name = fs::path(path).lexically_normal().filename().string();
  } else if (!section.has("model")) {
    section.fault("model", "is missing: the name of an installed model, or the path of a model folder");
  }
  if (const auto name = section.text("name")) watch.name = *name;
  if (!watch.model.empty() && !plainName(watch.name))
    section.fault(section.has("name") ? "name" : "model", "should give a name of letters, digits, - and _; set name: beside it");
  if (const auto drop = section.text("drop-number"); drop && *drop == "auto") {
    watch.drop_number = -1;
  } else if (drop) {
    watch.drop_number = section.integer("drop-number", 0, 1 << 20).value_or(0);
  }
  watch.still_threshold = section.number("still-threshold", 10);
  watch.device = section.text("device").value_or(watch.device);
  watch.enter_threshold = section.fraction("enter-threshold");
  watch.exit_threshold = section.fraction("exit-threshold");
  if (watch.enter_threshold && watch.exit_threshold && *watch.exit_threshold > *watch.enter_threshold)
    section.fault("exit-threshold", "should not be above enter-threshold");
  watch.min_duration = section.duration("min-duration");
  watch.release_duration = section.duration("release-duration");
  watch.hop = section.duration("hop");
  watch.smoothing = section.integer("smoothing", 1, 1000);
  watch.classes = section.list("classes").value_or(std::vector<std::string>{});
  watch.background = section.text("background");
  return watch;
}

RecordSettings readRecord(Reading &reading, const YAML::Node &node, const std::string &camera) {
  RecordSettings record;
  Section section(reading, node, "record of " + camera);
  record.before = section.duration("before").value_or(record.before);
  record.after = section.duration("after").value_or(record.after);
  record.at_most = section.duration("at-most").value_or(record.at_most);
  record.on = section.list("on").value_or(record.on);
  if (record.before > 120 * kSecond) section.fault("before", "should be at most 2min: that much video is kept in memory");
  if (record.at_most < kSecond) section.fault("at-most", "should be at least 1s");
  return record;
}

// Puts the keys of `camera` on top of the defaults that it already has.
void readCameraKeys(Reading &reading, Section &section, const Places &places, CameraSettings &camera) {
  if (const auto loop = section.boolean("loop")) camera.loop = *loop;
  section.integer("importance", 0, 100);  // for the nodes of a fleet, which read it in the registry
  if (const auto transport = section.text("transport")) {
    if (*transport == "tcp")
      camera.transport = Transport::kTcp;
    else if (*transport == "udp")
      camera.transport = Transport::kUdp;
    else
      section.fault("transport", "should be tcp or udp");
  }
  if (const YAML::Node watch = section.node("watch"); watch.IsDefined()) {
    camera.watch.clear();
    if (watch.IsSequence() && watch.size() > kMostModels) {
      section.fault("watch", "has more than " + std::to_string(kMostModels) + " models");
    } else if (watch.IsSequence()) {
      for (const YAML::Node &entry : watch) camera.watch.push_back(readWatch(reading, entry, section.where(), places));
    } else {
      section.fault("watch", "should be a list of models: [ { model: camera-watch } ]");
    }
    for (std::size_t i = 0; i < camera.watch.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (!camera.watch[i].name.empty() && camera.watch[i].name == camera.watch[j].name)
          section.fault("watch", "has two models of one name; give one of them another name:");
  }
  if (const YAML::Node record = section.node("record"); record.IsDefined()) {
    if (record.IsScalar()) {
      if (const auto wanted = section.boolean("record")) camera.record = *wanted ? std::optional<RecordSettings>(RecordSettings{}) : std::nullopt;
    } else
      camera.record = readRecord(reading, record, section.where());
  }
}

void readUri(Section &section, const Places &places, CameraSettings &camera) {
  const auto uri = section.text("uri");
  if (!uri) {
    if (!section.has("uri")) section.fault("uri", "is missing: rtsp://…, http://…, file:///…, v4l2:///dev/video0 or test://ball");
    return;
  }
  SplitUri split = splitUri(*uri);
  if (!split.error.empty()) section.fault("uri", split.error);
  const bool told = !split.error.empty();
  camera.uri = split.uri;
  camera.user = split.user;
  camera.password = split.password;
  std::string scheme = uriScheme(camera.uri);
  if (camera.uri.empty()) {
    section.fault("uri", "is empty: rtsp://…, http://…, file:///…, v4l2:///dev/video0 or test://ball");
    return;
  }
  if (!told && (scheme.starts_with("rtsp") || scheme.starts_with("http")) && hostOf(camera.uri).empty())
    section.fault("uri", "names no host; right is " + scheme + "://HOST/PATH");
  if (scheme.empty()) {
    // A file path without a scheme.
    char *file = g_filename_to_uri(absolute(camera.uri, places.folder).c_str(), nullptr, nullptr);
    camera.uri = file ? file : "";
    g_free(file);
    scheme = "file";
  }
  static const std::vector<std::string> kSchemes = {"rtsp", "rtsps", "http", "https", "file", "v4l2", "test"};
  bool known = false;
  for (const std::string &name : kSchemes) known = known || name == scheme;
  if (!known) {
    const std::string like = nearest(scheme, kSchemes);
    // An error must not show a part of a variable's value.
    const bool shown = uriScheme(section.written("uri")) == scheme;
    section.fault("uri", (shown ? "has the scheme \"" + scheme + "\"; " : "has an unknown scheme; ") +
                             (like.empty() ? "known are rtsp, rtsps, http, https, file, v4l2 and test" : "did you mean \"" + like + "\"?"));
  }
  if (const auto user = section.text("user")) camera.user = *user;
  if (const auto password = section.text("password")) camera.password = *password;
  if (scheme == "file") return;
  // A `loop` in the defaults is meant for the files among the cameras.
  if (camera.loop && section.has("loop")) section.fault("loop", "is for files: other sources have no end");
  camera.loop = false;
}

CameraSettings readCamera(Reading &reading, const std::string &name, const YAML::Node &key, const YAML::Node &node, const CameraSettings &defaults,
                          const Places &places) {
  CameraSettings camera = defaults;
  camera.name = name;
  Section section(reading, node, "camera " + name, key);
  if (!plainName(name)) reading.fault(key, "camera \"" + name + "\": a name has 1 to 64 letters, digits, - and _");
  readCameraKeys(reading, section, places, camera);
  readUri(section, places, camera);
  if (camera.watch.empty() && (!section.has("watch") || section.node("watch").IsSequence()))
    section.fault("watch", "is missing, here and in defaults: [ { model: camera-watch } ]");
  return camera;
}

bool loopback(const std::string &address) { return address == "localhost" || address == "::1" || address.starts_with("127."); }

void readHttp(Reading &reading, const YAML::Node &node, HttpSettings &http) {
  Section section(reading, node, "http");
  if (const auto listen = section.text("listen")) {
    const std::size_t colon = listen->rfind(':');
    char *end = nullptr;
    const std::string port = colon == std::string::npos ? "" : listen->substr(colon + 1);
    const unsigned long number = std::strtoul(port.c_str(), &end, 10);
    if (port.empty() || *end || number > 65535) {
      section.fault("listen", "should be ADDRESS:PORT, such as 127.0.0.1:8090 or [::]:8090");
    } else {
      http.address = listen->substr(0, colon);
      if (http.address.size() > 1 && http.address.front() == '[' && http.address.back() == ']')
        http.address = http.address.substr(1, http.address.size() - 2);
      http.port = static_cast<int>(number);
    }
  }
  const auto token = section.text("token");
  http.token = token.value_or("");
  if (token && http.token.size() < 8) section.fault("token", "should have at least 8 characters; \"openssl rand -hex 16\" makes a good one");
  if (!loopback(http.address) && !section.has("token"))
    section.fault("listen", "names an address that others reach, so a token has to be set; without one only 127.0.0.1 is allowed");
}

void readMqtt(Reading &reading, const YAML::Node &node, const std::string &folder, MqttSettings &mqtt) {
  Section section(reading, node, "mqtt");
  if (const auto url = section.text("url")) {
    const SplitUri split = splitUri(*url);
    const std::string scheme = uriScheme(split.uri);
    mqtt.tls = scheme == "mqtts";
    mqtt.port = mqtt.tls ? 8883 : 1883;
    mqtt.user = split.user;
    mqtt.password = split.password;
    std::string host = hostOf(split.uri);
    // Only host and port are allowed; anything else would be ignored silently.
    bool right = split.uri == scheme + "://" + host || split.uri == scheme + "://" + host + "/";
    if (const std::size_t colon = host.rfind(':'); colon != std::string::npos && host.back() != ']') {
      const char *begin = host.data() + colon + 1, *end = host.data() + host.size();
      const auto [rest, failed] = std::from_chars(begin, end, mqtt.port);
      right = right && failed == std::errc() && rest == end;
      host.resize(colon);
    }
    if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    mqtt.host = host;
    if ((scheme != "mqtt" && scheme != "mqtts") || !right || host.empty() || mqtt.port < 1 || mqtt.port > 65535 || !split.error.empty())
      section.fault("url", "should be mqtt://HOST:PORT or mqtts://HOST:PORT, with USER:PASSWORD@ before HOST if the broker wants it");
  } else if (node.IsDefined() && !section.has("url")) {
    section.fault("url", "is missing: mqtt://HOST:PORT");
  }
  mqtt.user = section.text("user").value_or(mqtt.user);
  mqtt.password = section.text("password").value_or(mqtt.password);
  mqtt.ca_file = absolute(section.text("ca-file").value_or(""), folder);
  mqtt.client_id = section.text("client-id").value_or(mqtt.client_id);
  mqtt.home_assistant = section.boolean("home-assistant").value_or(false);
  mqtt.discovery_prefix = section.text("discovery-prefix").value_or(mqtt.discovery_prefix);
  mqtt.prefix = section.text("prefix").value_or(mqtt.prefix);
  if (mqtt.prefix.empty() || mqtt.prefix.find_first_of("+#") != std::string::npos || mqtt.prefix.back() == '/')
    section.fault("prefix", "should be a topic without +, # and without / at its end");
}

void readStorage(Reading &reading, const YAML::Node &node, const std::string &folder, StorageSettings &storage) {
  Section section(reading, node, "storage");
  storage.folder = absolute(section.text("folder").value_or(storage.folder), folder);
  storage.keep = section.duration("keep").value_or(storage.keep);
  storage.at_most = section.size("at-most").value_or(storage.at_most);
  storage.keep_free = section.size("keep-free").value_or(storage.keep_free);
}

void readFleet(Reading &reading, const YAML::Node &node, const std::string &folder, fleet::FleetSettings &fleet) {
  Section section(reading, node, "fleet");
  if (const auto url = section.text("url")) {
    std::string error;
    fleet.nats.servers = fleet::readServers(*url, error);
    if (!error.empty()) section.fault("url", "is not right: " + error);
  } else if (node.IsDefined() && !section.has("url")) {
    section.fault("url", "is missing: nats://HOST:PORT, more of them behind commas");
  }
  fleet.name = section.text("name").value_or("");
  if (!fleet.name.empty() && !plainName(fleet.name)) section.fault("name", "should have 1 to 64 letters, digits, - and _");
  fleet.capacity = section.integer("capacity", 1, 100'000).value_or(0);
  if (const auto partition = section.text("on-partition")) {
    if (*partition == "stop" || *partition == "keep")
      fleet.on_partition = *partition == "keep" ? fleet::OnPartition::kKeep : fleet::OnPartition::kStop;
    else
      section.fault("on-partition", "should be stop (never two watchers of a camera) or keep (rather two than none)");
  }
  fleet.nats.user = section.text("user").value_or("");
  fleet.nats.password = section.text("password").value_or("");
  fleet.nats.credentials_file = absolute(section.text("credentials").value_or(""), folder);
  fleet.nats.ca_file = absolute(section.text("ca-file").value_or(""), folder);
  fleet.nats.replicas = section.integer("replicas", 1, 5).value_or(0);
}

void readAll(Reading &reading, const YAML::Node &root, const Places &places, Settings &settings) {
  Section section(reading, root, "the file");
  readHttp(reading, section.node("http"), settings.http);
  readFleet(reading, section.node("fleet"), places.folder, settings.fleet);
  readMqtt(reading, section.node("mqtt"), places.folder, settings.mqtt);
  readStorage(reading, section.node("storage"), places.folder, settings.storage);
  CameraSettings &defaults = settings.defaults;
  {
    Section common(reading, section.node("defaults"), "defaults");
    readCameraKeys(reading, common, places, defaults);
  }
  const YAML::Node cameras = section.node("cameras");
  if (cameras.IsDefined() && !cameras.IsMap()) {
    section.fault("cameras", "should be a mapping of names: cameras: { gate: { uri: … } }");
  } else if (cameras.IsDefined()) {
    for (const auto &entry : cameras) {
      const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
      if (settings.cameras.contains(name)) reading.fault(entry.first, "camera " + name + " is there twice");
      settings.cameras[name] = readCamera(reading, name, entry.first, entry.second, defaults, places);
    }
  }
}

template <typename Read>
ReadResult readYaml(const std::string &text, const std::string &name, Read read) {
  ReadResult result;
  Reading reading{name, {}};
  try {
    read(reading, YAML::Load(text), result.settings);
  } catch (const YAML::Exception &fault) {
    reading.errors.push_back(name + ":" + std::to_string(fault.mark.is_null() ? 1 : fault.mark.line + 1) + ": no YAML: " + fault.msg);
  }
  result.errors = std::move(reading.errors);
  return result;
}

}  // namespace

ReadResult readSettingsText(const std::string &text, const std::string &name, const std::string &folder,
                            const std::vector<std::string> &model_folders) {
  const Places places{folder, model_folders};
  return readYaml(text, name, [&](Reading &reading, const YAML::Node &root, Settings &settings) {
    readAll(reading, root, places, settings);
    if (reading.errors.empty() && !root.IsMap()) reading.errors.push_back(name + ": the file is empty; --print-defaults prints one to begin with");
  });
}

ReadResult readSettings(const std::string &path, const std::vector<std::string> &model_folders) {
  std::error_code failed;
  if (fs::is_directory(path, failed)) return {{}, {path + ": a folder; the configuration is a YAML file"}};
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  // (Writing an empty buffer to a stream puts that stream into a failed state, so an empty file is not read that way.)
  if (file && file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
  if (file.bad() || !file.is_open()) return {{}, {path + ": cannot be read: " + g_strerror(errno)}};
  return readSettingsText(text.str(), path, fs::absolute(path).parent_path().string(), model_folders);
}

ReadResult readCameraText(const std::string &camera, const std::string &text, const CameraSettings &defaults, const std::string &folder,
                          const std::vector<std::string> &model_folders) {
  const Places places{folder, model_folders};
  return readYaml(text, "camera " + camera, [&](Reading &reading, const YAML::Node &root, Settings &settings) {
    if (!root.IsMap())
      reading.errors.push_back("the body should be a JSON object: {\"uri\": …, \"watch\": […]}");
    else
      settings.cameras[camera] = readCamera(reading, camera, root, root, defaults, places);
  });
}

std::vector<std::string> modelFolders() {
  std::vector<std::string> folders;
  if (const char *listed = std::getenv("STA_MODELS")) {
    std::istringstream parts(listed);
    for (std::string part; std::getline(parts, part, ':');)
      if (!part.empty()) folders.push_back(part);
  }
  folders.push_back(STA_MODELS_INSTALL_DIR);
  return folders;
}

}  // namespace sta::monitor
