// SPDX-License-Identifier: MIT
// Decides when a node has too much to do, by the load of its engine: above 0.9 for 30 s. Then it gives a camera away
// every 5 s. What it gave away does not come back at once: its limit falls, and rises by a camera a minute while there
// is air.
#pragma once

#include <algorithm>

#include "monitor/fleet/clock.h"

namespace sta::monitor::fleet {

class Shedder {
 public:
  static constexpr double kMuch = 0.9, kLittle = 0.7;
  explicit Shedder(int capacity) : capacity_(capacity), limit_(capacity) {}

  void load(Time now, double load) {
    load_ = load;
    if (load <= kMuch) much_since_ = -1;
    if (load > kMuch && much_since_ < 0) much_since_ = now;
    if (load >= kLittle) little_since_ = -1;
    if (load < kLittle && little_since_ < 0) little_since_ = now;
    if (little_since_ >= 0 && now - little_since_ >= 60 * kSecond && limit_ < capacity_) {
      ++limit_;
      little_since_ = now;
    }
  }
  bool overloaded(Time now) const { return much_since_ >= 0 && now - much_since_ >= 30 * kSecond && now - shed_at_ >= 5 * kSecond; }
  // A camera was given away, and so many are left.
  void shed(Time now, int left) {
    shed_at_ = now;
    limit_ = std::clamp(left, 0, capacity_);
  }
  int limit() const { return limit_; }
  double load() const { return load_; }

 private:
  const int capacity_;
  int limit_;
  double load_ = 0;
  Time much_since_ = -1, little_since_ = -1, shed_at_ = -60 * kSecond;
};

}  // namespace sta::monitor::fleet
