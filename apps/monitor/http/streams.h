// SPDX-License-Identifier: MIT
// Answers that do not end: the stream of events and states (server-sent events), and live pictures (MJPEG). A client
// that reads slowly misses pictures but never delays others. A client that does not read at all is disconnected.
#pragma once

#include <libsoup/soup.h>

#include <functional>
#include <list>
#include <map>
#include <string>

#include "monitor/store/store.h"

namespace sta::monitor {

class Streams {
 public:
  using Viewers = std::function<void(const std::string &camera, int viewers)>;
  explicit Streams(Viewers viewers) : viewers_(std::move(viewers)) {}
  ~Streams();

  // These take over the request. false: there are too many clients already.
  bool addListener(SoupServerMessage *message, const std::vector<JournalEntry> &missed);
  bool addViewer(SoupServerMessage *message, const std::string &camera);

  void event(std::int64_t sequence, const std::string &json);  // sequence 0: not kept in the journal
  void camera(const std::string &json);
  void endViewers(const std::string &camera);  // viewers of a camera that is gone
  void picture(const std::string &camera, GBytes *jpeg);
  void keepAlive();  // every 15 s: a comment, which also finds clients that are gone

 private:
  struct Client {
    Streams *streams;
    SoupServerMessage *message;
    std::string camera;       // the viewer's camera; empty: a listener
    std::size_t waiting = 0;  // bytes that libsoup has but has not written yet
    int chunks = 0;           // the same, counted in chunks
  };
  static constexpr std::size_t kMostClients = 200, kMostWaiting = 4 << 20;
  bool add(SoupServerMessage *message, const std::string &camera, const char *type);
  void send(Client &client, GBytes *bytes);
  void sendAll(const std::string &text);
  void remove(Client *client);
  void end(Client *client);
  int viewersOf(const std::string &camera) const;

  const Viewers viewers_;
  std::list<Client> clients_;
};

}  // namespace sta::monitor
