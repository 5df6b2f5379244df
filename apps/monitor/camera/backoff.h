// SPDX-License-Identifier: MIT
// How long to wait before the next try: 1 s at first, then twice as long each time, up to 60 s. Jitter keeps many
// cameras behind one switch from all coming back in the same moment.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

namespace sta::monitor {

class Backoff {
 public:
  explicit Backoff(std::uint32_t seed) : random_(seed) {}
  // In milliseconds: 0.75 to 1.25 times the step.
  std::uint32_t next() {
    const double factor = std::uniform_real_distribution<>(0.75, 1.25)(random_);
    const auto wait = static_cast<std::uint32_t>(step_ * factor);
    step_ = std::min<std::uint32_t>(step_ * 2, 60'000);
    return wait;
  }
  void reset() { step_ = 1000; }

 private:
  std::mt19937 random_;
  std::uint32_t step_ = 1000;
};

}  // namespace sta::monitor
