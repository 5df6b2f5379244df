// SPDX-License-Identifier: MIT
// One run of a staaction, from READY -> PAUSED to PAUSED -> READY: pushes frames, takes results, keeps the label that is valid, and puts it on
// frames. All methods belong to the streaming thread (under the sink pad's STREAM_LOCK), so there is no lock in here.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <functional>
#include <memory>
#include <string>

#include "event_tracker.h"
#include "frame_clock.h"
#include "metadata/action_record.h"
#include "publish.h"
#include "session.h"
#include "settings.h"

namespace sta::gst {

class StreamRunner {
 public:
  // refresh: copies the user's settings into its argument if their serial differs from the argument's; called once per frame.
  using Refresh = std::function<void(Settings *)>;
  StreamRunner(GstElement *element, guint window_signal, guint event_signal, Refresh refresh)
      : element_(element), publisher_(element, window_signal, event_signal), refresh_(std::move(refresh)) {}

  void begin(std::shared_ptr<Stream> stream, const Settings &settings);
  void end();

  // Pushes, publishes and attaches. FLUSHING if a flush or the state change ended the wait; a failed forward pass is no flow error.
  GstFlowReturn frame(GstBuffer *buffer, const GstSegment &segment);

  void capsChanged(const GstVideoInfo &info);
  void segmentChanged(const GstSegment &segment);
  void streamStarted(const gchar *stream_id);
  // Time passes without a frame up to this timestamp (a GAP event).
  void gap(GstClockTime timestamp, const GstSegment &segment);
  // Waits for all windows under way and publishes them.
  void drain(const GstSegment &segment);
  // Forgets half-filled windows, results and the label that was valid.
  void reset(const char *reason);
  void flushed();

 private:
  const CoreApi &core() const { return stream_->core(); }
  void takeSettings();
  void configure();
  bool running(const GstSegment &segment);
  GstFlowReturn push(GstBuffer *buffer, const FrameTime &time);
  void collect();
  ActionRecord record(const sta_result *result) const;
  void publishEvents();
  void closeEvents();
  void warnOfEvents(const std::string &problem);
  const std::string &streamId() const { return settings_.stream_id.empty() ? upstream_id_ : settings_.stream_id; }
  void attach(GstBuffer *buffer, GstClockTime time);

  GstElement *element_;
  Publisher publisher_;
  Refresh refresh_;
  Throttle input_warning_{10 * G_USEC_PER_SEC};

  std::shared_ptr<Stream> stream_;
  Settings settings_;           // as last copied
  Settings applied_;            // as the stream was last configured with
  GstClockTime label_ttl_ = 0;  // ns, resolved
  EventTracker events_;
  FrameClock clock_;
  GstVideoInfo info_{};
  bool have_info_ = false;
  bool active_ = false;  // frames are being pushed: enabled, and playing forward
  std::string upstream_id_;

  // The label that frames carry: entries of newest_ that reach the threshold. Empty labels: none is valid.
  ActionRecord newest_;
  GstClockTime shown_since_ = GST_CLOCK_TIME_NONE;  // running time of the first frame that carried it
};

}  // namespace sta::gst
