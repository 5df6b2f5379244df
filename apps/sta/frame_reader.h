// SPDX-License-Identifier: MIT
// The decoded frames of a video file, one after the other, in the decoder's own pixel format where sta-core reads it:
// nothing is converted twice, and YUV becomes RGB as sta-core does it, which is also how the decoders of the published
// evaluations do it (chroma repeated, not interpolated).
#pragma once

#include <gst/video/video.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "gst_source.h"
#include "sta/sta.h"
#include "staaction/frames/frame_orientation.h"

namespace cli {

/// Not thread-safe; each thread reads with its own.
class FrameReader {
 public:
  /// video: path, URI or sequence of pictures, of which `rate` make a second (gst_source.h). Throws RunError if there
  /// is no such file or GStreamer cannot play it; what is only seen while decoding is thrown by next().
  explicit FrameReader(const std::string &video, double rate = 0);
  ~FrameReader();
  FrameReader(const FrameReader &) = delete;
  FrameReader &operator=(const FrameReader &) = delete;

  /// The next frame with its running time and duration (STA_TIME_NONE where unknown), or nullptr at the end. It stays
  /// valid until next() has been called twice more. Throws RunError: the pipeline's first error, or that no frame came
  /// for a minute.
  const sta_frame *next();

 private:
  // A decoded frame that is held, at most two of them at a time.
  struct Held {
    GstSample *sample = nullptr;
    GstVideoFrame mapped{};
    sta_frame frame{};
    Held() = default;
    Held(const Held &) = delete;
    Held &operator=(const Held &) = delete;
    ~Held() { release(); }
    void release();
    void hold(GstSample *taken, sta_orientation orientation, const std::string &video);
  };
  static GstPadProbeReturn see_event(GstPad *pad, GstPadProbeInfo *info, gpointer user);
  GstSample *pull();
  void check_bus();

  std::string video_;
  Object<GstElement> pipeline_;
  Object<GstBus> bus_;
  GstElement *sink_ = nullptr;  // the pipeline's
  // What the file itself says, or, of files that are asked in vain, the tags that pass into the sink; these come before
  // the frames that they are for.
  const std::optional<sta_orientation> said_;
  sta::gst::FrameOrientation tags_;  // of the streaming thread
  std::atomic<sta_orientation> orientation_;
  Held held_[2];
  int newest_ = 0;
};

}  // namespace cli
