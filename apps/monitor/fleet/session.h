// SPDX-License-Identifier: MIT
// This node's session: the one lease that all leases of its cameras hang on. Renewing one entry a node, and not one a
// camera, keeps a fleet of ten thousand cameras quiet.
//
// Fencing: after a renewal was sent and succeeded the session is valid for ten seconds of this node's own clock,
// counted from the sending. Nobody may end it before twelve seconds. So the node knows by itself when it has to stop, and
// needs no answer from anybody for that.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "monitor/fleet/clock.h"
#include "monitor/fleet/network.h"
#include "monitor/fleet/records.h"
#include "monitor/fleet/settings.h"

namespace sta::monitor::fleet {

class Session {
 public:
  // `report` gives what is written at each renewal. `changed` is called after an answer came.
  using Report = std::function<NodeRecord()>;
  Session(const Timing &timing, const Clock &clock, Network &network, Report report, std::function<void()> changed);

  // Begins a new session. What the one before held is lost.
  void begin(const std::string &key);
  const std::string &key() const { return key_; }
  bool valid() const { return clock_.now() < valid_until_; }
  Time validUntil() const { return valid_until_; }
  bool begun() const { return revision_ != 0; }  // the bucket had it once
  // Renews if it is time. Call it often, while there is a connection.
  void tick();
  // The report says something new, and the others should know soon.
  void hurry() { hurry_ = true; }
  // What the bucket says of this session. true: somebody ended it, and begin() has to follow.
  bool heard(Revision revision, bool ended);
  // Removes the entry: this node watches nothing any more.
  void end();

 private:
  void answered(Outcome outcome, Revision revision, Time sent);

  const Timing timing_;
  const Clock &clock_;
  Network &network_;
  const Report report_;
  const std::function<void()> changed_;
  std::string key_;
  Revision revision_ = 0;
  Time valid_until_ = 0, sent_ = 0;
  bool in_flight_ = false, failed_ = true, hurry_ = false, ended_ = false;
  int conflicts_ = 0;
  std::shared_ptr<int> life_;  // answers to an earlier session, or after this object, find it gone
};

}  // namespace sta::monitor::fleet
