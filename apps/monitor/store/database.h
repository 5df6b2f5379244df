// SPDX-License-Identifier: MIT
// SQLite with RAII: a connection, and statements that are prepared once. Only store/ includes this.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

namespace sta::monitor {

class Database {
 public:
  ~Database();
  // Opens or makes the file. Its write-ahead log keeps it intact if the process is killed at any moment. On nullptr,
  // `error` says why.
  static std::unique_ptr<Database> open(const std::string &path, std::string &error);
  bool execute(const char *sql);
  std::string error() const { return sqlite3_errmsg(handle_); }
  int changes() const { return sqlite3_changes(handle_); }
  std::int64_t lastRow() const { return sqlite3_last_insert_rowid(handle_); }

  // A statement in use: bind the values in order, then step. It is reset when it goes out of scope.
  class Use {
   public:
    explicit Use(sqlite3_stmt *statement) : statement_(statement) {}
    ~Use() {
      sqlite3_reset(statement_);
      sqlite3_clear_bindings(statement_);
    }
    Use(const Use &) = delete;
    Use &bind(std::int64_t value) { return sqlite3_bind_int64(statement_, ++bound_, value), *this; }
    Use &bind(double value) { return sqlite3_bind_double(statement_, ++bound_, value), *this; }
    Use &bind(const std::string &value) { return sqlite3_bind_text(statement_, ++bound_, value.data(), value.size(), SQLITE_TRANSIENT), *this; }
    Use &bindNull() { return ++bound_, *this; }
    bool row() { return sqlite3_step(statement_) == SQLITE_ROW; }
    bool done() { return sqlite3_step(statement_) == SQLITE_DONE; }
    bool isNull(int column) { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
    std::int64_t integer(int column) { return sqlite3_column_int64(statement_, column); }
    double number(int column) { return sqlite3_column_double(statement_, column); }
    std::string text(int column) {
      const auto *bytes = reinterpret_cast<const char *>(sqlite3_column_text(statement_, column));
      return bytes ? std::string(bytes, sqlite3_column_bytes(statement_, column)) : "";
    }

   private:
    sqlite3_stmt *statement_;  // nullptr if preparing failed: then nothing is done, and row() and done() are false
    int bound_ = 0;
  };
  Use use(const std::string &sql);

 private:
  explicit Database(sqlite3 *handle) : handle_(handle) {}
  sqlite3 *handle_;
  std::unordered_map<std::string, sqlite3_stmt *> statements_;
};

}  // namespace sta::monitor
