// SPDX-License-Identifier: MIT
#include "monitor/fleet/session.h"

#include <algorithm>

namespace sta::monitor::fleet {
namespace {

// So many conflicts in a row mean that this node was not told of what happened to its entry.
constexpr int kManyConflicts = 6;

}  // namespace

Session::Session(const Timing &timing, const Clock &clock, Network &network, Report report, std::function<void()> changed)
    : timing_(timing), clock_(clock), network_(network), report_(std::move(report)), changed_(std::move(changed)) {}

void Session::begin(const std::string &key) {
  key_ = key;
  revision_ = 0;
  valid_until_ = clock_.now();
  sent_ = clock_.now() - timing_.renew;
  in_flight_ = hurry_ = ended_ = false;
  failed_ = true;
  conflicts_ = 0;
  life_ = std::make_shared<int>(0);
}

void Session::tick() {
  if (in_flight_ || ended_ || !life_) return;
  const Time now = clock_.now();
  if (now - sent_ < (failed_ || hurry_ ? timing_.retry : timing_.renew)) return;
  hurry_ = false;
  in_flight_ = true;
  sent_ = now;
  network_.write(Bucket::kNodes, key_, toJson(report_()), revision_,
                 [this, sent = now, life = std::weak_ptr<int>(life_)](Outcome outcome, Revision revision) {
                   if (!life.expired()) answered(outcome, revision, sent);
                 });
}

void Session::answered(Outcome outcome, Revision revision, Time sent) {
  in_flight_ = false;
  failed_ = outcome != Outcome::kDone;
  conflicts_ = outcome == Outcome::kConflict ? conflicts_ + 1 : 0;
  if (!failed_) {
    revision_ = std::max(revision_, revision);
    valid_until_ = std::max(valid_until_, sent + timing_.fence);
  }
  if (conflicts_ == kManyConflicts) {
    conflicts_ = 0;
    network_.refresh();
  }
  changed_();
}

bool Session::heard(Revision revision, bool ended) {
  if (ended_) return false;
  if (ended) {
    valid_until_ = std::min(valid_until_, clock_.now());
    return true;
  }
  // Perhaps of a renewal that no answer came to. It makes the next one succeed, but proves nothing about the time.
  revision_ = std::max(revision_, revision);
  return false;
}

void Session::end() {
  if (ended_ || !life_) return;
  ended_ = true;
  valid_until_ = std::min(valid_until_, clock_.now());
  network_.write(Bucket::kNodes, key_, "", revision_, [](Outcome, Revision) {});
}

}  // namespace sta::monitor::fleet
