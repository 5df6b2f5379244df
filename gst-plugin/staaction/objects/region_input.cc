// SPDX-License-Identifier: MIT
// See region_input.h.
#include "region_input.h"

#include <algorithm>

#include "metadata/action_meta.h"
#include "metadata/analytics_meta.h"

namespace sta::gst {
namespace {

// Returns 0 if there is no track id.
guint64 trackOf(GstVideoRegionOfInterestMeta *roi) {
  gint id = roi->id;
  if (GstStructure *object = gst_video_region_of_interest_meta_get_param(roi, "object_id")) gst_structure_get_int(object, "id", &id);
  return id > 0 ? static_cast<guint64>(id) : 0;
}

void readRegions(GstBuffer *buffer, Detections *found) {
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    auto *roi = reinterpret_cast<GstVideoRegionOfInterestMeta *>(meta);
    Detection object;
    object.track_id = trackOf(roi);
    object.box = {static_cast<double>(roi->x), static_cast<double>(roi->y), static_cast<double>(roi->w), static_cast<double>(roi->h)};
    object.roi = roi;
    if (object.track_id == 0)
      found->without_track++;
    else
      found->tracked.push_back(object);
  }
}

}  // namespace

Detections readDetections(GstBuffer *buffer) {
  Detections found;
  readRegions(buffer, &found);
  for (const AnalyticsObject &object : readAnalyticsObjects(buffer)) {
    if (!object.tracked) {
      found.without_track++;
      continue;
    }
    auto same = std::find_if(found.tracked.begin(), found.tracked.end(), [&](const Detection &d) { return d.track_id == object.track_id; });
    if (same == found.tracked.end()) {
      found.tracked.emplace_back();
      same = found.tracked.end() - 1;
      same->track_id = object.track_id;
      same->box = {static_cast<double>(object.x), static_cast<double>(object.y), static_cast<double>(object.width),
                   static_cast<double>(object.height)};
    }
    same->od_id = object.id;
    same->has_od = TRUE;
    same->lost = object.lost;
  }
  return found;
}

void addObjectLabel(GstBuffer *buffer, const Detection &object, const ActionRecord &record, const std::vector<GQuark> &quarks) {
  if (object.roi) {
    GstStructure *structure = gst_structure_new_empty(kActionMetaName);
    setRecordFields(structure, record);
    gst_structure_set(structure, "result-age", G_TYPE_UINT64, record.result_age, nullptr);
    gst_video_region_of_interest_meta_add_param(object.roi, structure);
  }
  if (object.has_od) addAnalyticsObjectLabel(buffer, object.od_id, record, quarks);
}

void cropFrame(const GstVideoInfo &info, const Crop &crop, sta_frame *frame) {
  const GstVideoFormatInfo *format = info.finfo;
  for (guint plane = 0; plane < GST_VIDEO_INFO_N_PLANES(&info); plane++) {
    // Any component that lies in the plane says how it is sampled.
    guint c = 0;
    while (c + 1 < GST_VIDEO_INFO_N_COMPONENTS(&info) && static_cast<guint>(GST_VIDEO_FORMAT_INFO_PLANE(format, c)) != plane) c++;
    const int x = crop.x >> GST_VIDEO_FORMAT_INFO_W_SUB(format, c), y = crop.y >> GST_VIDEO_FORMAT_INFO_H_SUB(format, c);
    frame->plane[plane] += static_cast<gssize>(y) * frame->stride[plane] + static_cast<gssize>(x) * GST_VIDEO_FORMAT_INFO_PSTRIDE(format, c);
  }
  frame->width = crop.width;
  frame->height = crop.height;
}

}  // namespace sta::gst
