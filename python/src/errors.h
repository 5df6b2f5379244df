// SPDX-License-Identifier: MIT
// Turns a failed call of sta.h into an exception of Python (sta/_errors.py).
#pragma once

#include <nanobind/nanobind.h>
#include <sta/sta.h>

#include <string>

namespace sta::python {

// A Python str. Text from the file system need not be UTF-8; bytes that are not UTF-8 become U+FFFD.
nanobind::object text(const char *utf8);
// Call with the GIL held.
[[noreturn]] void fail(sta_status status, const std::string &message);
inline void check(sta_status status, const sta_error &error) {
  if (status != STA_OK) fail(status, error.message);
}

}  // namespace sta::python
