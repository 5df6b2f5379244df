// SPDX-License-Identifier: MIT
// A store in a folder that removes itself, and another connection to its database for changes that only tests make.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "monitor/store/store.h"
#include "support.h"

namespace sta::monitor {

inline std::unique_ptr<Store> openStore(const std::string &folder) {
  std::string error;
  std::unique_ptr<Store> store = Store::open(folder, error);
  EXPECT_TRUE(store) << error;
  return store;
}

// Runs SQL on a separate connection.
inline void sql(const std::string &folder, const std::string &text) {
  sqlite3 *database = nullptr;
  ASSERT_EQ(sqlite3_open((folder + "/events.db").c_str(), &database), SQLITE_OK);
  sqlite3_busy_timeout(database, 5000);
  EXPECT_EQ(sqlite3_exec(database, text.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
  sqlite3_close(database);
}

// Makes writes to this table fail from now on, as they do when the disk is full.
inline void blockWrites(const std::string &folder, const std::string &what, const std::string &table) {
  sql(folder, "CREATE TRIGGER block BEFORE " + what + " ON " + table + " BEGIN SELECT RAISE(ABORT, 'the disk is full'); END");
}
inline void unblockWrites(const std::string &folder) { sql(folder, "DROP TRIGGER block"); }

inline Event makeEvent(const std::string &camera, const std::string &model, const std::string &label, Milliseconds onset) {
  Event event;
  event.id = eventId(camera, model, label, onset);
  event.camera = camera;
  event.model = model;
  event.label = label;
  event.onset = event.seen = onset;
  event.confidence = 0.5;
  return event;
}

inline Event ended(Event event, Milliseconds length) {
  event.offset = event.seen = event.onset + length;
  return event;
}

inline void writeFile(const std::string &path, std::size_t bytes) { std::ofstream(path, std::ios::binary) << std::string(bytes, 'x'); }

// A clip of one second, with its file.
inline void addClip(Store &store, const std::string &id, Milliseconds begun, std::size_t bytes) {
  ASSERT_TRUE(store.clipBegun(id, "gate", begun));
  writeFile(store.clipPath(id), bytes);
  ASSERT_TRUE(store.clipEnded(id, true));
}

inline bool exists(const std::string &path) { return std::filesystem::exists(path); }

inline std::vector<Event> everything(Store &store, EventFilter filter = {}) {
  std::string next;
  filter.limit = 1'000'000;
  return store.list(filter, next).value();
}

}  // namespace sta::monitor
