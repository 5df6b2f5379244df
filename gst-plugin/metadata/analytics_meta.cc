// SPDX-License-Identifier: MIT
// Two rules make this work on every version of GStreamer. It always passes handles (a null one crashed before 1.26),
// and it never makes them const (the getters of 1.24 take them mutable).
#include "analytics_meta.h"

#ifdef HAVE_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

namespace sta::gst {

#ifdef HAVE_ANALYTICS

void addAnalyticsMeta(GstBuffer *buffer, const ActionRecord &record, const std::vector<GQuark> &quarks) {
  g_return_if_fail(quarks.size() == record.confidences.size() && !quarks.empty());
  // Returns the existing relation meta if upstream (a detector) has made one: a buffer has at most one.
  GstAnalyticsRelationMeta *relations = gst_buffer_add_analytics_relation_meta(buffer);
  g_return_if_fail(relations != nullptr);
  std::vector<gfloat> levels(record.confidences.begin(), record.confidences.end());
  std::vector<GQuark> classes(quarks);
  GstAnalyticsClsMtd handle;
  if (!gst_analytics_relation_meta_add_cls_mtd(relations, levels.size(), levels.data(), classes.data(), &handle) || record.event_id == 0) return;
  // The event that the label belongs to, as a track: it starts at the onset and was last seen where its newest window
  // ends.
  GstAnalyticsTrackingMtd event;
  if (!gst_analytics_relation_meta_add_tracking_mtd(relations, record.event_id, record.event_onset, &event)) return;
  gst_analytics_tracking_mtd_update_last_seen(&event, record.window_end);
  gst_analytics_relation_meta_set_relation(relations, GST_ANALYTICS_REL_TYPE_RELATE_TO, handle.id, event.id);
}

// Whether a detected object is related to the classification. If so, it describes that object and not the frame.
static gboolean belongsToObject(GstAnalyticsRelationMeta *relations, guint cls_id) {
  gpointer state = nullptr;
  GstAnalyticsMtd object;
  while (gst_analytics_relation_meta_iterate(relations, &state, gst_analytics_od_mtd_get_mtd_type(), &object))
    if (gst_analytics_relation_meta_get_relation(relations, object.id, cls_id) != GST_ANALYTICS_REL_TYPE_NONE ||
        gst_analytics_relation_meta_get_relation(relations, cls_id, object.id) != GST_ANALYTICS_REL_TYPE_NONE)
      return TRUE;
  return FALSE;
}

// FALSE if it has no label.
static bool readClassification(GstAnalyticsClsMtd *handle, ActionRecord *record) {
  const gsize length = gst_analytics_cls_mtd_get_length(handle);
  record->labels.clear();
  record->confidences.clear();
  for (gsize i = 0; i < length; i++) {
    const gchar *label = g_quark_to_string(gst_analytics_cls_mtd_get_quark(handle, i));
    record->labels.emplace_back(label ? label : "");
    record->confidences.push_back(gst_analytics_cls_mtd_get_level(handle, i));
  }
  record->class_ids.assign(record->labels.size(), -1);
  return !record->labels.empty();
}

gboolean readAnalyticsMeta(GstBuffer *buffer, ActionRecord *record) {
  GstAnalyticsRelationMeta *relations = gst_buffer_get_analytics_relation_meta(buffer);
  if (!relations) return FALSE;
  gpointer state = nullptr;
  GstAnalyticsMtd handle;
  while (gst_analytics_relation_meta_iterate(relations, &state, gst_analytics_cls_mtd_get_mtd_type(), &handle)) {
    if (belongsToObject(relations, handle.id)) continue;
    if (readClassification(&handle, record)) return TRUE;
  }
  return FALSE;
}

// Trackers relate object and track in either direction and with various relation types.
static bool trackOf(GstAnalyticsRelationMeta *relations, guint object_id, AnalyticsObject *object) {
  gpointer state = nullptr;
  GstAnalyticsTrackingMtd track;
  while (gst_analytics_relation_meta_iterate(relations, &state, gst_analytics_tracking_mtd_get_mtd_type(), &track)) {
    if (gst_analytics_relation_meta_get_relation(relations, object_id, track.id) == GST_ANALYTICS_REL_TYPE_NONE &&
        gst_analytics_relation_meta_get_relation(relations, track.id, object_id) == GST_ANALYTICS_REL_TYPE_NONE)
      continue;
    GstClockTime first = GST_CLOCK_TIME_NONE, last = GST_CLOCK_TIME_NONE;
    gboolean lost = FALSE;
    guint64 id = 0;
    if (!gst_analytics_tracking_mtd_get_info(&track, &id, &first, &last, &lost)) continue;
    object->track_id = id;
    object->lost = lost;
    return true;
  }
  return false;
}

std::vector<AnalyticsObject> readAnalyticsObjects(GstBuffer *buffer) {
  std::vector<AnalyticsObject> objects;
  GstAnalyticsRelationMeta *relations = gst_buffer_get_analytics_relation_meta(buffer);
  if (!relations) return objects;
  gpointer state = nullptr;
  GstAnalyticsODMtd handle;
  while (gst_analytics_relation_meta_iterate(relations, &state, gst_analytics_od_mtd_get_mtd_type(), &handle)) {
    AnalyticsObject object;
    gfloat confidence = 0;
    if (!gst_analytics_od_mtd_get_location(&handle, &object.x, &object.y, &object.width, &object.height, &confidence)) continue;
    object.id = handle.id;
    object.tracked = trackOf(relations, handle.id, &object);
    objects.push_back(object);
  }
  return objects;
}

gboolean readAnalyticsObjectLabel(GstBuffer *buffer, guint object_id, ActionRecord *record) {
  GstAnalyticsRelationMeta *relations = gst_buffer_get_analytics_relation_meta(buffer);
  if (!relations) return FALSE;
  gpointer state = nullptr;
  GstAnalyticsMtd handle;
  while (gst_analytics_relation_meta_iterate(relations, &state, gst_analytics_cls_mtd_get_mtd_type(), &handle))
    if ((gst_analytics_relation_meta_get_relation(relations, object_id, handle.id) & GST_ANALYTICS_REL_TYPE_CONTAIN) != 0 &&
        readClassification(&handle, record))
      return TRUE;
  return FALSE;
}

void addAnalyticsObjectLabel(GstBuffer *buffer, guint object_id, const ActionRecord &record, const std::vector<GQuark> &quarks) {
  g_return_if_fail(quarks.size() == record.confidences.size() && !quarks.empty());
  GstAnalyticsRelationMeta *relations = gst_buffer_get_analytics_relation_meta(buffer);
  g_return_if_fail(relations != nullptr);
  std::vector<gfloat> levels(record.confidences.begin(), record.confidences.end());
  std::vector<GQuark> classes(quarks);
  GstAnalyticsClsMtd handle;
  if (!gst_analytics_relation_meta_add_cls_mtd(relations, levels.size(), levels.data(), classes.data(), &handle)) return;
  gst_analytics_relation_meta_set_relation(relations, GST_ANALYTICS_REL_TYPE_CONTAIN, object_id, handle.id);
  gst_analytics_relation_meta_set_relation(relations, GST_ANALYTICS_REL_TYPE_IS_PART_OF, handle.id, object_id);
}

#else

std::vector<AnalyticsObject> readAnalyticsObjects(GstBuffer *) { return {}; }
void addAnalyticsObjectLabel(GstBuffer *, guint, const ActionRecord &, const std::vector<GQuark> &) {}
gboolean readAnalyticsObjectLabel(GstBuffer *, guint, ActionRecord *) { return FALSE; }
void addAnalyticsMeta(GstBuffer *, const ActionRecord &, const std::vector<GQuark> &) {}
gboolean readAnalyticsMeta(GstBuffer *, ActionRecord *) { return FALSE; }

#endif

}  // namespace sta::gst
