// SPDX-License-Identifier: MIT
// The latency that staaction adds to the pipeline. In live mode it adds none, because no frame ever waits. With
// sync=true a frame waits for the window that it completes. How long is known only afterwards, but a latency that comes
// and goes disturbs a live pipeline. So the bound starts at one hop: a model that keeps up needs at most that. If a
// frame has waited longer, the bound rises (with a LATENCY message).
#pragma once

#include <gst/gst.h>

#include <algorithm>
#include <atomic>

namespace sta::gst {

// Written by the streaming thread, read by any.
class LatencyBound {
 public:
  // Returns TRUE if the bound has changed.
  bool set(bool sync, GstClockTime hop) {
    longest_ = sync ? std::max(longest_, hop) : 0;
    return bound_.exchange(longest_) != longest_;
  }
  // A frame has waited this long. If that is above the bound, the new bound is 1.25 times that. TRUE: it has changed.
  bool waited(GstClockTime time) {
    if (time <= bound_) return false;
    longest_ = time + time / 4;
    bound_ = longest_;
    return true;
  }
  GstClockTime get() const { return bound_; }

 private:
  GstClockTime longest_ = 0;
  std::atomic<GstClockTime> bound_{0};
};

}  // namespace sta::gst
