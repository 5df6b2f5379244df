// SPDX-License-Identifier: MIT
// Helpers of the files that implement sta.h: they fill errors, read sized option structs and define the handles. No
// other part of sta-core includes this file.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>

#include "engine/catch.h"
#include "engine/engine.h"
#include "engine/stream.h"
#include "result.h"
#include "sta/sta.h"

struct sta_engine {
  std::atomic<int> references{1};
  std::shared_ptr<sta::Engine> engine;
};

struct sta_stream {
  std::unique_ptr<sta::Stream> stream;
};

struct sta_result {
  std::unique_ptr<sta::WindowResult> result;
};

namespace sta {

inline sta_status report(const Error &error, sta_error *err) {
  if (err) {
    err->status = error.status;
    const size_t n = std::min(error.message.size(), sizeof(err->message) - 1);
    std::memcpy(err->message, error.message.data(), n);
    err->message[n] = 0;
  }
  return error.status;
}

inline sta_status report_ok(sta_error *err) {
  if (err) {
    err->status = STA_OK;
    err->message[0] = 0;
  }
  return STA_OK;
}

inline sta_status report(const Status &status, sta_error *err) { return status ? report_ok(err) : report(status.error(), err); }

/// Copies the members that the caller's version of a struct has over the defaults in `out`. The struct's first member
/// is struct_size. False if struct_size is nonsense.
template <typename T>
bool read_sized(const T *in, T &out) {
  if (!in || in->struct_size < sizeof(size_t) || in->struct_size > 65536) return false;
  const size_t size = std::min(in->struct_size, sizeof(T));
  std::memcpy(static_cast<void *>(&out), in, size);
  out.struct_size = sizeof(T);
  return true;
}

/// Writes the defaults into a caller's struct of struct_size bytes. The caller's header may have made the struct
/// smaller or larger than this library's. Bytes beyond this library's struct become zero.
template <typename T>
void write_defaults(T defaults, T *out, size_t struct_size) {
  if (!out || struct_size < sizeof(size_t)) return;
  defaults.struct_size = struct_size;
  std::memset(static_cast<void *>(out), 0, struct_size);
  std::memcpy(static_cast<void *>(out), &defaults, std::min(struct_size, sizeof(T)));
}

/// Fills the members that the caller's version of a struct has room for.
template <typename T>
void write_sized(const T &in, T *out) {
  if (!out || out->struct_size < sizeof(size_t)) return;
  const size_t size = std::min(out->struct_size, sizeof(T)), kept = out->struct_size;
  std::memcpy(static_cast<void *>(out), &in, size);
  out->struct_size = kept;
}

inline std::string text(const char *s) { return s ? s : ""; }

inline Error bad_struct(const char *what) {
  return {STA_ERROR_INVALID_ARGUMENT, std::string(what) + " is NULL or was not initialised by its _init function"};
}

}  // namespace sta
