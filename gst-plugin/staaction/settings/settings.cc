// SPDX-License-Identifier: MIT
// Turns Settings into the option structs of sta.h, and registers the enumerations as GLib types. The enumerations have
// the values of sta.h, so no table translates them.
#include "settings.h"

namespace sta::gst {

sta_engine_options engineOptions(const CoreApi &core, const Settings &settings) {
  sta_engine_options options;
  core.sta_engine_options_init_sized(&options, sizeof(options));
  options.model = settings.model.c_str();
  options.labels = settings.labels.empty() ? nullptr : settings.labels.c_str();
  options.device = settings.device.empty() ? nullptr : settings.device.c_str();
  options.precision = static_cast<sta_precision>(settings.precision);
  options.num_heads = settings.num_heads;
  options.image_size = settings.image_size;
  options.image_width = settings.image_width;
  options.num_frames = settings.num_frames;
  options.inference_threads = settings.inference_threads;
  options.max_batch = settings.max_batch;
  options.batch_timeout = settings.batch_timeout;
  return options;
}

sta_stream_options streamOptions(const CoreApi &core, const Settings &settings) {
  sta_stream_options options;
  core.sta_stream_options_init_sized(&options, sizeof(options));
  options.sample_interval = settings.sample_interval;
  options.hop = settings.hop;
  options.gap_policy = static_cast<sta_gap_policy>(settings.gap_policy);
  options.max_gap = settings.max_gap;
  options.tail_policy = static_cast<sta_tail_policy>(settings.tail_policy);
  options.pruning = static_cast<sta_pruning>(settings.pruning);
  options.drop_number = settings.drop_number;
  options.min_drop_number = settings.min_drop_number;
  options.max_drop_number = settings.max_drop_number;
  options.seed = settings.seed;
  options.still_threshold = static_cast<float>(settings.still_threshold);
  options.resize = static_cast<sta_resize>(settings.resize);
  options.blocking = settings.sync;
  options.static_skip = settings.static_skip;
  return options;
}

// Registers the type once for the process, even if several threads ask at the same time.
static GType registerEnum(gsize *once, const gchar *name, const GEnumValue *values) {
  if (g_once_init_enter(once)) {
    const GType type = g_enum_register_static(name, values);
    gst_type_mark_as_plugin_api(type, static_cast<GstPluginAPIFlags>(0));
    g_once_init_leave(once, type);
  }
  return *once;
}

GType precisionType() {
  static gsize once = 0;
  static const GEnumValue values[] = {{STA_PRECISION_AUTO, "bf16 where the device multiplies it natively, else fp32", "auto"},
                                      {STA_PRECISION_FP32, "32-bit floating point", "fp32"},
                                      {STA_PRECISION_BF16, "bfloat16, token scoring in fp32", "bf16"},
                                      {STA_PRECISION_FP16, "16-bit floating point, token scoring in fp32", "fp16"},
                                      {0, nullptr, nullptr}};
  return registerEnum(&once, "GstStaActionPrecision", values);
}

GType pruningType() {
  static gsize once = 0;
  static const GEnumValue values[] = {{STA_PRUNING_STA, "Semantic-aware temporal accumulation, the rule of the STA paper", "sta"},
                                      {STA_PRUNING_RANDOM, "As many tokens, chosen by a seeded generator", "random"},
                                      {STA_PRUNING_NONE, "No pruning, drop-number is ignored", "none"},
                                      {0, nullptr, nullptr}};
  return registerEnum(&once, "GstStaActionPruning", values);
}

GType gapPolicyType() {
  static gsize once = 0;
  static const GEnumValue values[] = {{STA_GAP_RESET, "Drop the half-filled window and begin anew at the next frame", "reset"},
                                      {STA_GAP_HOLD, "Repeat the last frame over the gap, such windows are degraded", "hold"},
                                      {0, nullptr, nullptr}};
  return registerEnum(&once, "GstStaActionGapPolicy", values);
}

GType tailPolicyType() {
  static gsize once = 0;
  static const GEnumValue values[] = {
      {STA_TAIL_PAD, "Pad a window that is at least half full with its last frame and classify it as degraded", "pad"},
      {STA_TAIL_DROP, "Drop the unfinished window", "drop"},
      {0, nullptr, nullptr}};
  return registerEnum(&once, "GstStaActionTailPolicy", values);
}

GType resizeType() {
  static gsize once = 0;
  static const GEnumValue values[] = {{STA_RESIZE_AUTO, "As the model folder says, bilinear where it is silent", "auto"},
                                      {STA_RESIZE_BILINEAR, "Bilinear without antialiasing, as most published models were tested", "bilinear"},
                                      {STA_RESIZE_ANTIALIAS, "Triangle filter over all source pixels", "antialias"},
                                      {0, nullptr, nullptr}};
  return registerEnum(&once, "GstStaActionResize", values);
}

GType orientationType() {
  static gsize once = 0;
  static const GEnumValue values[] = {{STA_ORIENTATION_NONE, "As they are", "none"},
                                      {STA_ORIENTATION_90R, "Rotated clockwise by 90 degrees", "90r"},
                                      {STA_ORIENTATION_180, "Rotated by 180 degrees", "180"},
                                      {STA_ORIENTATION_90L, "Rotated counter-clockwise by 90 degrees", "90l"},
                                      {STA_ORIENTATION_HORIZONTAL, "Flipped horizontally", "horiz"},
                                      {STA_ORIENTATION_VERTICAL, "Flipped vertically", "vert"},
                                      {STA_ORIENTATION_TRANSPOSED, "Flipped across the upper left/lower right diagonal", "ul-lr"},
                                      {STA_ORIENTATION_ANTITRANSPOSED, "Flipped across the upper right/lower left diagonal", "ur-ll"},
                                      {kOrientationAuto, "As upstream's image-orientation tag says", "auto"},
                                      {0, nullptr, nullptr}};
  return registerEnum(&once, "GstStaActionOrientation", values);
}

GType regionType() {
  static gsize once = 0;
  static const GEnumValue values[] = {{kRegionFrame, "The whole frame, one window stream", "frame"},
                                      {kRegionObjects, "Objects that upstream has detected and tracked, one window stream each", "objects"},
                                      {0, nullptr, nullptr}};
  return registerEnum(&once, "GstStaActionRegion", values);
}

GType onErrorType() {
  static gsize once = 0;
  static const GEnumValue values[] = {{kOnErrorFail, "The element posts an error and the stream ends", "fail"},
                                      {kOnErrorContinue, "The window is counted as failed, a warning says why, the stream goes on", "continue"},
                                      {0, nullptr, nullptr}};
  return registerEnum(&once, "GstStaActionOnError", values);
}

}  // namespace sta::gst
