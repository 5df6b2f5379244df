// SPDX-License-Identifier: MIT
// One run of a staaction, from READY -> PAUSED to PAUSED -> READY: pushes frames, takes results, and puts labels on
// frames and objects. Methods belong to the streaming thread (under the sink pad's STREAM_LOCK) unless they say
// otherwise.
//
// Locks, from the outermost: the STREAM_LOCK, results_mutex_, leaves (the element's OBJECT_LOCK for settings, those of
// Handles, Outbox, Dispatcher, ModelLoader, sta-core's). results_mutex_ guards what the dispatcher shares: the
// settings' copy, the lanes' labellers and what they make of results. It is held for computing only: never while a
// frame is pushed (which may wait for a forward pass) and never while the application is told.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "handles.h"
#include "lane.h"
#include "latency.h"
#include "staaction/frames/frame_clock.h"
#include "staaction/frames/frame_orientation.h"
#include "staaction/models/model_loader.h"
#include "staaction/objects/object_lanes.h"
#include "staaction/results/dispatcher.h"
#include "staaction/results/labeller.h"
#include "staaction/results/outbox.h"
#include "staaction/results/publish.h"
#include "staaction/settings/settings.h"

namespace sta::gst {

class StreamRunner {
 public:
  // refresh: copies the user's settings into its argument if their serial differs from the argument's; called once per
  // frame.
  using Refresh = std::function<void(Settings *)>;
  StreamRunner(GstElement *element, guint window_signal, guint event_signal, Handles *handles, ModelLoader *loader, Refresh refresh);

  // stream: of whole frames.
  void begin(std::shared_ptr<Stream> stream, const Settings &settings);
  void end();

  // Pushes, publishes and attaches. FLUSHING if a flush or the state change ended the wait; ERROR if a window failed
  // and on-error=fail.
  GstFlowReturn frame(GstBuffer *buffer, const GstSegment &segment);

  void capsChanged(const GstVideoInfo &info);
  void tagsChanged(const GstTagList *tags) { orientation_tags_.take(tags); }
  void segmentChanged(const GstSegment &segment);
  void streamStarted(const gchar *stream_id);
  // Time passes without a frame up to this timestamp (a GAP event).
  void gap(GstClockTime timestamp, const GstSegment &segment);
  // Waits for all windows under way and publishes them.
  void drain(const GstSegment &segment);
  // Forgets half-filled windows, results and the labels that were valid.
  void reset(const char *reason);
  void flushed();

  // What the element adds to the latency now, ns. Any thread.
  GstClockTime latency() const { return latency_.get(); }

 private:
  void takeSettings();
  void updateLatency();
  bool running(const GstSegment &segment);
  GstFlowReturn push(GstBuffer *buffer, const FrameTime &time);
  sta_status pushViews(const FrameViews &frame, std::string *problem);
  void followObjects(GstBuffer *buffer, GstClockTime time);
  void takeModel();
  bool collect();
  void publish();
  void dispatch();
  void attach(GstBuffer *buffer, GstClockTime time);
  template <typename Visit>
  void forEachLane(Visit visit);
  std::unique_ptr<Labeller> makeLabeller(const std::shared_ptr<Engine> &engine, std::optional<guint64> object_id, bool counted);
  void modelTaken(const std::shared_ptr<Engine> &engine);
  void warnInput(const std::string &problem, const char *consequence);
  void bury(Lane::Retired *retired);

  GstElement *element_;
  Handles *handles_;
  ModelLoader *loader_;
  Refresh refresh_;
  Publisher publisher_;
  Outbox outbox_{&publisher_};
  Throttle input_warning_{10 * G_USEC_PER_SEC};
  LatencyBound latency_;

  std::mutex results_mutex_;
  RunContext context_;           // settings and id: written by the streaming thread, which reads them without the lock
  std::unique_ptr<Lane> frame_;  // of whole frames; null: not running
  ObjectLanes objects_;
  Dispatcher dispatcher_;

  std::shared_ptr<Engine> engine_;  // that new lanes get: the newest
  Settings applied_;                // as the streams were last configured with
  FrameClock clock_;
  GstVideoInfo info_{};
  FrameOrientation orientation_tags_;
  sta_orientation orientation_ = STA_ORIENTATION_NONE;  // of the frames of the present window
  bool have_info_ = false;
  bool active_ = false;  // frames are being pushed: enabled, and playing forward
};

}  // namespace sta::gst
