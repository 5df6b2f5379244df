// SPDX-License-Identifier: MIT
// Moves values of properties into and out of Settings, by one table. The GValue says which GLib type a number has:
// gboolean and the enumerations are ints in Settings.
#include <variant>

#include "properties.h"

namespace sta::gst {
namespace {

struct Field {
  guint id;
  std::variant<std::string Settings::*, std::optional<std::string> Settings::*, gint Settings::*, guint64 Settings::*, gdouble Settings::*> member;
};

const Field kFields[] = {
    {kPropModel, &Settings::model},
    {kPropLabels, &Settings::labels},
    {kPropDevice, &Settings::device},
    {kPropPrecision, &Settings::precision},
    {kPropInferenceThreads, &Settings::inference_threads},
    {kPropMaxBatch, &Settings::max_batch},
    {kPropBatchTimeout, &Settings::batch_timeout},
    {kPropPruning, &Settings::pruning},
    {kPropDropNumber, &Settings::drop_number},
    {kPropMinDropNumber, &Settings::min_drop_number},
    {kPropMaxDropNumber, &Settings::max_drop_number},
    {kPropSeed, &Settings::seed},
    {kPropStillThreshold, &Settings::still_threshold},
    {kPropSampleInterval, &Settings::sample_interval},
    {kPropHop, &Settings::hop},
    {kPropSync, &Settings::sync},
    {kPropTopK, &Settings::top_k},
    {kPropThreshold, &Settings::threshold},
    {kPropLabelTtl, &Settings::label_ttl},
    {kPropGapPolicy, &Settings::gap_policy},
    {kPropMaxGap, &Settings::max_gap},
    {kPropTailPolicy, &Settings::tail_policy},
    {kPropResize, &Settings::resize},
    {kPropPostWindows, &Settings::post_windows},
    {kPropEnabled, &Settings::enabled},
    {kPropStreamId, &Settings::stream_id},
    {kPropSmoothing, &Settings::smoothing},
    {kPropEnterThreshold, &Settings::enter_threshold},
    {kPropExitThreshold, &Settings::exit_threshold},
    {kPropMinDuration, &Settings::min_duration},
    {kPropReleaseDuration, &Settings::release_duration},
    {kPropClasses, &Settings::classes},
    {kPropBackgroundClass, &Settings::background_class},
    {kPropStaticSkip, &Settings::static_skip},
    {kPropRegion, &Settings::region},
    {kPropOrientation, &Settings::orientation},
    {kPropMaxObjects, &Settings::max_objects},
    {kPropOnError, &Settings::on_error},
    {kPropNumHeads, &Settings::num_heads},
    {kPropImageSize, &Settings::image_size},
    {kPropImageWidth, &Settings::image_width},
    {kPropNumFrames, &Settings::num_frames},
};

const Field *fieldOf(guint id) {
  for (const Field &field : kFields)
    if (field.id == id) return &field;
  return nullptr;
}

void read(const GValue *value, std::optional<std::string> *out) {
  const gchar *text = g_value_get_string(value);
  *out = text ? std::optional<std::string>(text) : std::nullopt;
}
void read(const GValue *value, std::string *out) {
  const gchar *text = g_value_get_string(value);
  *out = text ? text : "";
}
void read(const GValue *value, gint *out) {
  *out = G_VALUE_HOLDS_ENUM(value) ? g_value_get_enum(value) : G_VALUE_HOLDS_BOOLEAN(value) ? g_value_get_boolean(value) : g_value_get_int(value);
}
void read(const GValue *value, guint64 *out) { *out = g_value_get_uint64(value); }
void read(const GValue *value, gdouble *out) { *out = g_value_get_double(value); }

void write(const std::string &in, GValue *value) { g_value_set_string(value, in.empty() ? nullptr : in.c_str()); }
void write(const std::optional<std::string> &in, GValue *value) { g_value_set_string(value, in ? in->c_str() : nullptr); }
void write(gint in, GValue *value) {
  if (G_VALUE_HOLDS_ENUM(value))
    g_value_set_enum(value, in);
  else if (G_VALUE_HOLDS_BOOLEAN(value))
    g_value_set_boolean(value, in);
  else
    g_value_set_int(value, in);
}
void write(guint64 in, GValue *value) { g_value_set_uint64(value, in); }
void write(gdouble in, GValue *value) { g_value_set_double(value, in); }

}  // namespace

bool isModelProperty(guint id) {
  return id == kPropModel || id == kPropLabels || id == kPropDevice || id == kPropPrecision || id == kPropNumHeads || id == kPropImageSize ||
         id == kPropImageWidth || id == kPropNumFrames;
}

bool setSetting(Settings *settings, guint id, const GValue *value) {
  const Field *field = fieldOf(id);
  if (!field) return false;
  std::visit([&](auto member) { read(value, &(settings->*member)); }, field->member);
  settings->serial++;
  return true;
}

bool getSetting(const Settings &settings, guint id, GValue *value) {
  const Field *field = fieldOf(id);
  if (!field) return false;
  std::visit([&](auto member) { write(settings.*member, value); }, field->member);
  return true;
}

}  // namespace sta::gst
