// SPDX-License-Identifier: MIT
// A failed call of sta.h as an exception of Python (sta/_errors.py).
#pragma once

#include <nanobind/nanobind.h>
#include <sta/sta.h>

#include <string>

namespace sta::python {

// A str of Python. What comes from the file system need not be UTF-8; what is not becomes U+FFFD.
nanobind::object text(const char *utf8);
// With the GIL.
[[noreturn]] void fail(sta_status status, const std::string &message);
inline void check(sta_status status, const sta_error &error) {
  if (status != STA_OK) fail(status, error.message);
}

}  // namespace sta::python
