// SPDX-License-Identifier: MIT
// A buffer as the engine takes it: its pixels where they lie, on the CUDA device or in system memory, for as long as
// this lives. A mapping holds a reference, and a buffer with two is not writable: it has to end before metadata is
// attached.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include "cuda_memory.h"
#include "frame_clock.h"
#include "frame_input.h"

namespace sta::gst {

class FrameMapping {
 public:
  FrameMapping() = default;
  ~FrameMapping();
  FrameMapping(const FrameMapping &) = delete;
  FrameMapping &operator=(const FrameMapping &) = delete;

  // on_device: somebody takes frames of the buffer's CUcontext; in_memory: somebody needs them in system memory, as
  // everybody does if the device's view cannot be had. FALSE: nothing could be mapped.
  bool map(GstBuffer *buffer, const GstVideoInfo &info, const CoreApi &core, const FrameTime &time, sta_orientation orientation, bool on_device,
           bool in_memory);
  const FrameViews &views() const { return views_; }

 private:
  FrameViews views_;
  GstVideoFrame system_{};
  CudaMapping device_;
};

}  // namespace sta::gst
