// SPDX-License-Identifier: MIT
#include "monitor/fleet/nats_network.h"

#include <chrono>
#include <nlohmann/json.hpp>

namespace sta::monitor::fleet {
namespace {

constexpr int kWrongRevision = 10071;  // JetStream's code for: another revision than the expected one
constexpr Time kBehind = 5 * kSecond;  // what was written has to be heard of within this time
constexpr std::size_t kBatch = 256;

Entry toEntry(Bucket bucket, kvEntry *entry) {
  Entry made{bucket, kvEntry_Key(entry), "", kvEntry_Revision(entry)};
  if (kvEntry_Operation(entry) == kvOp_Put)
    made.value.assign(static_cast<const char *>(kvEntry_Value(entry)), static_cast<std::size_t>(kvEntry_ValueLen(entry)));
  return made;
}

}  // namespace

// What the thread of a bucket may touch.
struct NatsNetwork::Watch {
  Bucket bucket;
  jsCtx *jetstream;
  NatsLink::Post post;
  std::weak_ptr<NatsNetwork *> network;
  std::atomic<bool> stop{false}, done{false};

  template <typename What>
  static void hand(const std::shared_ptr<Watch> &watch, What what) {
    watch->post([watch, what = std::move(what)] {
      const std::shared_ptr<NatsNetwork *> network = watch->network.lock();
      if (network && *network && !watch->stop) what(**network);
    });
  }
};

NatsNetwork::NatsNetwork(NatsLink &link) : link_(link), self_(std::make_shared<NatsNetwork *>(this)) { link_.setListener(this); }

NatsNetwork::~NatsNetwork() {
  link_.setListener(nullptr);
  stop();
  for (auto &[watch, thread] : watches_) thread.join();
}

void NatsNetwork::start(NetworkListener &listener) {
  listener_ = &listener;
  if (link_.up()) watchAll();
}

void NatsNetwork::stop() {
  listener_ = nullptr;
  *self_ = nullptr;
  stopWatches();
}

void NatsNetwork::stopWatches() {
  for (auto &[watch, thread] : watches_) watch->stop = true;
}

void NatsNetwork::watchAll() {
  stopWatches();
  watched_at_ = clock_.now();
  progress_ = {};
  for (int i = 0; i < kBuckets; ++i) {
    const auto watch = std::make_shared<Watch>();
    watch->bucket = static_cast<Bucket>(i);
    watch->jetstream = link_.jetstream();
    watch->post = link_.post();
    watch->network = self_;
    watches_.emplace_back(watch, std::thread([watch] {
                            follow(watch);
                            watch->done = true;
                          }));
  }
}

// Runs in a thread of its own.
void NatsNetwork::follow(const std::shared_ptr<Watch> &watch) {
  const Bucket bucket = watch->bucket;
  while (!watch->stop) {
    kvStore *opened = nullptr;
    kvWatcher *made = nullptr;
    natsStatus status = js_KeyValue(&opened, watch->jetstream, kBucketNames[static_cast<int>(bucket)]);
    const Nats<kvStore> store(opened);
    kvWatchOptions options;
    kvWatchOptions_Init(&options);
    options.Timeout = 3000;
    if (status == NATS_OK) status = kvStore_WatchAll(&made, opened, &options);
    const Nats<kvWatcher> watcher(made);
    if (status != NATS_OK) {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      continue;
    }
    Watch::hand(watch, [bucket](NatsNetwork &network) { network.listener_->beginSnapshot(bucket); });
    std::vector<Entry> batch;
    const auto flush = [&] {
      if (batch.empty()) return;
      Watch::hand(watch, [watch, entries = std::move(batch)](NatsNetwork &network) { network.took(*watch, entries); });
      batch.clear();
    };
    while (!watch->stop) {
      kvEntry *raw = nullptr;
      status = kvWatcher_Next(&raw, made, batch.empty() ? 250 : 1);
      const Nats<kvEntry> entry(raw);
      if (status == NATS_OK && raw) {
        batch.push_back(toEntry(bucket, raw));
        if (batch.size() >= kBatch) flush();
      } else if (status == NATS_OK) {
        flush();
        Watch::hand(watch, [bucket](NatsNetwork &network) { network.listener_->finishSnapshot(bucket); });
      } else if (status == NATS_TIMEOUT) {
        flush();
      } else {
        break;
      }
    }
    if (!watch->stop) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

void NatsNetwork::took(const Watch &watch, const std::vector<Entry> &entries) {
  heard_entries_ += entries.size();
  Progress &progress = progress_[static_cast<std::size_t>(watch.bucket)];
  for (const Entry &entry : entries) {
    progress.heard = std::max(progress.heard, entry.revision);
    listener_->entry(entry);
  }
}

void NatsNetwork::write(Bucket bucket, const std::string &key, const std::string &value, Revision expected, Written written) {
  NatsLink::Headers headers = {{"Nats-Expected-Last-Subject-Sequence", std::to_string(expected)}};
  if (value.empty()) headers.emplace_back("KV-Operation", "DEL");
  const std::string subject = std::string("$KV.") + kBucketNames[static_cast<int>(bucket)] + "." + key;
  link_.request(subject, headers, value,
                [this, bucket, written = std::move(written), life = std::weak_ptr<NatsNetwork *>(self_)](const std::string *answer) {
                  const auto alive = life.lock();
                  if (!alive || !*alive) return;
                  const auto json = answer ? nlohmann::json::parse(*answer, nullptr, false) : nlohmann::json();
                  if (!json.is_object()) return written(Outcome::kUnknown, 0);
                  if (const auto error = json.find("error"); error != json.end())
                    return written(error->is_object() && error->value("err_code", 0) == kWrongRevision ? Outcome::kConflict : Outcome::kUnknown, 0);
                  const Revision revision = json.value("seq", Revision{0});
                  Progress &progress = progress_[static_cast<std::size_t>(bucket)];
                  if (progress.written <= progress.heard) progress.behind_since = clock_.now();
                  progress.written = std::max(progress.written, revision);
                  written(Outcome::kDone, revision);
                });
}

void NatsNetwork::tick() {
  std::erase_if(watches_, [](auto &entry) {
    if (!entry.first->done) return false;
    entry.second.join();
    return true;
  });
  if (!listener_ || !link_.up()) return;
  // A subscription that says nothing any more looks like a quiet fleet. What this node wrote itself gives it away.
  const Time now = clock_.now();
  for (const Progress &progress : progress_)
    if (progress.written > progress.heard && now - progress.behind_since > kBehind && now - watched_at_ > kBehind) return refresh();
}

void NatsNetwork::refresh() {
  if (listener_ && link_.up()) watchAll();
}

void NatsNetwork::linkDown() {
  stopWatches();
  if (listener_) listener_->disconnected();
}

void NatsNetwork::linkUp() { refresh(); }

// Not for each of many messages that were missed at once.
void NatsNetwork::linkTrouble() {
  if (clock_.now() - watched_at_ > kBehind) refresh();
}

}  // namespace sta::monitor::fleet
