// SPDX-License-Identifier: MIT
// Reads the objects that upstream has put on a frame, and puts results on them. Two forms: GstVideoRegionOfInterestMeta
// with an id, on any version of GStreamer, and GstAnalyticsODMtd related to a GstAnalyticsTrackingMtd, from 1.24 on. If
// a detector writes both forms with the same track id, they mean one object.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <vector>

#include "box.h"
#include "loader/core_api.h"
#include "metadata/action_record.h"

namespace sta::gst {

struct Detection {
  guint64 track_id = 0;
  Box box;
  gboolean lost = FALSE;  // the tracker says that the track has ended
  // Where the object came from. Pointers and ids are good until others add metadata to the buffer.
  GstVideoRegionOfInterestMeta *roi = nullptr;
  guint od_id = 0;  // if has_od
  gboolean has_od = FALSE;
};

struct Detections {
  std::vector<Detection> tracked;
  guint without_track = 0;  // detections that have no track id: they cannot form a window over time
};

// Reads the track id of a region of interest from the field "id" of its parameter "object_id" (some trackers write it
// there, because they use the meta's own id for something else), or else from the meta's id. 0 means none.
Detections readDetections(GstBuffer *buffer);

// Puts a label on its object in both forms: as a parameter of the region of interest, which is named StaActionMeta and
// has the fields of that meta, and as a GstAnalyticsClsMtd that the GstAnalyticsODMtd contains. The buffer is writable;
// quarks as for addAnalyticsMeta.
void addObjectLabel(GstBuffer *buffer, const Detection &object, const ActionRecord &record, const std::vector<GQuark> &quarks);

// Makes a frame show only a part: planes and size become those of the crop, which lies within the frame.
void cropFrame(const GstVideoInfo &info, const Crop &crop, sta_frame *frame);

}  // namespace sta::gst
