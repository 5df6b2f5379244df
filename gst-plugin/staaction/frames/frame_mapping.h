// SPDX-License-Identifier: MIT
// Maps a buffer for the engine: its pixels where they lie, on the CUDA device or in system memory, while this object
// lives. A mapping holds a reference, and a buffer with two references is not writable. So the mapping has to end
// before metadata is attached.
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

  // on_device: somebody takes frames of the buffer's CUcontext. in_memory: somebody needs them in system memory. If the
  // device's view cannot be had, everybody does. FALSE: nothing could be mapped.
  bool map(GstBuffer *buffer, const GstVideoInfo &info, const CoreApi &core, const FrameTime &time, sta_orientation orientation, bool on_device,
           bool in_memory);
  const FrameViews &views() const { return views_; }

 private:
  FrameViews views_;
  GstVideoFrame system_{};
  CudaMapping device_;
};

}  // namespace sta::gst
