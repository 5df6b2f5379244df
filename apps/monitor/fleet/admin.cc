// SPDX-License-Identifier: MIT
#include "monitor/fleet/admin.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>

#include "monitor/fleet/settings.h"

namespace sta::monitor::fleet {
namespace {

std::string notDone(const std::string &what, natsStatus status) { return what + ": NATS says \"" + natsStatus_GetText(status) + "\""; }

double secondsSince(std::int64_t nanoseconds) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::max(0.0, static_cast<double>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() - nanoseconds) / 1e9);
}

Nats<kvStore> opened(NatsLink &link, int index) {
  kvStore *store = nullptr;
  js_KeyValue(&store, link.jetstream(), kBucketNames[index]);
  return Nats<kvStore>(store);
}

bool plainName(const std::string &name) {
  return !name.empty() && name.size() <= 64 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return (std::isalnum(c) && c < 0x80) || c == '-' || c == '_'; });
}

}  // namespace

struct Admin::Read {
  std::string key, value;
  double seconds = 0;
};

std::string faultOfCamera(const std::string &name, const std::string &json) {
  if (!plainName(name)) return "camera \"" + name + "\": a name has 1 to 64 letters, digits, - and _";
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("uri") || !parsed["uri"].is_string())
    return "camera " + name + ": its settings should be a JSON object with a uri: {\"uri\": \"rtsp://…\", \"watch\": [\"camera-watch\"]}";
  return "";
}

std::unique_ptr<Admin> Admin::connect(NatsOptions options, std::string &error) {
  fillFromEnvironment(options);
  std::unique_ptr<NatsLink> link = NatsLink::connect(
      options, [](std::function<void()>) {}, error);
  if (!link || !makeBuckets(*link, error)) return nullptr;
  return std::unique_ptr<Admin>(new Admin(std::move(link)));
}

bool Admin::readBucket(int index, std::vector<Read> &entries, std::string &error) {
  const Nats<kvStore> store = opened(*link_, index);
  kvWatchOptions options;
  kvWatchOptions_Init(&options);
  options.IgnoreDeletes = true;
  kvWatcher *made = nullptr;
  natsStatus status = store ? kvStore_WatchAll(&made, store.get(), &options) : NATS_NOT_FOUND;
  const Nats<kvWatcher> watcher(made);
  while (status == NATS_OK) {
    kvEntry *raw = nullptr;
    status = kvWatcher_Next(&raw, made, 3000);
    const Nats<kvEntry> entry(raw);
    if (status == NATS_OK && !raw) return true;
    if (status == NATS_OK)
      entries.push_back({kvEntry_Key(raw),
                         std::string(static_cast<const char *>(kvEntry_Value(raw)), static_cast<std::size_t>(kvEntry_ValueLen(raw))),
                         secondsSince(kvEntry_Created(raw))});
  }
  error = notDone(std::string("the bucket ") + kBucketNames[index] + " cannot be read", status);
  return false;
}

bool Admin::look(FleetSeen &seen, std::string &error) {
  std::vector<Read> cameras, leases, nodes, orders;
  if (!readBucket(0, cameras, error) || !readBucket(1, leases, error) || !readBucket(2, nodes, error) || !readBucket(3, orders, error)) return false;
  std::map<std::string, NodeSeen> sessions;
  const double expire = static_cast<double>(Timing{}.expire) / 1e9;
  for (const Read &read : nodes) {
    NodeSeen &node = sessions[read.key];
    node.session = read.key;
    node.record = readNode(read.value);
    node.seconds = read.seconds;
    node.alive = node.record.state != NodeState::kDead && read.seconds <= expire;
  }
  std::map<std::string, std::string> holders;
  for (const Read &read : leases) {
    const std::string session = readLease(read.value).session;
    if (session.empty()) continue;
    holders[read.key] = session;
    NodeSeen &node = sessions[session];
    node.session = session;
    if (node.record.node.empty()) node.record.node = nodeOfSession(session);
    ++node.leases;
  }
  for (const Read &read : cameras) {
    CameraSeen camera{read.key, read.value, "", false};
    if (const auto holder = holders.find(read.key); holder != holders.end()) {
      camera.node = nodeOfSession(holder->second);
      camera.watched = sessions[holder->second].alive;
    }
    seen.cameras.push_back(std::move(camera));
  }
  for (auto &[session, node] : sessions) {
    for (const Read &read : orders) node.ordered_to_drain = node.ordered_to_drain || (read.key == node.record.node && readOrder(read.value).drain);
    if (node.alive || node.leases > 0) seen.nodes.push_back(node);
  }
  return true;
}

