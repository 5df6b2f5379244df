// SPDX-License-Identifier: MIT
// The properties of staaction: their specifications, and their values on the way between GObject and Settings.
#pragma once

#include <glib-object.h>

#include "settings.h"

namespace sta::gst {

enum SettingProperty : guint {
  kPropModel = 1,
  kPropLabels,
  kPropDevice,
  kPropPrecision,
  kPropInferenceThreads,
  kPropMaxBatch,
  kPropBatchTimeout,
  kPropPruning,
  kPropDropNumber,
  kPropMinDropNumber,
  kPropMaxDropNumber,
  kPropSeed,
  kPropStillThreshold,
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
  kPropSmoothing,
  kPropEnterThreshold,
  kPropExitThreshold,
  kPropMinDuration,
  kPropReleaseDuration,
  kPropClasses,
  kPropBackgroundClass,
  kPropStaticSkip,
  kPropRegion,
  kPropOrientation,
  kPropMaxObjects,
  kPropOnError,
  kPropNumHeads,
  kPropImageSize,
  kPropImageWidth,
  kPropNumFrames,
};

// Installs the settings' properties, and the read-only ones.
void installProperties(GObjectClass *klass);

// Property ids of the read-only ones. The element answers them, because their values come from a run.
enum ReadOnlyProperty : guint { kPropStats = 100, kPropActualHop, kPropActualSampleInterval };

// Whether the property says which model is to run. A change of such a property is a model swap.
bool isModelProperty(guint id);

// FALSE if there is no such setting. The caller holds the OBJECT_LOCK; neither function calls anything outside.
bool setSetting(Settings *settings, guint id, const GValue *value);
bool getSetting(const Settings &settings, guint id, GValue *value);

}  // namespace sta::gst
