// SPDX-License-Identifier: MIT
// See object_labels.h.
#include "object_labels.h"

#include <gst/video/gstvideometa.h>

#include <algorithm>
#include <utility>

#include "action_meta.h"
#include "analytics_meta.h"

namespace sta::gst {

std::vector<ObjectLabel> readObjectLabels(GstBuffer *buffer) {
  std::vector<ObjectLabel> found;
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    auto *roi = reinterpret_cast<GstVideoRegionOfInterestMeta *>(meta);
    const GstStructure *structure = gst_video_region_of_interest_meta_get_param(roi, kActionMetaName);
    ObjectLabel object{roi->x, roi->y, roi->w, roi->h, {}};
    if (structure && readRecordFields(structure, &object.record)) found.push_back(std::move(object));
  }
  const size_t regions = found.size();
  for (const AnalyticsObject &detected : readAnalyticsObjects(buffer)) {
    const auto same = [&](const ObjectLabel &o) { return detected.tracked && o.record.is_object && o.record.object_id == detected.track_id; };
    if (std::any_of(found.begin(), found.begin() + static_cast<gssize>(regions), same)) continue;
    ObjectLabel object{detected.x, detected.y, detected.width, detected.height, {}};
    if (readAnalyticsObjectLabel(buffer, detected.id, &object.record)) found.push_back(std::move(object));
  }
  return found;
}

}  // namespace sta::gst
