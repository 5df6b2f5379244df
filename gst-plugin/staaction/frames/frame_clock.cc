// SPDX-License-Identifier: MIT
// Converts the timestamps of buffers into running time.
#include "frame_clock.h"

#include <algorithm>
#include <cmath>

namespace sta::gst {
namespace {

// Many containers and cameras round timestamps to micro- or milliseconds. Differences up to this are no jump.
constexpr GstClockTime kRounding = GST_MSECOND;

// stream time = slope * running time + offset, for forward rates. Long double holds all of 64 bits of ns.
struct StreamTimeLine {
  long double slope, offset;
};

StreamTimeLine streamTimeLine(const GstSegment &segment) {
  const long double rate = std::fabs(segment.rate);
  const long double time = GST_CLOCK_TIME_IS_VALID(segment.time) ? segment.time : 0;
  return {rate * segment.applied_rate,
          (static_cast<long double>(segment.offset) - static_cast<long double>(segment.base) * rate) * segment.applied_rate + time};
}

GstClockTime frameDuration(GstBuffer *buffer, const GstVideoInfo &info) {
  if (GST_BUFFER_DURATION_IS_VALID(buffer)) return GST_BUFFER_DURATION(buffer);
  if (GST_VIDEO_INFO_FPS_N(&info) > 0) return gst_util_uint64_scale_int(GST_SECOND, GST_VIDEO_INFO_FPS_D(&info), GST_VIDEO_INFO_FPS_N(&info));
  return GST_CLOCK_TIME_NONE;
}

GstClockTime scaled(GstClockTime duration, gdouble rate) {
  if (!GST_CLOCK_TIME_IS_VALID(duration) || std::fabs(rate) == 1.0) return duration;
  return static_cast<GstClockTime>(duration / std::fabs(rate));
}

// Running time of a timestamped frame, cut to the part of it that the segment shows.
FrameTime inSegment(GstClockTime pts, GstClockTime duration, const GstSegment &segment) {
  FrameTime result;
  guint64 start = pts, stop = GST_CLOCK_TIME_NONE;
  if (GST_CLOCK_TIME_IS_VALID(duration)) {
    if (!gst_segment_clip(&segment, GST_FORMAT_TIME, pts, pts + duration, &start, &stop)) return result;
  } else if (pts < segment.start) {
    return result;
  }
  result.time = gst_segment_to_running_time(&segment, GST_FORMAT_TIME, start);
  result.usable = GST_CLOCK_TIME_IS_VALID(result.time);
  if (GST_CLOCK_TIME_IS_VALID(stop)) result.duration = scaled(stop - start, segment.rate);
  return result;
}

}  // namespace

void FrameClock::clear() {
  last_time_ = expected_ = GST_CLOCK_TIME_NONE;
  have_segment_ = false;
}

bool FrameClock::takeSegment(const GstSegment &segment) {
  const bool first = !have_segment_;
  const GstSegment previous = segment_;
  have_segment_ = true;
  segment_ = segment;
  if (first) return true;
  bool same = previous.format == segment.format && (previous.rate < 0) == (segment.rate < 0);
  if (same && segment.format == GST_FORMAT_TIME) {
    const StreamTimeLine a = streamTimeLine(previous), b = streamTimeLine(segment);
    same = a.slope == b.slope && std::fabs(a.offset - b.offset) <= static_cast<long double>(kRounding);
  }
  if (!same) last_time_ = expected_ = GST_CLOCK_TIME_NONE;
  return same;
}

FrameTime FrameClock::next(GstElement *element, GstBuffer *buffer, const GstSegment &segment, const GstVideoInfo &info) {
  const GstClockTime duration = frameDuration(buffer, info);
  FrameTime frame;
  if (!GST_BUFFER_PTS_IS_VALID(buffer)) {
    frame.usable = true;
    frame.duration = scaled(duration, segment.rate);
    if (GST_CLOCK_TIME_IS_VALID(expected_)) {
      frame.time = expected_;
    } else {
      frame.time = arrivalTime(element);
      if (GST_CLOCK_TIME_IS_VALID(last_time_)) frame.time = std::max(frame.time, last_time_);
    }
  } else if (segment.format == GST_FORMAT_TIME) {
    frame = inSegment(GST_BUFFER_PTS(buffer), duration, segment);
  } else {  // no time segment maps these timestamps, so they are taken as running time
    frame.usable = true;
    frame.time = GST_BUFFER_PTS(buffer);
    frame.duration = duration;
  }
  if (!frame.usable) return frame;

  if (GST_CLOCK_TIME_IS_VALID(last_time_) && frame.time < last_time_) {
    if (last_time_ - frame.time <= kRounding)
      frame.time = last_time_;
    else
      frame.backwards = true;
  }
  last_time_ = frame.time;
  expected_ = GST_CLOCK_TIME_IS_VALID(frame.duration) ? frame.time + frame.duration : GST_CLOCK_TIME_NONE;
  return frame;
}

void FrameClock::advance(GstClockTime time) {
  if (GST_CLOCK_TIME_IS_VALID(last_time_) && time < last_time_) return;
  last_time_ = expected_ = time;
}

GstClockTime FrameClock::arrivalTime(GstElement *element) {
  if (GstClock *clock = gst_element_get_clock(element)) {
    const GstClockTime now = gst_clock_get_time(clock), base = gst_element_get_base_time(element);
    gst_object_unref(clock);
    return now > base ? now - base : 0;
  }
  // The pipeline has not chosen a clock yet (preroll): the distances between frames are right all the same.
  const gint64 now = g_get_monotonic_time();
  if (arrival_origin_ < 0) arrival_origin_ = now;
  return static_cast<GstClockTime>(now - arrival_origin_) * GST_USECOND;
}

}  // namespace sta::gst