bool Admin::add(const std::string &camera, const std::string &json, std::string &error) {
  error = faultOfCamera(camera, json);
  if (!error.empty()) return false;
  const Nats<kvStore> store = opened(*link_, 0);
  std::uint64_t revision = 0;
  const natsStatus status = store ? kvStore_CreateString(&revision, store.get(), camera.c_str(), json.c_str()) : NATS_NOT_FOUND;
  if (status == NATS_OK) return true;
  kvEntry *raw = nullptr;
  const bool there = store && kvStore_Get(&raw, store.get(), camera.c_str()) == NATS_OK;
  kvEntry_Destroy(raw);
  error = there ? "there is a camera " + camera + " already; sta fleet set changes it" : notDone("camera " + camera + " was not added", status);
  return false;
}

bool Admin::set(const std::string &camera, const std::string &json, std::string &error) {
  error = faultOfCamera(camera, json);
  if (!error.empty()) return false;
  const Nats<kvStore> store = opened(*link_, 0);
  kvEntry *raw = nullptr;
  natsStatus status = store ? kvStore_Get(&raw, store.get(), camera.c_str()) : NATS_NOT_FOUND;
  kvEntry_Destroy(raw);
  if (status == NATS_NOT_FOUND) {
    error = "there is no camera " + camera + "; sta fleet add makes it";
    return false;
  }
  if (status == NATS_OK) status = kvStore_PutString(nullptr, store.get(), camera.c_str(), json.c_str());
  if (status != NATS_OK) error = notDone("camera " + camera + " was not changed", status);
  return status == NATS_OK;
}

bool Admin::remove(const std::string &camera, std::string &error) {
  const Nats<kvStore> store = opened(*link_, 0);
  kvEntry *raw = nullptr;
  natsStatus status = store && plainName(camera) ? kvStore_Get(&raw, store.get(), camera.c_str()) : NATS_NOT_FOUND;
  kvEntry_Destroy(raw);
  if (status == NATS_NOT_FOUND) {
    error = "there is no camera " + camera + "; sta fleet status --cameras lists them";
    return false;
  }
  if (status == NATS_OK) status = kvStore_Delete(store.get(), camera.c_str());
  if (status != NATS_OK) error = notDone("camera " + camera + " was not removed", status);
  return status == NATS_OK;
}

bool Admin::drain(const std::string &node, bool on, std::string &error) {
  FleetSeen seen;
  if (!look(seen, error)) return false;
  std::string known;
  bool there = false;
  for (const NodeSeen &each : seen.nodes) {
    there = there || each.record.node == node;
    known += (known.empty() ? "" : ", ") + each.record.node;
  }
  if (!plainName(node) || (!there && on)) {
    error = "there is no node \"" + node + "\"; there are " + (known.empty() ? "none" : known);
    return false;
  }
  const Nats<kvStore> store = opened(*link_, 3);
  const natsStatus status = !store ? NATS_NOT_FOUND
                            : on   ? kvStore_PutString(nullptr, store.get(), node.c_str(), toJson(OrderRecord{true}).c_str())
                                   : kvStore_Delete(store.get(), node.c_str());
  if (status != NATS_OK) error = notDone("the order for " + node + " was not given", status);
  return status == NATS_OK;
}

bool Admin::events(const std::string &camera, bool new_only, bool wait, const Event &event, std::string &error) {
  if (!camera.empty() && !plainName(camera)) {
    error = "camera \"" + camera + "\": a name has 1 to 64 letters, digits, - and _";
    return false;
  }
  const std::string subject = std::string(kEventSubject) + (camera.empty() ? ">" : camera);
  jsSubOptions options;
  jsSubOptions_Init(&options);
  options.Ordered = true;
  options.Config.DeliverPolicy = new_only ? js_DeliverNew : js_DeliverAll;
  natsSubscription *made = nullptr;
  natsStatus status = js_SubscribeSync(&made, link_->jetstream(), subject.c_str(), nullptr, &options, nullptr);
  const Nats<natsSubscription> subscription(made);
  while (status == NATS_OK) {
    natsMsg *raw = nullptr;
    status = natsSubscription_NextMsg(&raw, made, wait ? 1000 : 700);
    const Nats<natsMsg> message(raw);
    if (status == NATS_TIMEOUT && wait) {
      status = NATS_OK;
      if (!event("")) return true;
      continue;
    }
    if (status == NATS_TIMEOUT) return true;
    if (status == NATS_OK && !event(std::string(natsMsg_GetData(raw), static_cast<std::size_t>(natsMsg_GetDataLength(raw))))) return true;
  }
  error = notDone(std::string("the stream ") + kEventStream + " cannot be read", status);
  return false;
}

}  // namespace sta::monitor::fleet
