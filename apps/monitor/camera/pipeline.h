// SPDX-License-Identifier: MIT
// The GStreamer pipeline of one camera, for one connection: source, memory ring, decoder, a staaction for each model,
// preview. The main loop builds it. Threads of its own start and stop it, because a source may block for as long as its
// network does.
#pragma once

#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "monitor/camera/recorder.h"
#include "monitor/config/settings.h"

namespace sta::monitor {

class CameraPipeline : public std::enable_shared_from_this<CameraPipeline> {
 public:
  // `picture` gets each JPEG of the preview, from a streaming thread. On nullptr, `error` says what is missing.
  using Picture = std::function<void(GBytes *jpeg)>;
  static std::shared_ptr<CameraPipeline> build(const CameraSettings &settings, std::shared_ptr<Recorder> recorder, Picture picture,
                                               std::string &error);
  ~CameraPipeline();

  void leave() { left_ = true; }  // from now on it records and shows nothing, however long stopping takes
  void start();                   // returns at once; errors come over the bus
  // Stops the pipeline and frees it in a thread of its own.
  static void retire(std::shared_ptr<CameraPipeline> pipeline);
  // Waits until all retired pipelines are gone, at most `milliseconds`.
  static void waitForRetired(int milliseconds);

  GstElement *element() const { return pipeline_; }
  const std::vector<GstElement *> &actions() const { return actions_; }
  void setPreview(bool on);
  // The newest frame as JPEG, or an empty string if there is none. Computed in the calling thread. Thread-safe.
  std::string snapshot() const;
  bool rewind();                         // to the beginning of a file
  bool ended() const { return ended_; }  // the stream is at its end, or its source said so

  // Any thread.
  std::uint64_t frames() const { return frames_; }
  gint64 lastFrame() const { return last_frame_; }  // g_get_monotonic_time() of the newest decoded frame, 0 before the first
  int width() const { return width_; }
  int height() const { return height_; }
  double frameRate() const { return frame_rate_; }
  // Wall-clock time of a running time, in ns since 1970. `by_camera` says whether the camera's own clock gave it.
  std::int64_t wallTime(GstClockTime running_time, bool &by_camera) const;
  GstClockTime runningTime() const;  // the running time now

 private:
  CameraPipeline() = default;
  bool assemble(const CameraSettings &settings, std::string &error);
  bool addSource(const CameraSettings &settings, std::string &error);
  GstElement *add(const char *factory, std::string &error);
  GstElement *addAction(const WatchSettings &watch, std::string &error);
  void addParser(GstPad *pad);
  void newStream(GstPad *pad);
  void addEncodedVideo(GstPad *pad, bool h265);
  void addDecoder(GstPad *pad);
  void addSound(GstPad *pad, bool aac);
  void decoded(GstPad *pad);
  GstElement *recordSink(Stream stream);
  GstFlowReturn recorded(GstAppSink *from, Stream stream);
  void watchClock(GstPad *pad);

  static GstPadProbeReturn onFrame(GstPad *pad, GstPadProbeInfo *info, gpointer self);

  CameraSettings settings_;
  std::shared_ptr<Recorder> recorder_;
  Picture picture_;
  GstElement *pipeline_ = nullptr;
  GstElement *analysis_ = nullptr;  // queue in front of the models
  GstElement *end_ = nullptr;
  std::vector<GstElement *> actions_;
  bool live_ = true, raw_ = false;
  std::atomic<bool> have_video_{false}, have_sound_{false}, ended_{false}, preview_{false}, left_{false};
  std::atomic<std::uint64_t> frames_{0};
  std::atomic<gint64> last_frame_{0};
  std::atomic<int> width_{0}, height_{0};
  std::atomic<double> frame_rate_{0};
  std::atomic<std::int64_t> camera_offset_{0};  // camera's wall clock minus running time; 0: the camera did not say
};

}  // namespace sta::monitor
