// SPDX-License-Identifier: MIT
// Tells the application of windows: element messages, signals, throttled QoS messages and warnings. It runs the
// application's handlers, so it is called with no lock held, and by one thread at a time (outbox.h). Exception:
// quality() belongs to the streaming thread.
#pragma once

#include <gst/gst.h>

#include <string>

#include "metadata/action_record.h"
#include "staaction/run/handles.h"
#include "staaction/run/session.h"

namespace sta::gst {

// Lets at most one pass in an interval, and tells how many it swallowed.
class Throttle {
 public:
  explicit Throttle(gint64 interval_us) : interval_us_(interval_us) {}
  bool pass() {
    const gint64 now = g_get_monotonic_time();
    if (last_us_ >= 0 && now - last_us_ < interval_us_) return false;
    last_us_ = now;
    return true;
  }
  void clear() { last_us_ = -1; }

 private:
  gint64 interval_us_;
  gint64 last_us_ = -1;
};

// Name and fields of a sta-window message. It has the fields of StaActionMeta except result-age, and also class-ids,
// queue-time, batch-size, tail, reused, status ("ok", "failed") and below-threshold. If the status is failed, it has
// error and no labels.
GstStructure *windowStructure(const ActionRecord &record, gboolean below_threshold);

class Publisher {
 public:
  // window_signal: id of a signal that takes one GstStructure.
  // event_signal: the same for events.
  Publisher(GstElement *element, guint window_signal, guint event_signal)
      : element_(element), window_signal_(window_signal), event_signal_(event_signal) {}

  void window(const ActionRecord &record, gboolean below_threshold, gboolean post_message);
  // Posts a sta-event message and emits the signal; takes the structure.
  void event(GstStructure *change);
  // Posts one element warning for any number of failures in ten seconds.
  void failure(const std::string &message);
  // Posts the element error that ends the stream, once in a run.
  void error(const std::string &message);
  // Posts an element warning about settings.
  void problem(const std::string &message);

  // Posts a QoS message if windows were skipped since the last one, at most one a second. hop: of a window, ns.
  void quality(const Handles &handles, guint64 hop, GstBuffer *buffer, const GstSegment &segment, GstClockTime running_time);
  void clear();

 private:
  GstElement *element_;
  guint window_signal_;
  guint event_signal_;
  Throttle warning_throttle_{10 * G_USEC_PER_SEC};
  Throttle quality_throttle_{G_USEC_PER_SEC};
  guint64 failures_ = 0;  // since the last warning
  guint64 skipped_ = 0;   // the count in the last message
  bool error_posted_ = false;
};

// The read-only property "stats": application/x-sta-stats.
GstStructure *statsStructure(const Handles &handles);

}  // namespace sta::gst
