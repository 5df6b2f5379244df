// SPDX-License-Identifier: MIT
// The labelled objects of a frame, read from either form of metadata: a GstVideoRegionOfInterestMeta with a parameter
// named StaActionMeta (any version of GStreamer), or a GstAnalyticsODMtd that contains a GstAnalyticsClsMtd (from 1.24
// on).
#pragma once

#include <gst/gst.h>

#include <vector>

#include "action_record.h"

namespace sta::gst {

struct ObjectLabel {
  gint64 x = 0, y = 0, width = 0, height = 0;  // pixels; may reach out of the picture
  ActionRecord record;
};

// If both forms describe an object (they have the same track id), it is in the list once. Objects without a label are
// not in the list.
std::vector<ObjectLabel> readObjectLabels(GstBuffer *buffer);

}  // namespace sta::gst
