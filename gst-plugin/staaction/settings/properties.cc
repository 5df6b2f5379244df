// SPDX-License-Identifier: MIT
// Name, text and range of each property. There are two kinds. The engine reads how it computes only when it is opened,
// so those properties can be changed up to READY. All others can be changed at any time: another model is swapped in
// the background, and the rest holds from the next window on. A GstController can drive the numbers of the second kind.
#include "properties.h"

#include <gst/gst.h>

namespace sta::gst {
namespace {

constexpr GParamFlags kReady = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
constexpr GParamFlags kPlaying = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
constexpr GParamFlags kControllable = static_cast<GParamFlags>(kPlaying | GST_PARAM_CONTROLLABLE);
constexpr GParamFlags kReadOnly = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

void installModelProperties(GObjectClass *klass, const Settings &d) {
  g_object_class_install_property(
      klass, kPropModel,
      g_param_spec_string(
          "model", "Model",
          "Model folder (Hugging Face layout of a VideoMAE, V-JEPA 2, ViViT or TimeSformer; a Video Swin), .safetensors, .pth or .bin file; "
          "\"arch:vit_base\" and the like for generated weights. Required. Set while running: loaded in "
          "the background, takes over at a window boundary; one that cannot be used is a warning.",
          nullptr, kPlaying));
  g_object_class_install_property(
      klass, kPropLabels,
      g_param_spec_string("labels", "Labels",
                          "File with as many labels as the model has classes: lines, numbered lines, CSV or JSON (unset: the labels of the model)",
                          nullptr, kPlaying));
  g_object_class_install_property(
      klass, kPropDevice,
      g_param_spec_string("device", "Device", "Where the model runs: auto (CUDA if it works, else CPU), cpu, cuda, cuda:N", d.device.c_str(),
                          kPlaying));
  g_object_class_install_property(klass, kPropPrecision,
                                  g_param_spec_enum("precision", "Precision", "Arithmetic of the model", precisionType(), d.precision, kPlaying));
  g_object_class_install_property(
      klass, kPropNumHeads,
      g_param_spec_int("num-heads", "Number of heads", "Attention heads, of a model file that does not say (0 = from the model)", 0, 1024,
                       d.num_heads, kPlaying));
  g_object_class_install_property(
      klass, kPropImageSize,
      g_param_spec_int("image-size", "Image size",
                       "Height and width of the input in pixels, of a model file that does not say and has not 224 (0 = from the model)", 0, 4096,
                       d.image_size, kPlaying));
  g_object_class_install_property(
      klass, kPropImageWidth,
      g_param_spec_int("image-width", "Image width", "Width of the input in pixels where it is not image-size, which is its height then (0 = square)",
                       0, 4096, d.image_width, kPlaying));
  g_object_class_install_property(
      klass, kPropNumFrames,
      g_param_spec_int("num-frames", "Number of frames",
                       "Frames of a window, of a model file that does not say and has not 16, Video Swin 32 (0 = from the model)", 0, 1024,
                       d.num_frames, kPlaying));
  g_object_class_install_property(
      klass, kPropInferenceThreads,
      g_param_spec_int("inference-threads", "Inference threads",
                       "CPU threads of a forward pass (0 = all cores but one); the worker runs at lower priority than the streaming threads", 0, 256,
                       d.inference_threads, kReady));
  g_object_class_install_property(
      klass, kPropMaxBatch,
      g_param_spec_int("max-batch", "Maximum batch", "Most windows, of all streams that share the model in this process, in one forward pass", 1, 64,
                       d.max_batch, kReady));
  g_object_class_install_property(
      klass, kPropBatchTimeout,
      g_param_spec_uint64("batch-timeout", "Batch timeout",
                          "Longest time in ns that a window waits for those of other streams with this model, so that they share a forward pass", 0,
                          GST_SECOND, d.batch_timeout, kReady));
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
  g_object_class_install_property(
      klass, kPropStillThreshold,
      g_param_spec_double("still-threshold", "Still threshold",
                          "Tokens whose normalised pixels changed on average by less than this (0 to 10) are dropped before the first block "
                          "(0 = off, -1 = the model's, else off); plain ViTs only",
                          -1.0, 10.0, d.still_threshold, kControllable));
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
      g_param_spec_int("smoothing", "Smoothing", "Windows that scores are averaged over before they make events (1 = none, 0 = the model's, else 1)",
                       0, 1000, d.smoothing, kPlaying));
  g_object_class_install_property(klass, kPropEnterThreshold,
                                  g_param_spec_double("enter-threshold", "Enter threshold",
                                                      "Smoothed score (0 to 1) at which the event of a class starts (-1 = the model's, else 0.5)",
                                                      -1.0, 1.0, d.enter_threshold, kPlaying));
  g_object_class_install_property(klass, kPropExitThreshold,
                                  g_param_spec_double("exit-threshold", "Exit threshold",
                                                      "Smoothed score (0 to enter-threshold) below which the event of a class ends (-1 = the "
                                                      "model's, else 0.4); set alone, it raises enter-threshold to it",
                                                      -1.0, 1.0, d.exit_threshold, kPlaying));
  g_object_class_install_property(
      klass, kPropMinDuration,
      g_param_spec_uint64("min-duration", "Minimum duration",
                          "Time in ns that a class has to reach enter-threshold before its event starts (18446744073709551615 = the model's, else 0)",
                          0, G_MAXUINT64, d.min_duration, kPlaying));
  g_object_class_install_property(
      klass, kPropReleaseDuration,
      g_param_spec_uint64("release-duration", "Release duration",
                          "Time in ns that a class has to be below exit-threshold before its event ends (18446744073709551615 = the model's, else 0)",
                          0, G_MAXUINT64, d.release_duration, kPlaying));
  g_object_class_install_property(
      klass, kPropClasses,
      g_param_spec_string("classes", "Classes", "Labels, separated by commas, that can become events (unset: all)", nullptr, kPlaying));
  g_object_class_install_property(klass, kPropBackgroundClass,
                                  g_param_spec_string("background-class", "Background class",
                                                      "Label that never becomes an event (unset = the model's, empty = none)", nullptr, kPlaying));
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

void installRegionProperties(GObjectClass *klass, const Settings &d) {
  g_object_class_install_property(
      klass, kPropRegion,
      g_param_spec_enum("region", "Region", "What a window shows: the whole frame, or each object that upstream has detected and given a track id",
                        regionType(), d.region, kPlaying));
  g_object_class_install_property(
      klass, kPropOrientation,
      g_param_spec_enum(
          "orientation", "Orientation",
          "How the model sees frames turned; they go on as they are. Behind an element that turns them itself, such as videoflip, it should be none",
          orientationType(), d.orientation, kPlaying));
  g_object_class_install_property(
      klass, kPropMaxObjects,
      g_param_spec_int("max-objects", "Maximum objects",
                       "Most objects that have windows at a time (region=objects); a newer one takes the place of the one not seen for longest", 1,
                       256, d.max_objects, kPlaying));
}

void installRobustnessProperties(GObjectClass *klass, const Settings &d) {
  g_object_class_install_property(
      klass, kPropStaticSkip,
      g_param_spec_boolean("static-skip", "Static skip",
                           "TRUE: a window whose pixels all equal those of the one before takes over its result without a forward pass",
                           d.static_skip, kPlaying));
  g_object_class_install_property(
      klass, kPropOnError,
      g_param_spec_enum("on-error", "On error", "What a window does that could not be classified", onErrorType(), d.on_error, kPlaying));
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
      g_param_spec_boxed(
          "stats", "Statistics",
          "application/x-sta-stats: frames, windows (classified, reused, skipped, failed, discarded), objects, gaps, resets, model swaps and times "
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
  installRegionProperties(klass, defaults);
  installRobustnessProperties(klass, defaults);
  installPublishingProperties(klass, defaults);
  installReadOnlyProperties(klass);
}

}  // namespace sta::gst
