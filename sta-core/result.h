// SPDX-License-Identifier: MIT
// Result<T>: errors are values inside sta-core. A function that can fail returns either a T or an Error, which has a
// status and one sentence for the user. Exceptions of LibTorch and the standard library never leave sta-core.
// engine/catch.h turns them into an Error.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "sta/sta.h"

namespace sta {

struct [[nodiscard]] Error {
  sta_status status = STA_ERROR_INTERNAL;
  std::string message;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : v_(std::move(value)) {}
  Result(Error error) : v_(std::move(error)) {}

  explicit operator bool() const { return v_.index() == 0; }
  T &operator*() & { return std::get<0>(v_); }
  const T &operator*() const & { return std::get<0>(v_); }
  T &&operator*() && { return std::get<0>(std::move(v_)); }
  T *operator->() { return &std::get<0>(v_); }
  const T *operator->() const { return &std::get<0>(v_); }
  const Error &error() const & { return std::get<1>(v_); }
  Error &&error() && { return std::get<1>(std::move(v_)); }

 private:
  std::variant<T, Error> v_;
};

// A step without a value: std::monostate stands for "done".
using Status = Result<std::monostate>;
inline Status ok() { return std::monostate{}; }

}  // namespace sta
