// SPDX-License-Identifier: MIT
// The label of a frame as a GstAnalyticsClsMtd, the type that other vendors' elements read (GStreamer >= 1.24). Compiled to nothing where the library
// is absent; StaActionMeta carries the same facts everywhere.
#pragma once

#include <gst/gst.h>

#include <vector>

#include "action_record.h"

namespace sta::gst {

#ifdef HAVE_ANALYTICS
inline constexpr bool kHaveAnalytics = true;
#else
inline constexpr bool kHaveAnalytics = false;
#endif

// Adds one classification (top-k, most probable first) to the writable buffer's relation meta. quarks: one for each entry of record.labels. GLib
// keeps a quark for ever, so they may only be made from the model's closed list of labels, never from text that varies.
void addAnalyticsMeta(GstBuffer *buffer, const ActionRecord &record, const std::vector<GQuark> &quarks);

// Reads the first classification that belongs to the whole frame (no object contains it) into labels and confidences; FALSE if there is none.
gboolean readAnalyticsMeta(GstBuffer *buffer, ActionRecord *record);

}  // namespace sta::gst
