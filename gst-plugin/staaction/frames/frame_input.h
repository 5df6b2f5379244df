// SPDX-License-Identifier: MIT
// Turns a mapped GstVideoFrame into the sta_frame that sta-core reads. Strides and plane addresses come from the
// mapping (which follows GstVideoMeta), never from the caps, because decoders and cameras pad their rows.
#pragma once

#include <gst/video/video.h>

#include "loader/core_api.h"

namespace sta::gst {

// Formats in the pads' caps, for the pad templates and the tests.
#define STA_ACTION_FORMATS "{ NV12, I420, YV12, YUY2, UYVY, RGB, BGR, RGBx, BGRx, RGBA, BGRA, xRGB, ARGB, xBGR, ABGR, GRAY8, P010_10LE, I420_10LE }"

sta_pixel_format pixelFormat(GstVideoFormat format);

// Fills everything except time, duration and flags. The frame points into the mapping.
sta_frame inputFrame(const CoreApi &core, const GstVideoFrame &mapped);

// One frame in each kind of memory that it can be read from. Engines on the CPU need it in system memory. An engine on
// a CUDA device takes it from there if it is in the engine's own context, and otherwise from system memory.
struct FrameViews {
  sta_frame system{}, device{};
  bool has_system = false;
  void *device_context = nullptr;  // NULL: the frame has no view on the device

  // Whether an engine reads frames of this context directly.
  static bool takes(const sta_model_info &model, void *context) { return context && model.cuda_context == context; }
  const sta_frame &of(const sta_model_info &model) const { return takes(model, device_context) ? device : system; }
};

// Whether frames of the two have the same picture geometry and colours, so that a window may hold both. The frame rate
// may differ.
bool sameGeometry(const GstVideoInfo &a, const GstVideoInfo &b);

}  // namespace sta::gst
