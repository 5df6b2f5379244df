// SPDX-License-Identifier: MIT
// Registers, writes and reads StaActionMeta. It writes one for each frame, so it sets fields directly instead of
// parsing format strings.
#include "action_meta.h"

#include <algorithm>
#include <mutex>

namespace sta::gst {
namespace {

// Takes ownership of the value: gst_structure_take_value() does not copy it.
void takeArray(GstStructure *structure, const char *name, GValue *array) { gst_structure_take_value(structure, name, array); }

void setStrings(GstStructure *structure, const char *name, const std::vector<std::string> &items) {
  GValue array = G_VALUE_INIT;
  gst_value_array_init(&array, items.size());
  for (const std::string &item : items) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, G_TYPE_STRING);
    g_value_set_string(&value, item.c_str());
    gst_value_array_append_and_take_value(&array, &value);
  }
  takeArray(structure, name, &array);
}

void setDoubles(GstStructure *structure, const char *name, const std::vector<gdouble> &items) {
  GValue array = G_VALUE_INIT;
  gst_value_array_init(&array, items.size());
  for (gdouble item : items) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, G_TYPE_DOUBLE);
    g_value_set_double(&value, item);
    gst_value_array_append_and_take_value(&array, &value);
  }
  takeArray(structure, name, &array);
}

std::string stringField(const GstStructure *structure, const char *name) {
  const gchar *text = gst_structure_get_string(structure, name);
  return text ? text : "";
}

void readArrays(const GstStructure *structure, ActionRecord *record) {
  const GValue *labels = gst_structure_get_value(structure, "labels");
  const GValue *confidences = gst_structure_get_value(structure, "confidences");
  record->labels.clear();
  record->confidences.clear();
  record->class_ids.clear();
  if (labels && confidences && GST_VALUE_HOLDS_ARRAY(labels) && GST_VALUE_HOLDS_ARRAY(confidences)) {
    const guint count = std::min(gst_value_array_get_size(labels), gst_value_array_get_size(confidences));
    for (guint i = 0; i < count; i++) {
      const GValue *label = gst_value_array_get_value(labels, i);
      const GValue *confidence = gst_value_array_get_value(confidences, i);
      if (!G_VALUE_HOLDS_STRING(label) || !G_VALUE_HOLDS_DOUBLE(confidence)) break;
      record->labels.emplace_back(g_value_get_string(label) ? g_value_get_string(label) : "");
      record->confidences.push_back(g_value_get_double(confidence));
    }
  }
  if (record->labels.empty()) {  // another writer may have set only the fields of the top label
    gdouble confidence = 0;
    if (const gchar *label = gst_structure_get_string(structure, "label")) {
      gst_structure_get_double(structure, "confidence", &confidence);
      record->labels.emplace_back(label);
      record->confidences.push_back(confidence);
    }
  }
  gint class_id = -1;
  gst_structure_get_int(structure, "class-id", &class_id);
  record->class_ids.assign(record->labels.size(), -1);  // the meta stores only the first
  if (!record->class_ids.empty()) record->class_ids[0] = class_id;
}

}  // namespace

void registerActionMeta() {
  static std::once_flag once;
  std::call_once(once, [] {
    static const gchar *no_tags[] = {nullptr};
    if (!gst_meta_get_info(kActionMetaName)) gst_meta_register_custom(kActionMetaName, no_tags, nullptr, nullptr, nullptr);
  });
}

void setRecordFields(GstStructure *structure, const ActionRecord &record) {
  if (!record.labels.empty()) {
    gst_structure_set(structure, "label", G_TYPE_STRING, record.labels[0].c_str(), "class-id", G_TYPE_INT, record.class_ids[0], "confidence",
                      G_TYPE_DOUBLE, record.confidences[0], nullptr);
    setStrings(structure, "labels", record.labels);
    setDoubles(structure, "confidences", record.confidences);
  }
  gst_structure_set(structure, "window-start", G_TYPE_UINT64, record.window_start, "window-end", G_TYPE_UINT64, record.window_end, "window-id",
                    G_TYPE_UINT64, record.window_id, "event-id", G_TYPE_UINT64, record.event_id, "event-onset", G_TYPE_UINT64, record.event_onset,
                    "model", G_TYPE_STRING, record.model.c_str(), "drop-number", G_TYPE_INT, record.drop_number, "tokens", G_TYPE_INT, record.tokens,
                    "gmacs", G_TYPE_DOUBLE, record.gmacs, "inference-time", G_TYPE_UINT64, record.inference_time, "degraded", G_TYPE_BOOLEAN,
                    record.degraded, "stream-id", G_TYPE_STRING, record.stream_id.c_str(), nullptr);
  if (record.is_object) gst_structure_set(structure, "object-id", G_TYPE_UINT64, record.object_id, nullptr);
}

void addActionMeta(GstBuffer *buffer, const ActionRecord &record) {
  g_return_if_fail(!record.labels.empty());
  GstCustomMeta *meta = gst_buffer_add_custom_meta(buffer, kActionMetaName);
  g_return_if_fail(meta != nullptr);
  GstStructure *structure = gst_custom_meta_get_structure(meta);
  setRecordFields(structure, record);
  gst_structure_set(structure, "result-age", G_TYPE_UINT64, record.result_age, nullptr);
}

gboolean readRecordFields(const GstStructure *structure, ActionRecord *record) {
  readArrays(structure, record);
  gst_structure_get_uint64(structure, "window-id", &record->window_id);
  gst_structure_get_uint64(structure, "window-start", &record->window_start);
  gst_structure_get_uint64(structure, "window-end", &record->window_end);
  gst_structure_get_uint64(structure, "event-id", &record->event_id);
  gst_structure_get_uint64(structure, "event-onset", &record->event_onset);
  gst_structure_get_uint64(structure, "inference-time", &record->inference_time);
  gst_structure_get_uint64(structure, "result-age", &record->result_age);
  gst_structure_get_int(structure, "drop-number", &record->drop_number);
  gst_structure_get_int(structure, "tokens", &record->tokens);
  gst_structure_get_double(structure, "gmacs", &record->gmacs);
  gst_structure_get_boolean(structure, "degraded", &record->degraded);
  record->model = stringField(structure, "model");
  record->stream_id = stringField(structure, "stream-id");
  record->is_object = gst_structure_get_uint64(structure, "object-id", &record->object_id);
  return !record->labels.empty();
}

gboolean readActionMeta(GstBuffer *buffer, ActionRecord *record) {
  GstCustomMeta *last = nullptr;
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta(buffer, &state))
    if (gst_meta_info_is_custom(meta->info) && gst_custom_meta_has_name(reinterpret_cast<GstCustomMeta *>(meta), kActionMetaName))
      last = reinterpret_cast<GstCustomMeta *>(meta);
  if (!last) return FALSE;
  return readRecordFields(gst_custom_meta_get_structure(last), record);
}

}  // namespace sta::gst
