// SPDX-License-Identifier: MIT
// Tells which of LibTorch's errors mean that memory ran out. Such a failure is nobody's fault and is temporary.
#pragma once

#include <c10/util/Exception.h>

#include <string>

namespace sta {

inline bool out_of_memory(const c10::Error &e) {
  if (dynamic_cast<const c10::OutOfMemoryError *>(&e)) return true;
  // LibTorch reports a failed CPU allocation as a plain error.
  const std::string text = e.what_without_backtrace();
  return text.find("can't allocate memory") != std::string::npos || text.find("not enough memory") != std::string::npos;
}

}  // namespace sta
