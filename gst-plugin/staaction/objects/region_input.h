// SPDX-License-Identifier: MIT
// Objects that upstream has put on a frame, and results put back on them. Two forms: GstVideoRegionOfInterestMeta with
// an id, on any version of GStreamer, and GstAnalyticsODMtd related to a GstAnalyticsTrackingMtd from 1.24 on. A
// detector that writes both for one object means one object: they have the same track id.
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
  // Where it came from; pointers and ids are good until metadata is added to the buffer by others.
  GstVideoRegionOfInterestMeta *roi = nullptr;
  guint od_id = 0;  // if has_od
  gboolean has_od = FALSE;
};

struct Detections {
  std::vector<Detection> tracked;
  guint without_track = 0;  // detections that no tracker has given an id: no window over time can be made of them
};

// Track id of a region of interest: the field "id" of its parameter "object_id" (as trackers that keep the meta's own
// id for something else write it), else the meta's id; 0 is none.
Detections readDetections(GstBuffer *buffer);

// Puts a label on its object: as a parameter named StaActionMeta of the region of interest, with the fields of the meta
// of that name, and as a GstAnalyticsClsMtd that the GstAnalyticsODMtd contains. The buffer is writable; quarks as
// addAnalyticsMeta takes them.
void addObjectLabel(GstBuffer *buffer, const Detection &object, const ActionRecord &record, const std::vector<GQuark> &quarks);

// Makes a frame show only a part of it: planes and size are those of the crop, which lies within the frame.
void cropFrame(const GstVideoInfo &info, const Crop &crop, sta_frame *frame);

}  // namespace sta::gst
