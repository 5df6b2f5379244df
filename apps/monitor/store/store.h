// SPDX-License-Identifier: MIT
// The monitor's memory: events, clips, messages that the broker has not got yet, and cameras that came over REST. Only
// this folder knows SQL. Used from the main loop alone. If a write fails (full disk), the function returns false, and
// the monitor goes on.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "monitor/config/settings.h"
#include "monitor/fleet/outbox.h"
#include "monitor/store/database.h"
#include "monitor/store/event.h"

namespace sta::monitor {

struct EventFilter {
  std::string camera, model, label;      // empty: all
  std::optional<Milliseconds> from, to;  // bounds of the onset
  int limit = 50;
  std::string cursor;  // where the previous page ended
};

struct OutboxEntry {
  std::int64_t sequence = 0;  // 0: not stored
  std::string topic, payload;
};

struct JournalEntry {
  std::int64_t sequence;
  std::string payload;
};

class Store {
 public:
  // Makes the folder if necessary. Ends what a killed monitor left open: see recovered(). On nullptr, `error` says why.
  static std::unique_ptr<Store> open(const std::string &folder, std::string &error);

  bool save(const Event &event);  // a new event, or news of a known one
  std::optional<Event> find(const std::string &id);
  // Newest onset first. `next` becomes the cursor of the next page; it is empty at the end. Returns nothing if the
  // cursor is not valid.
  std::optional<std::vector<Event>> list(const EventFilter &filter, std::string &next);
  // The events that open() ended, oldest first. They still have to be told.
  const std::vector<Event> &recovered() const { return recovered_; }

  bool clipBegun(const std::string &id, const std::string &camera, Milliseconds time);
  bool clipEnded(const std::string &id, bool good);
  std::string clipPath(const std::string &id) const { return folder_ + "/clips/" + id + ".mp4"; }
  std::string snapshotPath(const std::string &event) const { return folder_ + "/snapshots/" + event + ".jpg"; }
  std::vector<std::string> eventsOfClip(const std::string &clip);
  std::uint64_t clipBytes();

  // Entries are kept in the order in which they were added. -1: could not be written.
  std::int64_t outboxAdd(const std::string &topic, const std::string &payload);
  std::vector<OutboxEntry> outboxAfter(std::int64_t sequence, int limit);
  void outboxRemove(std::int64_t sequence);
  std::int64_t outboxCount();

  // The same for the stream of the fleet.
  bool fleetAdd(const std::string &camera, const std::string &id, const std::string &payload);
  std::vector<fleet::OutboxEvent> fleetFirst(int limit);
  void fleetRemove(std::int64_t sequence);
  std::int64_t fleetCount();

  // The retained topics that the broker may have, each with its camera. With them the topics of a removed camera can be
  // taken back.
  bool retainedAdd(const std::string &topic, const std::string &camera);
  void retainedRemove(const std::string &topic);
  std::vector<std::pair<std::string, std::string>> retained();  // topic, camera

  // The last changes of events, for clients that come back (Last-Event-ID).
  std::int64_t journalAdd(const std::string &payload);
  std::vector<JournalEntry> journalAfter(std::int64_t sequence);

  // name -> JSON. Empty: the camera is deleted, although the file has it.
  std::map<std::string, std::string> cameras();
  bool setCamera(const std::string &name, const std::string &json);
  void forgetCamera(const std::string &name);

  // A random text that is made once and kept. It signs the sessions of the page, so they survive a restart.
  std::string salt();

  // Deletes events and clips older than `keep`, then the oldest clips until they take at most `at_most` bytes. Clips
  // that are still being written stay.
  void expire(Milliseconds now, Nanoseconds keep, std::uint64_t at_most);
  const std::string &folder() const { return folder_; }
  std::string problem() const { return problem_; }  // why the last write failed; empty after a successful one

 private:
  Store(std::unique_ptr<Database> database, std::string folder);
  bool migrate(std::string &error);
  void recover();
  bool removeClip(const std::string &id);
  bool wrote(bool good);

  std::unique_ptr<Database> database_;
  std::string folder_, problem_;
  std::vector<Event> recovered_;
};

}  // namespace sta::monitor
