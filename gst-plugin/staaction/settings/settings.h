// SPDX-License-Identifier: MIT
// What the user has set on a staaction, kept apart from the state of a run: any thread writes properties under the
// OBJECT_LOCK, and the streaming thread works on a copy. The defaults are written only here; the property
// specifications read them from a default-constructed Settings.
#pragma once

#include <gst/gst.h>
#include <sta/sta.h>

#include <optional>
#include <string>

#include "loader/core_api.h"

namespace sta::gst {

enum Region : gint { kRegionFrame, kRegionObjects };
// One more value beside those of sta_orientation: use upstream's tag.
constexpr gint kOrientationAuto = 8;
enum OnError : gint { kOnErrorFail, kOnErrorContinue };

struct Settings {
  // The model. Read when it is opened (NULL -> READY); if it changes later, it is swapped in the background.
  std::string model;
  std::string labels;
  std::string device = "auto";
  gint precision = STA_PRECISION_AUTO;
  gint num_heads = 0;    // for model files that do not say it; 0 = from the model
  gint image_size = 0;   // pixels
  gint image_width = 0;  // pixels; 0 = image_size
  gint num_frames = 0;
  // Read when a model is opened.
  gint inference_threads = 0;
  gint max_batch = 4;
  guint64 batch_timeout = 0;  // ns

  // A running stream takes these over at its next frame.
  gint pruning = STA_PRUNING_STA;
  gint drop_number = 0;
  gint min_drop_number = 0;  // bounds of drop_number = STA_DROP_AUTO
  gint max_drop_number = 0;  // 0 = the model's largest
  guint64 seed = 0;
  gdouble still_threshold = -1;  // -1 = the model's, 0 = off
  guint64 sample_interval = 0;   // ns, 0 = the model's
  guint64 hop = 0;               // ns, 0 = a quarter of a window
  gint gap_policy = STA_GAP_RESET;
  guint64 max_gap = 0;  // ns, 0 = twice the spacing, at least 500 ms
  gint tail_policy = STA_TAIL_PAD;
  gint resize = STA_RESIZE_AUTO;
  gboolean sync = FALSE;
  gboolean static_skip = TRUE;
  gint region = kRegionFrame;
  gint orientation = kOrientationAuto;
  gint max_objects = 16;
  gint on_error = kOnErrorContinue;

  // Events. A value that is not set comes from the model, or else from the defaults of sta_timeline_options.
  gint smoothing = 0;                              // windows; 0 = not set
  gdouble enter_threshold = -1;                    // -1 = not set
  gdouble exit_threshold = -1;                     // -1 = not set
  guint64 min_duration = GST_CLOCK_TIME_NONE;      // ns; NONE = not set
  guint64 release_duration = GST_CLOCK_TIME_NONE;  // ns; NONE = not set
  std::string classes;                             // labels separated by commas, empty: all
  std::optional<std::string> background_class;     // empty text: none

  // What is published.
  gint top_k = 5;
  gdouble threshold = 0.0;
  guint64 label_ttl = 0;  // ns, 0 = 2 hops + 1 s
  gboolean post_windows = FALSE;
  gboolean enabled = TRUE;
  std::string stream_id;  // empty: the stream id of upstream

  // Counts changes, so that the streaming thread copies only after a change.
  guint64 serial = 1;
};

// Pointers in the result point into `settings`.
sta_engine_options engineOptions(const CoreApi &core, const Settings &settings);
sta_stream_options streamOptions(const CoreApi &core, const Settings &settings);

GType precisionType();
GType pruningType();
GType gapPolicyType();
GType tailPolicyType();
GType resizeType();
GType regionType();
GType orientationType();
GType onErrorType();

}  // namespace sta::gst
