// SPDX-License-Identifier: MIT
// The decoded frames of a video file, one after the other. They have the decoder's own pixel format if sta-core can
// read it, so nothing is converted twice. sta-core turns YUV into RGB as the decoders of the published evaluations do
// (chroma repeated, not interpolated).
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

/// Not thread-safe; each thread needs its own.
class FrameReader {
 public:
  /// video: a path, a URI, or a sequence of pictures with `rate` pictures a second (gst_source.h). Throws RunError if
  /// there is no such file or GStreamer cannot play it. next() throws errors that show only during decoding.
  explicit FrameReader(const std::string &video, double rate = 0);
  ~FrameReader();
  FrameReader(const FrameReader &) = delete;
  FrameReader &operator=(const FrameReader &) = delete;

  /// The next frame with its running time and duration (STA_TIME_NONE if unknown), or nullptr at the end. It stays
  /// valid until next() has been called twice more. Throws RunError with the pipeline's first error, or if no frame
  /// came for a minute.
  const sta_frame *next();

 private:
  // A decoded frame that is held. At most two are held at a time.
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
  GstElement *sink_ = nullptr;  // owned by the pipeline
  // The orientation that the file itself states. If it states none, the tags that pass into the sink decide. They come
  // before the frames that they are for.
  const std::optional<sta_orientation> said_;
  sta::gst::FrameOrientation tags_;  // used by the streaming thread only
  std::atomic<sta_orientation> orientation_;
  Held held_[2];
  int newest_ = 0;
};

}  // namespace cli
