// SPDX-License-Identifier: MIT
// No exception passes this place: guarded() runs a function of type Result<T>() and turns everything that LibTorch or
// the standard library throws into an Error.
#pragma once

#include <c10/util/Exception.h>

#include <exception>
#include <new>
#include <string>

#include "ops/memory_error.h"
#include "result.h"

namespace sta {

template <typename F>
auto guarded(const char *what, F f) -> decltype(f()) {
  try {
    return f();
  } catch (const std::bad_alloc &) {
    return Error{STA_ERROR_OUT_OF_MEMORY, std::string(what) + ": out of memory"};
  } catch (const c10::OutOfMemoryError &e) {
    return Error{STA_ERROR_OUT_OF_MEMORY, std::string(what) + ": out of device memory: " + e.what_without_backtrace()};
  } catch (const c10::Error &e) {
    return Error{out_of_memory(e) ? STA_ERROR_OUT_OF_MEMORY : STA_ERROR_INTERNAL, std::string(what) + ": " + e.what_without_backtrace()};
  } catch (const std::exception &e) {
    return Error{STA_ERROR_INTERNAL, std::string(what) + ": " + e.what()};
  } catch (...) {
    return Error{STA_ERROR_INTERNAL, std::string(what) + ": unknown exception"};
  }
}

}  // namespace sta
