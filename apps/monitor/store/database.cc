// SPDX-License-Identifier: MIT
#include "monitor/store/database.h"

namespace sta::monitor {

std::unique_ptr<Database> Database::open(const std::string &path, std::string &error) {
  sqlite3 *handle = nullptr;
  const int status = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  std::unique_ptr<Database> database(new Database(handle));
  if (status != SQLITE_OK) {
    error = handle ? sqlite3_errmsg(handle) : "no memory";
    return nullptr;
  }
  sqlite3_busy_timeout(handle, 2000);
  // With a write-ahead log, synchronous=NORMAL survives every end of the process. A power cut may lose the last
  // transactions, but never the file.
  if (!database->execute("PRAGMA journal_mode=WAL") || !database->execute("PRAGMA synchronous=NORMAL")) {
    error = database->error();
    return nullptr;
  }
  return database;
}

Database::~Database() {
  for (const auto &[sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

bool Database::execute(const char *sql) { return sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK; }

Database::Use Database::use(const std::string &sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    sqlite3_stmt *statement = nullptr;
    sqlite3_prepare_v3(handle_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (!statement) return Use(nullptr);
    found = statements_.emplace(sql, statement).first;
  }
  return Use(found->second);
}

}  // namespace sta::monitor
