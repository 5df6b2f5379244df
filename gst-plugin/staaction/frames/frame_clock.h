// SPDX-License-Identifier: MIT
// When a frame is shown, in running time. Only this class knows of segments and of missing or backwards timestamps;
// sta-core sees only the result. Used by the streaming thread alone.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

namespace sta::gst {

struct FrameTime {
  // FALSE: the frame lies outside the segment. Nobody will see it, so it belongs to no window.
  bool usable = false;
  // TRUE: earlier than the frame before. The frames collected so far are no longer the past of this frame.
  bool backwards = false;
  GstClockTime time = GST_CLOCK_TIME_NONE;      // running time, ns
  GstClockTime duration = GST_CLOCK_TIME_NONE;  // running time, ns; the buffer's, else the frame rate's; NONE: unknown
};

class FrameClock {
 public:
  // Forgets the previous frame and the segment: the stream starts anew.
  void clear();

  // Takes over a new segment. FALSE: it does not continue the one before, that is, it shows other content at the same
  // running time (a seek, a loop, another speed). A segment continues if it is only re-sent, or goes on where the last
  // one ended.
  bool takeSegment(const GstSegment &segment);

  // The time of the next frame. A frame without a timestamp gets the previous frame's time plus its duration; if that
  // is unknown, the time of arrival on the element's clock.
  FrameTime next(GstElement *element, GstBuffer *buffer, const GstSegment &segment, const GstVideoInfo &info);

  // Running time goes on up to this time without a frame.
  void advance(GstClockTime time);

 private:
  GstClockTime arrivalTime(GstElement *element);

  GstClockTime last_time_ = GST_CLOCK_TIME_NONE;
  GstClockTime expected_ = GST_CLOCK_TIME_NONE;  // end of the last frame, where it is known
  gint64 arrival_origin_ = -1;                   // us of the system's clock, for elements without a clock
  bool have_segment_ = false;
  GstSegment segment_{};
};

}  // namespace sta::gst
