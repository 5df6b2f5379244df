// SPDX-License-Identifier: MIT
// Two kinds: what decides which engine is opened can be changed up to READY, everything else at any time (it holds from the next window on). Numbers
// of the second kind can be driven by a GstController.
#include "properties.h"

#include <gst/gst.h>

namespace sta::gst {
namespace {

enum SettingProperty : guint {
  kPropModel = 1,
  kPropLabels,
  kPropDevice,
  kPropPrecision,
  kPropInferenceThreads,
  kPropMaxBatch,
  kPropPruning,
  kPropDropNumber,
  kPropSeed,
  kPropSampleInterval,
  kPropHop,
  kPropSync,
  kPropTopK,
  kPropThreshold,
  kPropLabelTtl,
  kPropGapPolicy,
  kPropMaxGap,
  kPropTailPolicy,
  kPropResize,
  kPropPostWindows,
  kPropEnabled,
  kPropStreamId,
  kPropMinDropNumber,
  kPropMaxDropNumber,
  kPropSmoothing,
  kPropEnterThreshold,
  kPropExitThreshold,
  kPropMinDuration,
  kPropReleaseDuration,
  kPropClasses,
  kPropBackgroundClass,
};

constexpr GParamFlags kReady = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
constexpr GParamFlags kPlaying = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
constexpr GParamFlags kControllable = static_cast<GParamFlags>(kPlaying | GST_PARAM_CONTROLLABLE);
constexpr GParamFlags kReadOnly = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

void setString(std::string *target, const GValue *value) {
  const gchar *text = g_value_get_string(value);
  *target = text ? text : "";
}

void getString(const std::string &text, GValue *value) { g_value_set_string(value, text.empty() ? nullptr : text.c_str()); }

void installModelProperties(GObjectClass *klass, const Settings &d) {
  g_object_class_install_property(klass, kPropModel,
                                  g_param_spec_string("model", "Model",
                                                      "Model folder (Hugging Face VideoMAE layout), .safetensors, .pth or .bin file; "
                                                      "\"arch:vit_base\" and the like for generated weights. Required.",
                                                      nullptr, kReady));
  g_object_class_install_property(
      klass, kPropLabels,
      g_param_spec_string("labels", "Labels", "Text file with one label a line, as many as the model has classes (unset: the labels of the model)",
                          nullptr, kReady));
  g_object_class_install_property(
      klass, kPropDevice,
      g_param_spec_string("device", "Device", "Where the model runs: auto (CUDA if it works, else CPU), cpu, cuda, cuda:N", d.device.c_str(),
                          kReady));
  g_object_class_install_property(klass, kPropPrecision,
                                  g_param_spec_enum("precision", "Precision", "Arithmetic of the model", precisionType(), d.precision, kReady));
  g_object_class_install_property(
      klass, kPropInferenceThreads,
      g_param_spec_int("inference-threads", "Inference threads",
                       "CPU threads of a forward pass (0 = all cores but one); the worker runs at lower priority than the streaming threads", 0, 256,
                       d.inference_threads, kReady));
  g_object_class_install_property(
      klass, kPropMaxBatch,
      g_param_spec_int("max-batch", "Maximum batch", "Most windows, of all streams that share the model in this process, in one forward pass", 1, 64,
                       d.max_batch, kReady));
}

void installPruningProperties(GObjectClass *klass, const Settings &d) {
  g_object_class_install_property(klass, kPropPruning,
                                  g_param_spec_enum("pruning", "Pruning", "Rule by which tokens are dropped", pruningType(), d.pruning, kPlaying));
  g_object_class_install_property(
      klass, kPropDropNumber,
      g_param_spec_int(
          "drop-number", "Drop number",
          "Tokens dropped per group and pruning call (0 = none, -1 = the smallest that keeps up; the largest depends on the model, 98 for 224x224)",
          STA_DROP_AUTO, G_MAXINT, d.drop_number, kControllable));
  g_object_class_install_property(klass, kPropSeed,
                                  g_param_spec_uint64("seed", "Seed", "Seed of pruning=random", 0, G_MAXUINT64, d.seed, kControllable));
}

void installAdaptiveProperties(GObjectClass *klass, const Settings &d) {
  g_object_class_install_property(klass, kPropMinDropNumber,
                                  g_param_spec_int("min-drop-number", "Minimum drop number", "Least number that drop-number=-1 chooses", 0, G_MAXINT,
                                                   d.min_drop_number, kPlaying));
  g_object_class_install_property(
      klass, kPropMaxDropNumber,
      g_param_spec_int("max-drop-number", "Maximum drop number", "Largest number that drop-number=-1 chooses (0 = the largest of the model)", 0,
                       G_MAXINT, d.max_drop_number, kPlaying));
}

void installEventProperties(GObjectClass *klass, const Settings &d) {
  g_object_class_install_property(
      klass, kPropSmoothing,
      g_param_spec_int("smoothing", "Smoothing", "Windows that scores are averaged over before they make events (1 = none)", 1, 1000, d.smoothing,
                       kPlaying));
  g_object_class_install_property(
      klass, kPropEnterThreshold,
      g_param_spec_double("enter-threshold", "Enter threshold", "Smoothed score (0 to 1) at which the event of a class starts", 0.0, 1.0,
                          d.enter_threshold, kPlaying));
  g_object_class_install_property(
      klass, kPropExitThreshold,
      g_param_spec_double("exit-threshold", "Exit threshold", "Smoothed score (0 to enter-threshold) below which the event of a class ends", 0.0, 1.0,
                          d.exit_threshold, kPlaying));
  g_object_class_install_property(
      klass, kPropMinDuration,
      g_param_spec_uint64("min-duration", "Minimum duration", "Time in ns that a class has to reach enter-threshold before its event starts", 0,
                          G_MAXUINT64 - 1, d.min_duration, kPlaying));
  g_object_class_install_property(
      klass, kPropReleaseDuration,
      g_param_spec_uint64("release-duration", "Release duration", "Time in ns that a class has to be below exit-threshold before its event ends", 0,
                          G_MAXUINT64 - 1, d.release_duration, kPlaying));
  g_object_class_install_property(
      klass, kPropClasses,
      g_param_spec_string("classes", "Classes", "Labels, separated by commas, that can become events (unset: all)", nullptr, kPlaying));
  g_object_class_install_property(
      klass, kPropBackgroundClass,
      g_param_spec_string("background-class", "Background class", "Label that never becomes an event", nullptr, kPlaying));
}

void installWindowProperties(GObjectClass *klass, const Settings &d) {
  g_object_class_install_property(
      klass, kPropSampleInterval,
      g_param_spec_uint64("sample-interval", "Sample interval", "Time between the frames of a window in ns (0 = the model's)", 0, G_MAXUINT64 - 1,
                          d.sample_interval, kControllable));
  g_object_class_install_property(
      klass, kPropHop,
      g_param_spec_uint64("hop", "Hop",
                          "Time from one window to the next in ns, rounded up to a multiple of the sample interval (0 = a quarter of a window)", 0,
                          G_MAXUINT64 - 1, d.hop, kControllable));
  g_object_class_install_property(klass, kPropGapPolicy,
                                  g_param_spec_enum("gap-policy", "Gap policy", "What a gap in the stream does to the window that it falls into",
                                                    gapPolicyType(), d.gap_policy, kPlaying));
  g_object_class_install_property(
      klass, kPropMaxGap,
      g_param_spec_uint64("max-gap", "Maximum gap", "A longer time without a frame, in ns, is a gap (0 = twice the sample interval, at least 500 ms)",
                          0, G_MAXUINT64 - 1, d.max_gap, kControllable));
  g_object_class_install_property(klass, kPropTailPolicy,
                                  g_param_spec_enum("tail-policy", "Tail policy", "What becomes of the unfinished window at the end of the stream",
                                                    tailPolicyType(), d.tail_policy, kPlaying));
  g_object_class_install_property(
      klass, kPropResize, g_param_spec_enum("resize", "Resize", "How frames are scaled to the model's size", resizeType(), d.resize, kPlaying));
  g_object_class_install_property(
      klass, kPropSync,
      g_param_spec_boolean(
          "sync", "Synchronous",
          "TRUE: wait for each window and label the frame that completed it (files); FALSE: never wait, skip windows if need be (live)", d.sync,
          kPlaying));
}

void installPublishingProperties(GObjectClass *klass, const Settings &d) {
  g_object_class_install_property(klass, kPropTopK,
                                  g_param_spec_int("top-k", "Top k", "Labels per window, most probable first", 1, 1000, d.top_k, kControllable));
  g_object_class_install_property(
      klass, kPropThreshold,
      g_param_spec_double("threshold", "Threshold", "A label of lower confidence (0 to 1) is not put on frames; messages tell of it all the same",
                          0.0, 1.0, d.threshold, kControllable));
  g_object_class_install_property(
      klass, kPropLabelTtl,
      g_param_spec_uint64("label-ttl", "Label time to live",
                          "Longest time in ns that frames carry a label from the first that did, if no newer one comes (0 = two hops and one second)",
                          0, G_MAXUINT64 - 1, d.label_ttl, kControllable));
  g_object_class_install_property(
      klass, kPropPostWindows,
      g_param_spec_boolean("post-windows", "Post windows", "Post an element message \"sta-window\" for each window", d.post_windows, kPlaying));
  g_object_class_install_property(
      klass, kPropEnabled,
      g_param_spec_boolean("enabled", "Enabled", "FALSE: frames pass without being looked at; switching forgets the window", d.enabled, kPlaying));
  g_object_class_install_property(
      klass, kPropStreamId,
      g_param_spec_string("stream-id", "Stream id", "Name of this stream in metadata and messages (unset: the upstream element's stream id)", nullptr,
                          kPlaying));
}

void installReadOnlyProperties(GObjectClass *klass) {
  g_object_class_install_property(
      klass, kPropStats,
      g_param_spec_boxed("stats", "Statistics",
                         "application/x-sta-stats: frames, windows (classified, skipped, failed, discarded), gaps, resets and times "
                         "in ns of the current run",
                         GST_TYPE_STRUCTURE, kReadOnly));
  g_object_class_install_property(
      klass, kPropActualHop,
      g_param_spec_uint64("actual-hop", "Actual hop", "Time from one window to the next that is really used, in ns (0: no model open)", 0,
                          G_MAXUINT64, 0, kReadOnly));
  g_object_class_install_property(
      klass, kPropActualSampleInterval,
      g_param_spec_uint64("actual-sample-interval", "Actual sample interval",
                          "Time between the frames of a window that is really used, in ns (0: no model open)", 0, G_MAXUINT64, 0, kReadOnly));
}

}  // namespace

void installProperties(GObjectClass *klass) {
  const Settings defaults;
  installModelProperties(klass, defaults);
  installPruningProperties(klass, defaults);
  installAdaptiveProperties(klass, defaults);
  installEventProperties(klass, defaults);
  installWindowProperties(klass, defaults);
  installPublishingProperties(klass, defaults);
  installReadOnlyProperties(klass);
}

bool setSetting(Settings *s, guint id, const GValue *value) {
  switch (id) {
    case kPropModel:
      setString(&s->model, value);
      break;
    case kPropLabels:
      setString(&s->labels, value);
      break;
    case kPropDevice:
      setString(&s->device, value);
      break;
    case kPropPrecision:
      s->precision = g_value_get_enum(value);
      break;
    case kPropInferenceThreads:
      s->inference_threads = g_value_get_int(value);
      break;
    case kPropMaxBatch:
      s->max_batch = g_value_get_int(value);
      break;
    case kPropPruning:
      s->pruning = g_value_get_enum(value);
      break;
    case kPropDropNumber:
      s->drop_number = g_value_get_int(value);
      break;
    case kPropSeed:
      s->seed = g_value_get_uint64(value);
      break;
    case kPropSampleInterval:
      s->sample_interval = g_value_get_uint64(value);
      break;
    case kPropHop:
      s->hop = g_value_get_uint64(value);
      break;
    case kPropSync:
      s->sync = g_value_get_boolean(value);
      break;
    case kPropTopK:
      s->top_k = g_value_get_int(value);
      break;
    case kPropThreshold:
      s->threshold = g_value_get_double(value);
      break;
    case kPropLabelTtl:
      s->label_ttl = g_value_get_uint64(value);
      break;
    case kPropGapPolicy:
      s->gap_policy = g_value_get_enum(value);
      break;
    case kPropMaxGap:
      s->max_gap = g_value_get_uint64(value);
      break;
    case kPropTailPolicy:
      s->tail_policy = g_value_get_enum(value);
      break;
    case kPropResize:
      s->resize = g_value_get_enum(value);
      break;
    case kPropPostWindows:
      s->post_windows = g_value_get_boolean(value);
      break;
    case kPropEnabled:
      s->enabled = g_value_get_boolean(value);
      break;
    case kPropStreamId:
      setString(&s->stream_id, value);
      break;
    case kPropMinDropNumber:
      s->min_drop_number = g_value_get_int(value);
      break;
    case kPropMaxDropNumber:
      s->max_drop_number = g_value_get_int(value);
      break;
    case kPropSmoothing:
      s->smoothing = g_value_get_int(value);
      break;
    case kPropEnterThreshold:
      s->enter_threshold = g_value_get_double(value);
      break;
    case kPropExitThreshold:
      s->exit_threshold = g_value_get_double(value);
      break;
    case kPropMinDuration:
      s->min_duration = g_value_get_uint64(value);
      break;
    case kPropReleaseDuration:
      s->release_duration = g_value_get_uint64(value);
      break;
    case kPropClasses:
      setString(&s->classes, value);
      break;
    case kPropBackgroundClass:
      setString(&s->background_class, value);
      break;
    default:
      return false;
  }
  s->serial++;
  return true;
}

bool getSetting(const Settings &s, guint id, GValue *value) {
  switch (id) {
    case kPropModel:
      getString(s.model, value);
      return true;
    case kPropLabels:
      getString(s.labels, value);
      return true;
    case kPropDevice:
      getString(s.device, value);
      return true;
    case kPropPrecision:
      g_value_set_enum(value, s.precision);
      return true;
    case kPropInferenceThreads:
      g_value_set_int(value, s.inference_threads);
      return true;
    case kPropMaxBatch:
      g_value_set_int(value, s.max_batch);
      return true;
    case kPropPruning:
      g_value_set_enum(value, s.pruning);
      return true;
    case kPropDropNumber:
      g_value_set_int(value, s.drop_number);
      return true;
    case kPropSeed:
      g_value_set_uint64(value, s.seed);
      return true;
    case kPropSampleInterval:
      g_value_set_uint64(value, s.sample_interval);
      return true;
    case kPropHop:
      g_value_set_uint64(value, s.hop);
      return true;
    case kPropSync:
      g_value_set_boolean(value, s.sync);
      return true;
    case kPropTopK:
      g_value_set_int(value, s.top_k);
      return true;
    case kPropThreshold:
      g_value_set_double(value, s.threshold);
      return true;
    case kPropLabelTtl:
      g_value_set_uint64(value, s.label_ttl);
      return true;
    case kPropGapPolicy:
      g_value_set_enum(value, s.gap_policy);
      return true;
    case kPropMaxGap:
      g_value_set_uint64(value, s.max_gap);
      return true;
    case kPropTailPolicy:
      g_value_set_enum(value, s.tail_policy);
      return true;
    case kPropResize:
      g_value_set_enum(value, s.resize);
      return true;
    case kPropPostWindows:
      g_value_set_boolean(value, s.post_windows);
      return true;
    case kPropEnabled:
      g_value_set_boolean(value, s.enabled);
      return true;
    case kPropStreamId:
      getString(s.stream_id, value);
      return true;
    case kPropMinDropNumber:
      g_value_set_int(value, s.min_drop_number);
      return true;
    case kPropMaxDropNumber:
      g_value_set_int(value, s.max_drop_number);
      return true;
    case kPropSmoothing:
      g_value_set_int(value, s.smoothing);
      return true;
    case kPropEnterThreshold:
      g_value_set_double(value, s.enter_threshold);
      return true;
    case kPropExitThreshold:
      g_value_set_double(value, s.exit_threshold);
      return true;
    case kPropMinDuration:
      g_value_set_uint64(value, s.min_duration);
      return true;
    case kPropReleaseDuration:
      g_value_set_uint64(value, s.release_duration);
      return true;
    case kPropClasses:
      getString(s.classes, value);
      return true;
    case kPropBackgroundClass:
      getString(s.background_class, value);
      return true;
    default:
      return false;
  }
}

}  // namespace sta::gst
