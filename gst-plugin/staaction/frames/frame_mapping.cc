// SPDX-License-Identifier: MIT
// See frame_mapping.h.
#include "frame_mapping.h"

namespace sta::gst {

FrameMapping::~FrameMapping() {
  if (views_.has_system) gst_video_frame_unmap(&system_);
}

bool FrameMapping::map(GstBuffer *buffer, const GstVideoInfo &info, const CoreApi &core, const FrameTime &time, sta_orientation orientation,
                       bool on_device, bool in_memory) {
  const auto view = [&](const GstVideoFrame &mapped) {
    sta_frame frame = inputFrame(core, mapped);
    frame.time = time.time;
    frame.duration = GST_CLOCK_TIME_IS_VALID(time.duration) ? time.duration : STA_TIME_NONE;
    frame.orientation = orientation;
    if (GST_BUFFER_IS_DISCONT(buffer)) frame.flags |= STA_FRAME_DISCONT;
    return frame;
  };
  void *stream = nullptr;
  if (on_device && device_.map(buffer, info, &stream)) {
    views_.device = view(device_.frame());
    views_.device.memory = STA_MEMORY_CUDA;
    views_.device.cuda_stream = stream;
    views_.device_context = CudaMapping::contextOf(buffer);
  }
  if (in_memory || !views_.device_context) {
    views_.has_system = gst_video_frame_map(&system_, &info, buffer, GST_MAP_READ);
    if (!views_.has_system) return false;
    views_.system = view(system_);
  }
  return true;
}

}  // namespace sta::gst
