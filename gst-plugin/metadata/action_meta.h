// SPDX-License-Identifier: MIT
// StaActionMeta: the label of a frame as a GstCustomMeta, which every GStreamer since 1.20 has, which other languages
// read without our headers (it is a GstStructure), and which can be serialised. Registered without tags: elements that
// make new buffers (converters, scalers, encoders) drop metas whose tags they do not know, and copy untagged ones.
//
// Fields: label (string), class-id (int), confidence (double), labels (array of string), confidences (array of double),
// window-start, window-end (uint64, ns of running time), window-id (uint64), event-id (uint64, 0 = none), event-onset
// (uint64, ns of running time), model (string), drop-number (int), inference-time (uint64, ns), result-age (uint64,
// ns), degraded (boolean), stream-id (string).
#pragma once

#include <gst/gst.h>

#include "action_record.h"

namespace sta::gst {

inline constexpr const char *kActionMetaName = "StaActionMeta";

// Registers the meta with GStreamer; any number of calls from any thread.
void registerActionMeta();

// Puts a record on a writable buffer. The record has at least one label.
void addActionMeta(GstBuffer *buffer, const ActionRecord &record);

// Reads the record that was put on last (several staaction in a row each add one); FALSE if there is none.
gboolean readActionMeta(GstBuffer *buffer, ActionRecord *record);

// The fields that messages and metas share, written into a structure.
void setRecordFields(GstStructure *structure, const ActionRecord &record);

// Reads the fields of a StaActionMeta; FALSE if they name no label.
gboolean readRecordFields(const GstStructure *structure, ActionRecord *record);

}  // namespace sta::gst
