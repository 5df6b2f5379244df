// SPDX-License-Identifier: MIT
// One classified window as the plugin passes it on. sta-window messages, StaActionMeta and GstAnalyticsClsMtd are all
// made from these plain values, so they cannot contradict each other.
#pragma once

#include <gst/gst.h>

#include <string>
#include <vector>

namespace sta::gst {

struct ActionRecord {
  // Top-k, most probable first; the three have equal length. Empty if the window failed.
  std::vector<gint> class_ids;
  std::vector<std::string> labels;
  std::vector<gdouble> confidences;  // 0 .. 1

  guint64 window_id = 0;                            // counts the windows of the stream from 0, skipped ones too
  GstClockTime window_start = GST_CLOCK_TIME_NONE;  // running time, ns, of the first sample
  GstClockTime window_end = GST_CLOCK_TIME_NONE;    // running time, ns, of the last sample + spacing
  GstClockTime inference_time = 0;                  // ns of the forward pass
  GstClockTime queue_time = 0;                      // ns between submission and the pass
  GstClockTime result_age = 0;                      // ns from window_end to the frame with it; 0 if that is no later
  guint64 event_id = 0;                             // 0: no event
  GstClockTime event_onset = GST_CLOCK_TIME_NONE;   // running time, ns
  gint drop_number = 0;                             // tokens dropped per group and call
  gint tokens = 0;                                  // that entered the first block
  gdouble gmacs = 0;                                // billions of multiply-adds of the window; 0 if it was reused
  gint batch_size = 1;
  gboolean degraded = FALSE;   // some sample repeats a frame over a gap, or pads the tail
  gboolean tail = FALSE;       // the end of the stream cut the window short
  gboolean reused = FALSE;     // the window equals the one before and takes over its result
  gboolean is_object = FALSE;  // the window shows one object, not the frame
  guint64 object_id = 0;       // upstream's track id; if is_object
  std::string model;
  std::string stream_id;
  std::string error;  // not empty: the forward pass failed
};

}  // namespace sta::gst
