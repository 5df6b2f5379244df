// SPDX-License-Identifier: MIT
// `sta fleet …`: looks at a fleet of sta-monitor, changes its registry, drains nodes, and follows its events, over NATS
// (docs/fleet.md).
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "monitor/fleet/admin.h"
#include "options.h"

namespace cli {
namespace {

namespace fleet = sta::monitor::fleet;
using nlohmann::ordered_json;

std::string dumped(const ordered_json &json, int indent = -1) { return json.dump(indent, ' ', false, ordered_json::error_handler_t::replace); }

struct Flags {
  Text servers;
  gboolean json = FALSE, cameras = FALSE, undo = FALSE, follow = FALSE, fresh = FALSE;
};

std::unique_ptr<fleet::Admin> connect(const Flags &flags) {
  const char *set = std::getenv("STA_FLEET");
  std::string error;
  fleet::NatsOptions options;
  options.servers = fleet::readServers(flags.servers.given() ? flags.servers.str() : set ? set : "nats://127.0.0.1:4222", error);
  if (!error.empty()) throw UsageError(error);
  options.name = "sta fleet";
  std::unique_ptr<fleet::Admin> admin = fleet::Admin::connect(options, error);
  if (!admin) throw RunError(error);
  return admin;
}

void needArguments(const std::vector<std::string> &rest, std::size_t count, const char *usage) {
  if (rest.size() != count) throw UsageError(std::string("right is: sta fleet ") + usage);
}

std::string content(const std::string &file) {
  std::string text;
  if (file == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw RunError(file + " cannot be read");
    text.assign(std::istreambuf_iterator<char>(stream), {});
  }
  return text;
}

ordered_json toJson(const fleet::FleetSeen &seen) {
  ordered_json nodes = ordered_json::array(), cameras = ordered_json::array();
  int watched = 0;
  for (const fleet::NodeSeen &node : seen.nodes)
    nodes.push_back({{"node", node.record.node},
                     {"session", node.session},
                     {"state", node.alive ? fleet::stateWord(node.record.state) : "gone"},
                     {"draining", node.ordered_to_drain || node.record.state == fleet::NodeState::kDraining},
                     {"cameras", node.leases},
                     {"capacity", node.record.capacity},
                     {"limit", node.record.limit},
                     {"load", node.record.load},
                     {"seconds", node.seconds},
                     {"version", node.record.version},
                     {"address", node.record.about}});
  for (const fleet::CameraSeen &camera : seen.cameras) {
    watched += camera.watched;
    cameras.push_back(
        {{"camera", camera.name}, {"node", camera.node.empty() ? ordered_json() : ordered_json(camera.node)}, {"watched", camera.watched}});
  }
  return {{"registered", seen.cameras.size()}, {"watched", watched}, {"nodes", nodes}, {"cameras", cameras}};
}

void print(const ordered_json &status, bool cameras) {
  const std::size_t registered = status["registered"], watched = status["watched"];
  std::printf("%zu cameras, %zu watched\n\n%-24s %-9s %8s %8s %5s %6s  %-9s %s\n", registered, watched, "NODE", "STATE", "CAMERAS", "CAPACITY",
              "LOAD", "SEEN", "VERSION", "ADDRESS");
  int room = 0;
  for (const ordered_json &node : status["nodes"]) {
    const int limit = node["limit"], capacity = node["capacity"];
    if (node["state"] == "ready") room += limit;
    std::printf("%-24s %-9s %8d %8s %5.2f %4.0f s  %-9s %s\n", node["node"].get<std::string>().c_str(), node["state"].get<std::string>().c_str(),
                node["cameras"].get<int>(),
                limit < capacity ? (std::to_string(limit) + "/" + std::to_string(capacity)).c_str() : std::to_string(capacity).c_str(),
                node["load"].get<double>(), node["seconds"].get<double>(), node["version"].get<std::string>().c_str(),
                node["address"].get<std::string>().c_str());
  }
  if (static_cast<std::size_t>(room) < registered)
    std::printf("\nThe nodes that are ready have room for %d cameras, and there are %zu: add nodes, or raise their capacity.\n", room, registered);
  bool head = false;
  for (const ordered_json &camera : status["cameras"]) {
    if (camera["watched"] && !cameras) continue;
    if (!head) std::printf("\n%-40s %s\n", cameras ? "CAMERA" : "CAMERA WITHOUT A WATCHER", "NODE");
    head = true;
    const std::string node = camera["node"].is_null() ? "-" : camera["node"].get<std::string>();
    std::printf("%-40s %s%s\n", camera["camera"].get<std::string>().c_str(), node.c_str(), camera["watched"] || node == "-" ? "" : " (gone)");
  }
}

// Of one camera, or of all cameras in a file: {"gate": {"uri": …}, "hall": {…}}.
void addAll(fleet::Admin &admin, const std::string &file, const Flags &flags) {
  const ordered_json all = ordered_json::parse(content(file), nullptr, false);
  if (!all.is_object()) throw RunError(file + " should be a JSON object of cameras: {\"gate\": {\"uri\": \"rtsp://…\"}}");
  std::string error;
  for (const auto &[name, settings] : all.items())
    if (error = fleet::faultOfCamera(name, dumped(settings)); !error.empty()) throw RunError(error);
  int added = 0;
  std::string kept;
  for (const auto &[name, settings] : all.items()) {
    if (admin.add(name, dumped(settings), error))
      ++added;
    else
      kept += (kept.empty() ? "" : "; ") + error;
  }
  if (flags.json)
    std::printf("%s\n", dumped({{"added", added}}).c_str());
  else
    std::printf("%d cameras added\n", added);
  if (!kept.empty()) throw RunError(kept);
}

bool stopped = false;

void events(fleet::Admin &admin, const std::string &camera, const Flags &flags) {
  std::signal(SIGINT, [](int) { stopped = true; });
  std::string error;
  const bool good = admin.events(
      camera, flags.fresh, flags.follow || flags.fresh,
      [&flags](const std::string &text) {
        if (stopped) return false;
        if (text.empty()) return true;
        const ordered_json event = ordered_json::parse(text, nullptr, false);
        if (flags.json || !event.is_object())
          std::printf("%s\n", text.c_str());
        else
          std::printf("%s  %-20s %-24s %-5s %-16s (%s, lease %lld)\n",
                      event.value(event.value("state", "") == "end" ? "offset" : "onset", "").c_str(), event.value("camera", "").c_str(),
                      event.value("label", "").c_str(), event.value("state", "").c_str(), event.value("model", "").c_str(),
                      event.value("node", "").c_str(), event.value("lease", 0LL));
        std::fflush(stdout);
        return true;
      },
      error);
  if (!good) throw RunError(error);
}

void done(const Flags &flags, const std::string &sentence) {
  if (flags.json)
    std::printf("{\"done\":true}\n");
  else
    std::printf("%s\n", sentence.c_str());
}

}  // namespace

int fleetCommand(int argc, char **argv) {
  Flags flags;
  const std::vector<GOptionEntry> own = {
      {"servers", 's', 0, G_OPTION_ARG_STRING, &flags.servers.value, "Where NATS is; unset: the variable STA_FLEET, else nats://127.0.0.1:4222",
       "URL[,URL]"},
      {"cameras", 'c', 0, G_OPTION_ARG_NONE, &flags.cameras, "status: list all cameras, not only those without a watcher", nullptr},
      {"undo", 0, 0, G_OPTION_ARG_NONE, &flags.undo, "drain: the node may take cameras again", nullptr},
      {"follow", 'f', 0, G_OPTION_ARG_NONE, &flags.follow, "events: those to come too", nullptr},
      {"new", 'n', 0, G_OPTION_ARG_NONE, &flags.fresh, "events: only those to come", nullptr},
      {"json", 'j', 0, G_OPTION_ARG_NONE, &flags.json, "Print JSON", nullptr}};
  std::vector<std::string> rest =
      parse(argc, argv, "status | add NAME JSON | add FILE | set NAME JSON | remove NAME | drain NODE | events [CAMERA]",
            "Looks at a fleet of sta-monitor and changes it. FILE has many cameras, {\"NAME\": {…}}; - is standard input.\n"
            "STA_FLEET_USER, STA_FLEET_PASSWORD, STA_FLEET_CREDENTIALS and STA_FLEET_CA say who you are.",
            {own});
  static const char *const kKnown[] = {"status", "add", "set", "remove", "drain", "events"};
  if (rest.empty() || std::find(std::begin(kKnown), std::end(kKnown), rest[0]) == std::end(kKnown))
    throw UsageError(rest.empty() ? "one of status, add, set, remove, drain, events is needed"
                                  : "\"" + rest[0] + "\" is none of status, add, set, remove, drain, events");
  const std::string command = rest[0];
  rest.erase(rest.begin());
  if (command == "status") needArguments(rest, 0, "status [--cameras] [--json]");
  if (command == "add" && rest.size() != 1) needArguments(rest, 2, "add NAME JSON, or add FILE");
  if (command == "set") needArguments(rest, 2, "set NAME JSON");
  if (command == "remove") needArguments(rest, 1, "remove NAME");
  if (command == "drain") needArguments(rest, 1, "drain NODE [--undo]");
  if (command == "events" && rest.size() > 1) throw UsageError("right is: sta fleet events [CAMERA] [--follow | --new] [--json]");

  const std::unique_ptr<fleet::Admin> admin = connect(flags);
  std::string error;
  bool good = true;
  if (command == "status") {
    fleet::FleetSeen seen;
    if (!admin->look(seen, error)) throw RunError(error);
    const ordered_json status = toJson(seen);
    if (flags.json)
      std::printf("%s\n", dumped(status, 2).c_str());
    else
      print(status, flags.cameras);
  } else if (command == "add" && rest.size() == 1) {
    addAll(*admin, rest[0], flags);
  } else if (command == "add") {
    if (good = admin->add(rest[0], rest[1], error); good) done(flags, "camera " + rest[0] + " is added");
  } else if (command == "set") {
    if (good = admin->set(rest[0], rest[1], error); good) done(flags, "camera " + rest[0] + " is changed");
  } else if (command == "remove") {
    if (good = admin->remove(rest[0], error); good) done(flags, "camera " + rest[0] + " is removed");
  } else if (command == "drain") {
    if (good = admin->drain(rest[0], !flags.undo, error); good)
      done(flags, flags.undo ? "the node " + rest[0] + " may take cameras again" : "the node " + rest[0] + " gives its cameras away");
  } else {
    events(*admin, rest.empty() ? "" : rest[0], flags);
  }
  if (!good) throw RunError(error);
  return 0;
}

}  // namespace cli
