// SPDX-License-Identifier: MIT
// StaActionMeta: the label of a frame as a GstCustomMeta. Every GStreamer since 1.20 has custom metas. They are
// GstStructures, so other languages read them without our headers, and they can be serialised. StaActionMeta has no
// tags: elements that make new buffers (converters, scalers, encoders) copy untagged metas, but drop metas with tags
// that they do not know.
//
// Fields: label (string), class-id (int), confidence (double), labels (array of string), confidences (array of double),
// window-start, window-end (uint64, ns of running time), window-id (uint64), event-id (uint64, 0 = none), event-onset
// (uint64, ns of running time), model (string), drop-number (int), tokens (int), gmacs (double), inference-time
// (uint64, ns), result-age (uint64, ns), degraded (boolean), stream-id (string).
#pragma once

#include <gst/gst.h>

#include "action_record.h"

namespace sta::gst {

inline constexpr const char *kActionMetaName = "StaActionMeta";

// Registers the meta with GStreamer. May be called any number of times, from any thread.
void registerActionMeta();

// Puts a record on a writable buffer. The record has at least one label.
void addActionMeta(GstBuffer *buffer, const ActionRecord &record);

// Reads the newest record (several staaction in a row each add one). FALSE if there is none.
gboolean readActionMeta(GstBuffer *buffer, ActionRecord *record);

// The fields that messages and metas share, written into a structure.
void setRecordFields(GstStructure *structure, const ActionRecord &record);

// Reads the fields of a StaActionMeta; FALSE if they name no label.
gboolean readRecordFields(const GstStructure *structure, ActionRecord *record);

}  // namespace sta::gst
