// SPDX-License-Identifier: MIT
// One run of a staaction, from READY -> PAUSED to PAUSED -> READY: it pushes frames, takes results, and puts labels on
// frames and objects. Methods belong to the streaming thread (under the sink pad's STREAM_LOCK) unless they say
// otherwise.
//
// Locks, from the outermost: the STREAM_LOCK, results_mutex_, leaves (the element's OBJECT_LOCK for settings, those of
// Handles, Outbox, Dispatcher, ModelLoader, sta-core's). results_mutex_ guards the data that the dispatcher shares: the
// copy of the settings, the lanes' labellers and the results' labels and events. It is held for computing only: never
// while a frame is pushed (which may wait for a forward pass), and never while the application is told.
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
  // refresh: copies the user's settings into its argument if their serial differs from the argument's. Called once for
  // each frame.
  using Refresh = std::function<void(Settings *)>;
  StreamRunner(GstElement *element, guint window_signal, guint event_signal, Handles *handles, ModelLoader *loader, Refresh refresh);

  // stream: the one of whole frames.
  void begin(std::shared_ptr<Stream> stream, const Settings &settings);
  void end();

  // Pushes, publishes and attaches. FLUSHING: a flush or the state change ended the wait. ERROR: a window failed and
  // on-error=fail.
  GstFlowReturn frame(GstBuffer *buffer, const GstSegment &segment);

  void capsChanged(const GstVideoInfo &info);
  void tagsChanged(const GstTagList *tags) { orientation_tags_.take(tags); }
  void segmentChanged(const GstSegment &segment);
  void streamStarted(const gchar *stream_id);
  // Time goes on to this timestamp without a frame (a GAP event).
  void gap(GstClockTime timestamp, const GstSegment &segment);
  // Waits for all windows under way, and publishes them.
  void drain(const GstSegment &segment);
  // Forgets half-filled windows, results and valid labels.
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

  std::shared_ptr<Engine> engine_;  // the newest: new lanes get it
  Settings applied_;                // with which the streams were last configured
  FrameClock clock_;
  GstVideoInfo info_{};
  FrameOrientation orientation_tags_;
  sta_orientation orientation_ = STA_ORIENTATION_NONE;  // of the frames in the present window
  bool have_info_ = false;
  bool active_ = false;  // frames are being pushed: the element is enabled and plays forward
};

}  // namespace sta::gst
