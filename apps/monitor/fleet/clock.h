// SPDX-License-Identifier: MIT
// The time as the fleet's logic sees it. An interface, so that tests put a virtual clock in its place.
#pragma once

#include <ctime>

#include <cstdint>

namespace sta::monitor::fleet {

// Nanoseconds of a clock that only grows. Clocks of two nodes have nothing to do with each other.
using Time = std::int64_t;
inline constexpr Time kMillisecond = 1'000'000, kSecond = 1'000'000'000;

struct Clock {
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

// This clock also counts the time that the process or the machine sleeps: a node that wakes up has to know that its
// lease ended meanwhile.
struct SystemClock : Clock {
  Time now() const override {
    timespec time{};
    clock_gettime(CLOCK_BOOTTIME, &time);
    return static_cast<Time>(time.tv_sec) * kSecond + time.tv_nsec;
  }
};

}  // namespace sta::monitor::fleet
