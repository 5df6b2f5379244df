// SPDX-License-Identifier: MIT
// One encoded frame (or packet of sound) of a camera, on its way to the memory ring and into a clip.
#pragma once

#include <gst/gst.h>

#include <utility>

namespace sta::monitor {

enum Stream { kVideo = 0, kAudio = 1, kStreams = 2 };

// A reference to a mini object of GStreamer (buffer, caps) that C++ holds and releases.
template <typename T>
class Held {
 public:
  Held() = default;
  static Held take(T *thing) { return Held(thing); }              // takes over the caller's reference
  static Held share(T *thing) { return Held(reference(thing)); }  // adds a reference of its own
  Held(const Held &other) : thing_(reference(other.thing_)) {}
  Held(Held &&other) noexcept : thing_(std::exchange(other.thing_, nullptr)) {}
  Held &operator=(Held other) noexcept {
    std::swap(thing_, other.thing_);
    return *this;
  }
  ~Held() {
    if (thing_) gst_mini_object_unref(GST_MINI_OBJECT_CAST(thing_));
  }
  T *get() const { return thing_; }
  explicit operator bool() const { return thing_; }

 private:
  explicit Held(T *thing) : thing_(thing) {}
  static T *reference(T *thing) {
    if (thing) gst_mini_object_ref(GST_MINI_OBJECT_CAST(thing));
    return thing;
  }
  T *thing_ = nullptr;
};

using HeldBuffer = Held<GstBuffer>;
using HeldCaps = Held<GstCaps>;

// The time of a sample is its running time plus this, because the first frames of a stream with B-frames are decoded
// before time 0.
inline constexpr GstClockTime kMediaTimeOfZero = 10 * GST_SECOND;

// Turns a time stamp of a buffer into the time of a sample. NONE if there is no time stamp, or it lies more than
// kMediaTimeOfZero before the segment.
inline GstClockTime mediaTime(const GstSegment *segment, GstClockTime stamp) {
  guint64 running = 0;
  const int sign = GST_CLOCK_TIME_IS_VALID(stamp) ? gst_segment_to_running_time_full(segment, GST_FORMAT_TIME, stamp, &running) : 0;
  if (sign > 0) return kMediaTimeOfZero + running;
  return sign < 0 && running <= kMediaTimeOfZero ? kMediaTimeOfZero - running : GST_CLOCK_TIME_NONE;
}

struct MediaSample {
  Stream stream = kVideo;
  HeldBuffer buffer;
  GstClockTime pts = GST_CLOCK_TIME_NONE;  // as mediaTime() gives it
  GstClockTime dts = GST_CLOCK_TIME_NONE;  // the same; NONE: as pts
  bool key = false;
  GstClockTime time() const { return GST_CLOCK_TIME_IS_VALID(dts) ? dts : pts; }
};

}  // namespace sta::monitor
