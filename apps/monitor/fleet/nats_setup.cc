// SPDX-License-Identifier: MIT
// Buckets and stream in NATS, made by whichever node comes first.
#include <string>

#include "monitor/fleet/nats_link.h"

namespace sta::monitor::fleet {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
// A session's entry goes by itself long after everybody regards the session as dead. Leases are not kept by time: their
// sessions say whether they hold.
constexpr std::int64_t kNodeTtl = 60 * kSecondNs;
constexpr std::int64_t kEventsKept = 7 * 24 * 3600 * kSecondNs;
// A node publishes again what it got no answer to, perhaps after a long time away.
constexpr std::int64_t kDuplicates = 3600 * kSecondNs;
constexpr int kNotClustered = 10074;  // JetStream's code for: more replicas than one need a cluster

std::string wrong(const std::string &what, natsStatus status, jsErrCode code) {
  if (status == NATS_NO_RESPONDERS || code == JSNotEnabledErr || code == JSNotEnabledForAccountErr)
    return "NATS answers, but it has no JetStream; start nats-server with -js, or enable it for this account";
  if (status == NATS_NOT_PERMITTED || status == NATS_TIMEOUT)
    return "NATS does not answer when " + what + " is asked for; may this user use JetStream, and has its cluster a leader?";
  return what + " could not be made in NATS: " + natsStatus_GetText(status) + (code ? " (code " + std::to_string(code) + ")" : "");
}

natsStatus makeBucket(jsCtx *jetstream, int index, int replicas) {
  kvStore *store = nullptr;
  natsStatus status = js_KeyValue(&store, jetstream, kBucketNames[index]);
  if (status == NATS_NOT_FOUND) {
    kvConfig config;
    kvConfig_Init(&config);
    config.Bucket = kBucketNames[index];
    config.History = 1;
    config.StorageType = js_FileStorage;
    config.Replicas = replicas;
    if (index == 2) config.TTL = kNodeTtl;
    status = js_CreateKeyValue(&store, jetstream, &config);
  }
  kvStore_Destroy(store);
  return status;
}

// `replicas` becomes what the stream has, if it was there.
natsStatus makeStream(jsCtx *jetstream, int &replicas, jsErrCode &code) {
  jsStreamInfo *info = nullptr;
  natsStatus status = js_GetStreamInfo(&info, jetstream, kEventStream, nullptr, &code);
  if (status == NATS_NOT_FOUND) {
    const std::string all = std::string(kEventSubject) + ">";
    const char *subjects[] = {all.c_str()};
    jsStreamConfig config;
    jsStreamConfig_Init(&config);
    config.Name = kEventStream;
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    config.Replicas = replicas;
    config.MaxAge = kEventsKept;
    config.Duplicates = kDuplicates;
    config.AllowDirect = true;
    status = js_AddStream(&info, jetstream, &config, nullptr, &code);
  }
  if (status == NATS_OK && info->Config && info->Config->Replicas > 0) replicas = static_cast<int>(info->Config->Replicas);
  jsStreamInfo_Destroy(info);
  return status;
}

// `passing`: it may work a moment later.
bool tryBuckets(NatsLink &link, std::string &error, bool &passing) {
  jsCtx *jetstream = link.jetstream();
  jsAccountInfo *account = nullptr;
  jsErrCode code{};
  natsStatus status = js_GetAccountInfo(&account, jetstream, nullptr, &code);
  jsAccountInfo_Destroy(account);
  if (status != NATS_OK) {
    passing = status == NATS_TIMEOUT || code == JSClusterNotAvailErr || code == JSClusterNoPeersErr;
    error = wrong("JetStream", status, code);
    return false;
  }
  // The stream goes first, because its errors have a code.
  int replicas = link.options().replicas > 0 ? link.options().replicas : 3;
  status = makeStream(jetstream, replicas, code);
  if (status != NATS_OK && static_cast<int>(code) == kNotClustered && link.options().replicas == 0) {
    replicas = 1;
    status = makeStream(jetstream, replicas, code);
  }
  if (status != NATS_OK) {
    passing = status == NATS_TIMEOUT || code == JSClusterNotAvailErr || code == JSClusterNoPeersErr;
    error = wrong(std::string("the stream ") + kEventStream + " (" + std::to_string(replicas) + " replicas)", status, code);
    return false;
  }
  for (int i = 0; i < 4; ++i) {
    status = makeBucket(jetstream, i, replicas);
    if (status == NATS_OK) continue;
    // Perhaps another node makes it in the same moment.
    if (makeBucket(jetstream, i, replicas) == NATS_OK) continue;
    passing = true;
    error = wrong(std::string("the bucket ") + kBucketNames[i], status, {});
    return false;
  }
  return true;
}

}  // namespace

// A cluster that has just lost its leader, or just started, has another one soon.
bool makeBuckets(NatsLink &link, std::string &error) {
  constexpr int kTries = 6;
  for (int i = 1;; ++i) {
    bool passing = false;
    if (tryBuckets(link, error, passing)) return true;
    if (!passing || i == kTries) return false;
    nats_Sleep(1000);
  }
}

}  // namespace sta::monitor::fleet
