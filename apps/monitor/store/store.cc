// SPDX-License-Identifier: MIT
#include "monitor/store/store.h"

#include <algorithm>
#include <filesystem>
#include <random>

namespace sta::monitor {
namespace {

namespace fs = std::filesystem;

constexpr const char *kColumns =
    "SELECT events.id, events.camera, model, label, onset, \"offset\", seen, confidence, drop_number, camera_clock, interrupted, snapshot, clip, "
    "COALESCE(clips.state, '') FROM events LEFT JOIN clips ON clips.id = events.clip ";

Event read(Database::Use &use) {
  Event event;
  event.id = use.text(0);
  event.camera = use.text(1);
  event.model = use.text(2);
  event.label = use.text(3);
  event.onset = use.integer(4);
  if (!use.isNull(5)) event.offset = use.integer(5);
  event.seen = use.integer(6);
  event.confidence = use.number(7);
  event.drop_number = static_cast<int>(use.integer(8));
  event.camera_clock = use.integer(9);
  event.interrupted = use.integer(10);
  event.snapshot = use.integer(11);
  event.clip = use.text(12);
  event.clip_state = use.text(13);
  return event;
}

}  // namespace

Store::Store(std::unique_ptr<Database> database, std::string folder) : database_(std::move(database)), folder_(std::move(folder)) {}

std::unique_ptr<Store> Store::open(const std::string &folder, std::string &error) {
  std::error_code failed;
  for (const char *part : {"", "/clips", "/snapshots"}) fs::create_directories(folder + part, failed);
  if (failed) {
    error = folder + ": cannot be made: " + failed.message();
    return nullptr;
  }
  fs::permissions(folder, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec, failed);
  std::string why;
  std::unique_ptr<Database> database = Database::open(folder + "/events.db", why);
  if (database) {
    std::unique_ptr<Store> store(new Store(std::move(database), folder));
    if (store->migrate(why)) {
      store->recover();
      return store;
    }
  }
  error = folder + "/events.db: " + why;
  return nullptr;
}

bool Store::migrate(std::string &error) {
  std::int64_t version = -1;
  if (Database::Use use = database_->use("PRAGMA user_version"); use.row()) version = use.integer(0);
  if (version < 0) {
    error = database_->error();
    return false;
  }
  if (version > 1) {
    error = "was made by a newer sta-monitor (its version is " + std::to_string(version) + ", this one knows 1)";
    return false;
  }
  const bool good = database_->execute(R"sql(
    BEGIN;
    CREATE TABLE IF NOT EXISTS events(id TEXT PRIMARY KEY, camera TEXT NOT NULL, model TEXT NOT NULL, label TEXT NOT NULL,
      onset INTEGER NOT NULL, "offset" INTEGER, seen INTEGER NOT NULL, confidence REAL NOT NULL, drop_number INTEGER NOT NULL,
      camera_clock INTEGER NOT NULL, interrupted INTEGER NOT NULL, snapshot INTEGER NOT NULL, clip TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS events_by_onset ON events(onset, id);
    CREATE INDEX IF NOT EXISTS events_by_clip ON events(clip);
    CREATE TABLE IF NOT EXISTS clips(id TEXT PRIMARY KEY, camera TEXT NOT NULL, begun INTEGER NOT NULL, state TEXT NOT NULL,
      bytes INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS outbox(sequence INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, payload TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS fleet_outbox(sequence INTEGER PRIMARY KEY AUTOINCREMENT, camera TEXT NOT NULL, id TEXT NOT NULL, payload TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS retained(topic TEXT PRIMARY KEY, camera TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS journal(sequence INTEGER PRIMARY KEY AUTOINCREMENT, payload TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS salt(value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS cameras(name TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
    PRAGMA user_version = 1;
    COMMIT;)sql");
  if (!good) error = database_->error();
  return good;
}

void Store::recover() {
  std::vector<std::string> clips;
  {
    Database::Use use = database_->use("SELECT id FROM clips WHERE state = 'writing'");
    while (use.row()) clips.push_back(use.text(0));
  }
  for (const std::string &clip : clips) clipEnded(clip, true);  // the part that was written can be played
  {
    Database::Use use = database_->use(std::string(kColumns) + "WHERE \"offset\" IS NULL ORDER BY onset, events.id");
    while (use.row()) recovered_.push_back(read(use));
  }
  for (Event &event : recovered_) {
    event.offset = std::max(event.onset, event.seen);
    event.interrupted = true;
    save(event);
  }
}

bool Store::wrote(bool good) {
  problem_ = good ? "" : database_->error();
  return good;
}

bool Store::save(const Event &event) {
  Database::Use use = database_->use(
      "INSERT INTO events VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET \"offset\" = excluded.\"offset\", seen = excluded.seen, "
      "confidence = excluded.confidence, drop_number = excluded.drop_number, interrupted = excluded.interrupted, snapshot = excluded.snapshot, "
      "clip = excluded.clip");
  use.bind(event.id).bind(event.camera).bind(event.model).bind(event.label).bind(event.onset);
  if (event.offset)
    use.bind(*event.offset);
  else
    use.bindNull();
  use.bind(event.seen).bind(event.confidence).bind(std::int64_t{event.drop_number}).bind(std::int64_t{event.camera_clock});
  use.bind(std::int64_t{event.interrupted}).bind(std::int64_t{event.snapshot}).bind(event.clip);
  return wrote(use.done());
}

std::optional<Event> Store::find(const std::string &id) {
  Database::Use use = database_->use(std::string(kColumns) + "WHERE events.id = ?");
  if (!use.bind(id).row()) return std::nullopt;
  return read(use);
}

std::optional<std::vector<Event>> Store::list(const EventFilter &filter, std::string &next) {
  Milliseconds onset = INT64_MAX;
  std::string id;
  if (!filter.cursor.empty()) {
    char *end = nullptr;
    onset = std::strtoll(filter.cursor.c_str(), &end, 10);
    if (end == filter.cursor.c_str() || *end != '-') return std::nullopt;
    id = end + 1;
  }
  // One statement serves all filters: the condition of an empty one is always true.
  Database::Use use = database_->use(std::string(kColumns) +
                                     "WHERE (onset, events.id) < (?, ?) AND onset >= ? AND onset <= ? AND (?5 = '' OR events.camera = ?5) AND "
                                     "(?6 = '' OR model = ?6) AND (?7 = '' OR label = ?7) ORDER BY onset DESC, events.id DESC LIMIT ?");
  use.bind(onset).bind(id).bind(filter.from.value_or(INT64_MIN)).bind(filter.to.value_or(INT64_MAX));
  use.bind(filter.camera).bind(filter.model).bind(filter.label).bind(std::int64_t{filter.limit} + 1);
  std::vector<Event> events;
  while (use.row()) events.push_back(read(use));
  next.clear();
  if (static_cast<int>(events.size()) > filter.limit) {
    events.pop_back();
    next = std::to_string(events.back().onset) + "-" + events.back().id;
  }
  return events;
}

bool Store::clipBegun(const std::string &id, const std::string &camera, Milliseconds time) {
  return wrote(database_->use("INSERT OR REPLACE INTO clips VALUES(?, ?, ?, 'writing', 0)").bind(id).bind(camera).bind(time).done());
}

bool Store::clipEnded(const std::string &id, bool good) {
  std::error_code failed;
  const std::uintmax_t bytes = fs::file_size(clipPath(id), failed);
  const bool there = !failed && bytes > 0;
  if (!there) fs::remove(clipPath(id), failed);
  Database::Use use = database_->use("UPDATE clips SET state = ?, bytes = ? WHERE id = ?");
  return wrote(use.bind(std::string(good && there ? "done" : "failed")).bind(static_cast<std::int64_t>(there ? bytes : 0)).bind(id).done());
}

std::vector<std::string> Store::eventsOfClip(const std::string &clip) {
  Database::Use use = database_->use("SELECT id FROM events WHERE clip = ? ORDER BY onset");
  use.bind(clip);
  std::vector<std::string> ids;
  while (use.row()) ids.push_back(use.text(0));
  return ids;
}

std::uint64_t Store::clipBytes() {
  Database::Use use = database_->use("SELECT COALESCE(SUM(bytes), 0) FROM clips");
  return use.row() ? use.integer(0) : 0;
}

std::int64_t Store::outboxAdd(const std::string &topic, const std::string &payload) {
  return wrote(database_->use("INSERT INTO outbox(topic, payload) VALUES(?, ?)").bind(topic).bind(payload).done()) ? database_->lastRow() : -1;
}

std::vector<OutboxEntry> Store::outboxAfter(std::int64_t sequence, int limit) {
  Database::Use use = database_->use("SELECT sequence, topic, payload FROM outbox WHERE sequence > ? ORDER BY sequence LIMIT ?");
  use.bind(sequence).bind(std::int64_t{limit});
  std::vector<OutboxEntry> entries;
  while (use.row()) entries.push_back({use.integer(0), use.text(1), use.text(2)});
  return entries;
}

void Store::outboxRemove(std::int64_t sequence) { wrote(database_->use("DELETE FROM outbox WHERE sequence = ?").bind(sequence).done()); }

std::int64_t Store::outboxCount() {
  Database::Use use = database_->use("SELECT COUNT(*) FROM outbox");
  return use.row() ? use.integer(0) : 0;
}

bool Store::fleetAdd(const std::string &camera, const std::string &id, const std::string &payload) {
  return wrote(database_->use("INSERT INTO fleet_outbox(camera, id, payload) VALUES(?, ?, ?)").bind(camera).bind(id).bind(payload).done());
}

std::vector<fleet::OutboxEvent> Store::fleetFirst(int limit) {
  Database::Use use = database_->use("SELECT sequence, camera, id, payload FROM fleet_outbox ORDER BY sequence LIMIT ?");
  use.bind(std::int64_t{limit});
  std::vector<fleet::OutboxEvent> events;
  while (use.row()) events.push_back({use.integer(0), use.text(1), use.text(2), use.text(3)});
  return events;
}

void Store::fleetRemove(std::int64_t sequence) { wrote(database_->use("DELETE FROM fleet_outbox WHERE sequence = ?").bind(sequence).done()); }

std::int64_t Store::fleetCount() {
  Database::Use use = database_->use("SELECT COUNT(*) FROM fleet_outbox");
  return use.row() ? use.integer(0) : 0;
}

bool Store::retainedAdd(const std::string &topic, const std::string &camera) {
  return wrote(database_->use("INSERT OR REPLACE INTO retained VALUES(?, ?)").bind(topic).bind(camera).done());
}

void Store::retainedRemove(const std::string &topic) { wrote(database_->use("DELETE FROM retained WHERE topic = ?").bind(topic).done()); }

std::vector<std::pair<std::string, std::string>> Store::retained() {
  Database::Use use = database_->use("SELECT topic, camera FROM retained ORDER BY topic");
  std::vector<std::pair<std::string, std::string>> all;
  while (use.row()) all.emplace_back(use.text(0), use.text(1));
  return all;
}

std::int64_t Store::journalAdd(const std::string &payload) {
  if (!wrote(database_->use("INSERT INTO journal(payload) VALUES(?)").bind(payload).done())) return -1;
  const std::int64_t sequence = database_->lastRow();
  database_->use("DELETE FROM journal WHERE sequence <= ?").bind(sequence - 1000).done();
  return sequence;
}

std::vector<JournalEntry> Store::journalAfter(std::int64_t sequence) {
  Database::Use use = database_->use("SELECT sequence, payload FROM journal WHERE sequence > ? ORDER BY sequence");
  use.bind(sequence);
  std::vector<JournalEntry> entries;
  while (use.row()) entries.push_back({use.integer(0), use.text(1)});
  return entries;
}

std::map<std::string, std::string> Store::cameras() {
  std::map<std::string, std::string> all;
  Database::Use use = database_->use("SELECT name, json FROM cameras");
  while (use.row()) all[use.text(0)] = use.text(1);
  return all;
}

bool Store::setCamera(const std::string &name, const std::string &json) {
  return wrote(database_->use("INSERT OR REPLACE INTO cameras VALUES(?, ?)").bind(name).bind(json).done());
}

void Store::forgetCamera(const std::string &name) { wrote(database_->use("DELETE FROM cameras WHERE name = ?").bind(name).done()); }

std::string Store::salt() {
  if (Database::Use use = database_->use("SELECT value FROM salt"); use.row()) return use.text(0);
  std::random_device random;
  std::string value;
  for (int i = 0; i < 8; ++i) value += std::to_string(random()) + ".";
  wrote(database_->use("INSERT INTO salt VALUES(?)").bind(value).done());
  return value;
}

bool Store::removeClip(const std::string &id) {
  std::error_code ignored;
  fs::remove(clipPath(id), ignored);
  return database_->use("DELETE FROM clips WHERE id = ?").bind(id).done();
}

void Store::expire(Milliseconds now, Nanoseconds keep, std::uint64_t at_most) {
  const Milliseconds oldest = now - keep / 1'000'000;
  std::vector<std::string> clips, events;
  {
    Database::Use use = database_->use("SELECT id FROM clips WHERE begun < ? AND state != 'writing'");
    use.bind(oldest);
    while (use.row()) clips.push_back(use.text(0));
  }
  {
    Database::Use use = database_->use("SELECT id FROM events WHERE onset < ? AND \"offset\" IS NOT NULL");
    use.bind(oldest);
    while (use.row()) events.push_back(use.text(0));
  }
  for (const std::string &clip : clips) removeClip(clip);
  std::error_code ignored;
  for (const std::string &event : events) {
    fs::remove(snapshotPath(event), ignored);
    database_->use("DELETE FROM events WHERE id = ?").bind(event).done();
  }
  std::uint64_t used = clipBytes();
  while (used > at_most) {
    std::string clip;
    std::uint64_t bytes = 0;
    if (Database::Use use = database_->use("SELECT id, bytes FROM clips WHERE state != 'writing' ORDER BY begun, id LIMIT 1"); use.row()) {
      clip = use.text(0);
      bytes = use.integer(1);
    }
    if (clip.empty()) break;
    if (!removeClip(clip)) break;  // nothing can be written now, so nothing can be deleted either
    used -= std::min(used, bytes);
  }
}

}  // namespace sta::monitor
