// SPDX-License-Identifier: MIT
// The pipeline behind `sta classify`. It decodes any file or URI, sends it through staaction in sync mode, and writes
// nothing or an annotated MP4. The labels come from the element's own messages, so the printed labels are the same that
// every application gets.
#pragma once

#include <gst/gst.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "no_window.h"

namespace cli {

struct ClassifyRequest {
  std::string video;     // path or URI
  std::string annotate;  // MP4 to write, or empty
  double rate = 0;       // pictures a second in a sequence; 0: not given
  /// Properties of staaction as text, in the syntax of gst-launch.
  std::vector<std::pair<std::string, std::string>> properties;
};

/// One sta-window message.
struct ClassifiedWindow {
  guint64 id = 0;
  double start = 0, end = 0;  // s, stream time of the file
  std::vector<std::pair<std::string, double>> top;
  bool below_threshold = false, degraded = false;
  int drop_number = 0, tokens = 0;
  double gmacs = 0;
  double inference_ms = 0;
  std::string error;  // empty if classified
};

struct ClassifyOutcome {
  size_t windows = 0;
  SeenVideo seen;
};

/// Finds the elements, also when run from the build folder. Throws RunError.
void prepare_gstreamer();

/// Plays the video to its end. Calls `window` for every window, and `progress` (0 .. 1, or -1 if the length is unknown)
/// a few times a second. Throws RunError with the pipeline's first error.
ClassifyOutcome classify_video(const ClassifyRequest &request, const std::function<void(const ClassifiedWindow &)> &window,
                               const std::function<void(double)> &progress);

}  // namespace cli
