// SPDX-License-Identifier: MIT
// Which of LibTorch's errors say that memory ran out: such a failure is nobody's fault and passes by.
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
