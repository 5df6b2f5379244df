// SPDX-License-Identifier: MIT
// The work of region=objects for each frame: the objects that upstream has put on it get or keep their lanes, each lane
// sees its part of the frame, and the labels go back on the objects.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <functional>
#include <string>
#include <vector>

#include "object_tracks.h"
#include "region_input.h"
#include "staaction/frames/frame_input.h"

namespace sta::gst {

// Used by the streaming thread. Methods that change lanes or labels are called with the lock of results held.
class ObjectLanes {
 public:
  explicit ObjectLanes(Handles *handles) : tracks_(handles) {}

  // Reads the objects of the current frame; they hold until attach() or the next read(). FALSE: the frame has objects,
  // but none has a track id.
  bool read(GstBuffer *buffer);
  // Gives the objects lanes at this running time. A track ends when it was not seen for max_unseen ns. With the lock.
  void follow(GstClockTime time, GstClockTime max_unseen, const ObjectTracks::MakeLane &make, const RunContext &context, Lane::Retired *retired);
  // Pushes the crop of each object that the frame shows. An error of one object does not stop the others, but FLUSHING
  // does. Without the lock, because a push may wait for a forward pass.
  sta_status push(const FrameViews &frame, const GstVideoInfo &info, std::string *problem);
  // Puts each label that is valid at this running time on its object. With the lock.
  void attach(GstBuffer *buffer, GstClockTime time);

  void forEach(const std::function<void(ObjectTrack &)> &visit) { tracks_.forEach(visit); }
  // Ends all tracks. With the lock.
  void clear(const RunContext &context, Lane::Retired *retired);

 private:
  ObjectTracks tracks_;
  std::vector<Detection> seen_;  // on the frame being worked on
};

}  // namespace sta::gst
