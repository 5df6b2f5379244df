// SPDX-License-Identifier: MIT
// The label of a frame as a GstAnalyticsClsMtd, the type that other vendors' elements read (GStreamer >= 1.24). Without
// that library these functions are empty; StaActionMeta carries the same facts everywhere.
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

// Adds one classification (top-k, most probable first) to the writable buffer's relation meta. quarks has one entry for
// each entry of record.labels. GLib keeps a quark for ever, so make quarks only from the model's closed list of labels,
// never from text that varies.
void addAnalyticsMeta(GstBuffer *buffer, const ActionRecord &record, const std::vector<GQuark> &quarks);

// Reads the first classification of the whole frame (no object contains it) into labels and confidences. FALSE if there
// is none.
gboolean readAnalyticsMeta(GstBuffer *buffer, ActionRecord *record);

// A detected object (GstAnalyticsODMtd) and its track, if it is related to one (GstAnalyticsTrackingMtd).
struct AnalyticsObject {
  guint id = 0;  // of the ODMtd in its relation meta
  gint x = 0, y = 0, width = 0, height = 0;
  bool tracked = false;
  guint64 track_id = 0;
  bool lost = false;
};

// Empty where GStreamer has no analytics library.
std::vector<AnalyticsObject> readAnalyticsObjects(GstBuffer *buffer);

// Reads the first classification that the object contains into labels and confidences; FALSE if there is none.
gboolean readAnalyticsObjectLabel(GstBuffer *buffer, guint object_id, ActionRecord *record);

// Adds one classification that the object contains. quarks: as for addAnalyticsMeta.
void addAnalyticsObjectLabel(GstBuffer *buffer, guint object_id, const ActionRecord &record, const std::vector<GQuark> &quarks);

}  // namespace sta::gst
