// SPDX-License-Identifier: MIT
// One connection to NATS, and requests over it. libnats has threads of its own; everything that they find is handed to
// the owner's thread, so only that one changes anything here and no mutex is needed. Secrets stay inside: no error and
// no line of the log has a user, a password or more of an address than host and port.
#pragma once

#include <nats/nats.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "monitor/fleet/address.h"
#include "monitor/fleet/clock.h"

namespace sta::monitor::fleet {

struct FreeNats {
  void operator()(natsOptions *options) const { natsOptions_Destroy(options); }
  void operator()(natsConnection *connection) const { natsConnection_Destroy(connection); }
  void operator()(natsSubscription *subscription) const { natsSubscription_Destroy(subscription); }
  void operator()(natsMsg *message) const { natsMsg_Destroy(message); }
  void operator()(jsCtx *context) const { jsCtx_Destroy(context); }
  void operator()(kvStore *store) const { kvStore_Destroy(store); }
  void operator()(kvWatcher *watcher) const { kvWatcher_Destroy(watcher); }
  void operator()(kvEntry *entry) const { kvEntry_Destroy(entry); }
};
template <typename T>
using Nats = std::unique_ptr<T, FreeNats>;

class NatsLink {
 public:
  // Runs something in the owner's thread, soon; called from any thread.
  using Post = std::function<void(std::function<void()>)>;
  using Headers = std::vector<std::pair<std::string, std::string>>;
  // `answer` is nullptr if none came in time.
  using Answered = std::function<void(const std::string *answer)>;
  struct Listener {
    virtual ~Listener() = default;
    virtual void linkDown() = 0;
    virtual void linkUp() = 0;       // again: the first time it is up from the start
    virtual void linkTrouble() = 0;  // messages were missed
  };

  // On nullptr, `error` is one sentence.
  static std::unique_ptr<NatsLink> connect(const NatsOptions &options, Post post, std::string &error);
  ~NatsLink();
  void setListener(Listener *listener) { listener_ = listener; }

  bool up() const { return up_; }
  void request(const std::string &subject, const Headers &headers, const std::string &payload, Answered answered);
  // Ends requests that nobody answers. Call it several times a second.
  void tick();
  // May be used from any thread.
  jsCtx *jetstream() const { return jetstream_.get(); }
  const NatsOptions &options() const { return options_; }
  const Post &post() const { return post_; }

 private:
  struct Shared;  // what threads of libnats may touch
  struct Pending {
    Answered answered;
    Time until;
  };
  NatsLink(NatsOptions options, Post post);
  void setUp(bool up);
  void answer(std::uint64_t number, bool good, const std::string &payload);

  const NatsOptions options_;
  const Post post_;
  const SystemClock clock_;
  std::shared_ptr<Shared> shared_;
  Nats<natsConnection> connection_;
  Nats<jsCtx> jetstream_;
  Nats<natsSubscription> answers_;
  std::string inbox_;
  std::map<std::uint64_t, Pending> pending_;
  std::uint64_t next_ = 1;
  Listener *listener_ = nullptr;
  bool up_ = false;
};

// Makes what the fleet needs in NATS, where it is missing: the four buckets and the stream of events. Blocks. On false,
// `error` is one sentence.
bool makeBuckets(NatsLink &link, std::string &error);

inline constexpr const char *kBucketNames[] = {"sta-cameras", "sta-leases", "sta-nodes", "sta-orders"};
inline constexpr const char *kEventStream = "STA_EVENTS";
inline constexpr const char *kEventSubject = "sta.event.";  // and the camera

}  // namespace sta::monitor::fleet
