// SPDX-License-Identifier: MIT
// What staaction adds to the pipeline's latency. Live mode: nothing, no frame ever waits. With sync=true a frame waits
// for the window that it completes. How long is known only afterwards, and latency that comes and goes disturbs a live
// pipeline; so the bound is one hop, which is what a model that keeps up needs at most, raised (with a LATENCY message)
// if a frame has waited longer.
#pragma once

#include <gst/gst.h>

#include <algorithm>
#include <atomic>

namespace sta::gst {

// Written by the streaming thread, read by any.
class LatencyBound {
 public:
  // TRUE: the bound has changed.
  bool set(bool sync, GstClockTime hop) {
    longest_ = sync ? std::max(longest_, hop) : 0;
    return bound_.exchange(longest_) != longest_;
  }
  // A frame has waited; the bound leaves a quarter more. TRUE: it has changed.
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
