// SPDX-License-Identifier: MIT
// When a frame is shown, in running time: the one place that knows of segments, missing and backwards timestamps.
// sta-core sees only the result. Used by the streaming thread alone.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

namespace sta::gst {

struct FrameTime {
  // FALSE: the frame lies outside the segment, nobody will see it, so it belongs to no window.
  bool usable = false;
  // TRUE: earlier than the frame before: what was collected so far is no longer the past of this frame.
  bool backwards = false;
  GstClockTime time = GST_CLOCK_TIME_NONE;      // running time, ns
  GstClockTime duration = GST_CLOCK_TIME_NONE;  // running time, ns; from the frame rate where the buffer has none; NONE if that is unknown too
};

class FrameClock {
 public:
  // Forgets the previous frame and the segment: the stream starts anew.
  void clear();

  // Takes over a new segment. FALSE: it does not continue the one before, that is: it shows other content at the same
  // running time (a seek, a loop, another speed). A segment that is only re-sent, or goes on where the last one ended,
  // continues.
  bool takeSegment(const GstSegment &segment);

  // No timestamp: the previous frame's time plus its duration; if that is unknown, the time of arrival on the element's
  // clock.
  FrameTime next(GstElement *element, GstBuffer *buffer, const GstSegment &segment, const GstVideoInfo &info);

  // Time passes without a frame up to this running time.
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
