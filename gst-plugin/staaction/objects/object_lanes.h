// SPDX-License-Identifier: MIT
// region=objects, frame by frame: the objects that upstream has put on a frame get or keep their lanes, each lane sees
// its part of the frame, and the labels go back on the objects.
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

// Belongs to the streaming thread; what changes lanes or labels is called with the lock of results held.
class ObjectLanes {
 public:
  explicit ObjectLanes(Handles *handles) : tracks_(handles) {}

  // The objects of the frame that is worked on, until attach() or the next read(). FALSE: there are some, but none with
  // a track id.
  bool read(GstBuffer *buffer);
  // Gives them lanes at this running time; a track ends when it was not seen for max_unseen ns. With the lock.
  void follow(GstClockTime time, GstClockTime max_unseen, const ObjectTracks::MakeLane &make, const RunContext &context, Lane::Retired *retired);
  // Pushes, for each object that the frame shows, its crop. The first error ends nothing for the others, but FLUSHING
  // does. Without the lock, since a push may wait for a forward pass.
  sta_status push(const FrameViews &frame, const GstVideoInfo &info, std::string *problem);
  // Puts the labels that are valid at this running time on their objects. With the lock.
  void attach(GstBuffer *buffer, GstClockTime time);

  void forEach(const std::function<void(ObjectTrack &)> &visit) { tracks_.forEach(visit); }
  // All tracks end. With the lock.
  void clear(const RunContext &context, Lane::Retired *retired);

 private:
  ObjectTracks tracks_;
  std::vector<Detection> seen_;  // on the frame being worked on
};

}  // namespace sta::gst
