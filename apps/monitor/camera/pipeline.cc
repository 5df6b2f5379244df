// SPDX-License-Identifier: MIT
#include "monitor/camera/pipeline.h"

#include <gst/app/gstappsink.h>
#include <gst/video/video.h>

#include <chrono>
#include <condition_variable>
#include <thread>

#include "monitor/camera/pads.h"
#include "monitor/camera/uri.h"

namespace sta::monitor {
namespace {

// The number of retired pipelines that are still stopping.
std::mutex retiring_mutex;
std::condition_variable retiring_changed;
int retiring = 0;

}  // namespace

GstElement *CameraPipeline::add(const char *factory, std::string &error) {
  GstElement *element = gst_element_factory_make(factory, nullptr);
  if (!element) {
    if (error.empty()) error = std::string("GStreamer's element ") + factory + " is missing; scripts/setup or the package sta installs it";
    return nullptr;
  }
  gst_bin_add(GST_BIN(pipeline_), element);
  return element;
}

std::shared_ptr<CameraPipeline> CameraPipeline::build(const CameraSettings &settings, std::shared_ptr<Recorder> recorder, Picture picture,
                                                      std::string &error) {
  std::shared_ptr<CameraPipeline> pipeline(new CameraPipeline);
  pipeline->settings_ = settings;
  pipeline->recorder_ = std::move(recorder);
  pipeline->picture_ = std::move(picture);
  pipeline->pipeline_ = gst_pipeline_new(settings.name.c_str());
  return pipeline->assemble(settings, error) ? pipeline : nullptr;
}

CameraPipeline::~CameraPipeline() {
  if (!pipeline_) return;
  gst_element_set_state(pipeline_, GST_STATE_NULL);
  gst_object_unref(pipeline_);
}

// Makes one staaction with the settings of the file. What the file leaves open is the model's or the element's default.
GstElement *CameraPipeline::addAction(const WatchSettings &watch, std::string &error) {
  GstElement *action = add("staaction", error);
  if (!action) return nullptr;
  g_object_set(action, "model", watch.model.c_str(), "device", watch.device.c_str(), "drop-number", watch.drop_number, "stream-id",
               settings_.name.c_str(), "post-windows", TRUE, "top-k", 1000, nullptr);
  if (watch.still_threshold) g_object_set(action, "still-threshold", *watch.still_threshold, nullptr);
  if (watch.enter_threshold) g_object_set(action, "enter-threshold", *watch.enter_threshold, nullptr);
  if (watch.exit_threshold) g_object_set(action, "exit-threshold", *watch.exit_threshold, nullptr);
  if (watch.min_duration) g_object_set(action, "min-duration", static_cast<guint64>(*watch.min_duration), nullptr);
  if (watch.release_duration) g_object_set(action, "release-duration", static_cast<guint64>(*watch.release_duration), nullptr);
  if (watch.hop) g_object_set(action, "hop", static_cast<guint64>(*watch.hop), nullptr);
  if (watch.smoothing) g_object_set(action, "smoothing", *watch.smoothing, nullptr);
  if (watch.background) g_object_set(action, "background-class", watch.background->c_str(), nullptr);
  if (!watch.classes.empty()) {
    std::string classes;
    for (const std::string &label : watch.classes) classes += (classes.empty() ? "" : ",") + label;
    g_object_set(action, "classes", classes.c_str(), nullptr);
  }
  return action;
}

// Builds queue ! videoconvert ! staaction… ! tee; tee ! fakesink; tee ! queue ! … ! jpegenc ! appsink; and the encoder
// for clips, if one is needed.
bool CameraPipeline::assemble(const CameraSettings &settings, std::string &error) {
  const std::string scheme = uriScheme(settings.uri);
  live_ = scheme == "rtsp" || scheme == "rtsps" || scheme == "v4l2" || scheme == "test";
  raw_ = scheme == "v4l2" || scheme == "test";
  analysis_ = add("queue", error);
  GstElement *convert = add("videoconvert", error), *tee = add("tee", error), *look = add("queue", error);
  end_ = add("fakesink", error);
  GstElement *slower = add("videorate", error), *scale = add("videoscale", error), *colours = add("videoconvert", error);
  GstElement *size = add("capsfilter", error), *jpeg = add("jpegenc", error), *sink = add("appsink", error);
  GstElement *last = convert;
  for (const WatchSettings &watch : settings.watch) {
    GstElement *action = addAction(watch, error);
    if (!action) return false;
    actions_.push_back(action);
  }
  if (!error.empty()) return false;

  g_object_set(analysis_, "max-size-buffers", 3u, "max-size-bytes", 0u, "max-size-time", guint64{0}, nullptr);
  if (live_) gst_util_set_object_arg(G_OBJECT(analysis_), "leaky", "downstream");
  // Files and web servers' streams play at their own speed. A live camera's frames are taken as they come.
  g_object_set(end_, "sync", !live_, "enable-last-sample", TRUE, "qos", FALSE, nullptr);
  g_object_set(look, "max-size-buffers", 1u, nullptr);
  gst_util_set_object_arg(G_OBJECT(look), "leaky", "downstream");
  g_object_set(slower, "drop-only", TRUE, "max-rate", 5, nullptr);
  gst_util_set_object_arg(G_OBJECT(size), "caps", "video/x-raw,width=[1,640],pixel-aspect-ratio=1/1");
  g_object_set(jpeg, "quality", 75, nullptr);
  g_object_set(sink, "sync", FALSE, "async", FALSE, "max-buffers", 1u, "drop", TRUE, nullptr);
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = [](GstAppSink *from, gpointer self) {
    GstSample *sample = gst_app_sink_pull_sample(from);
    if (!sample) return GST_FLOW_EOS;
    GstMapInfo map;
    if (GstBuffer *buffer = gst_sample_get_buffer(sample); buffer && gst_buffer_map(buffer, &map, GST_MAP_READ)) {
      GBytes *bytes = g_bytes_new(map.data, map.size);
      gst_buffer_unmap(buffer, &map);
      if (!static_cast<CameraPipeline *>(self)->left_) static_cast<CameraPipeline *>(self)->picture_(bytes);
      g_bytes_unref(bytes);
    }
    gst_sample_unref(sample);
    return GST_FLOW_OK;
  };
  gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, this, nullptr);

  bool linked = gst_element_link(analysis_, convert);
  for (GstElement *action : actions_) {
    linked = linked && gst_element_link(last, action);
    last = action;
  }
  linked = linked && gst_element_link_many(last, tee, end_, nullptr);
  linked = linked && gst_element_link_many(tee, look, slower, scale, colours, size, jpeg, sink, nullptr);
  if (!linked) {
    error = "the elements of the analysis cannot be linked";
    return false;
  }
  GstPad *pad = gst_element_get_static_pad(end_, "sink");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, onFrame, this, nullptr);
  gst_object_unref(pad);
  // Frames reach the preview only while somebody looks. Events always reach it: the end of a stream, and a flush after
  // it, have to come to all sinks. The element valve would hold them back.
  pad = gst_element_get_static_pad(look, "sink");
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *, gpointer self) {
        return static_cast<CameraPipeline *>(self)->preview_ ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
      },
      this, nullptr);
  gst_object_unref(pad);
  // Sets ended_ before the models see the end of the stream and end their events with it.
  pad = gst_element_get_static_pad(convert, "sink");
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      [](GstPad *, GstPadProbeInfo *info, gpointer self) {
        if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_EOS) static_cast<CameraPipeline *>(self)->ended_ = true;
        return GST_PAD_PROBE_OK;
      },
      this, nullptr);
  gst_object_unref(pad);
  return addSource(settings, error);
}

GstPadProbeReturn CameraPipeline::onFrame(GstPad *pad, GstPadProbeInfo *, gpointer data) {
  auto *self = static_cast<CameraPipeline *>(data);
  self->last_frame_ = g_get_monotonic_time();
  if (self->frames_++ % 64 == 0) {
    GstVideoInfo video;
    if (const HeldCaps caps = capsOf(pad); caps && gst_caps_is_fixed(caps.get()) && gst_video_info_from_caps(&video, caps.get())) {
      self->width_ = video.width;
      self->height_ = video.height;
      self->frame_rate_ = video.fps_d > 0 ? static_cast<double>(video.fps_n) / video.fps_d : 0;
    }
  }
  return GST_PAD_PROBE_OK;
}

void CameraPipeline::start() {
  // The thread holds the pipeline while it starts: starting elements call back to it, and it must not be stopped
  // meanwhile.
  std::thread([self = shared_from_this()]() mutable {
    gst_element_set_state(self->pipeline_, GST_STATE_PLAYING);
    retire(std::move(self));
  }).detach();
}

void CameraPipeline::retire(std::shared_ptr<CameraPipeline> pipeline) {
  {
    const std::lock_guard lock(retiring_mutex);
    ++retiring;
  }
  std::thread([pipeline = std::move(pipeline)]() mutable {
    pipeline.reset();
    const std::lock_guard lock(retiring_mutex);
    --retiring;
    retiring_changed.notify_all();
  }).detach();
}

void CameraPipeline::waitForRetired(int milliseconds) {
  std::unique_lock lock(retiring_mutex);
  retiring_changed.wait_for(lock, std::chrono::milliseconds(milliseconds), [] { return retiring == 0; });
}

void CameraPipeline::setPreview(bool on) { preview_ = on; }

std::string CameraPipeline::snapshot() const {
  GstSample *sample = nullptr;
  g_object_get(end_, "last-sample", &sample, nullptr);
  if (!sample) return "";
  GstCaps *caps = gst_caps_from_string("image/jpeg,pixel-aspect-ratio=1/1");
  GstSample *picture = gst_video_convert_sample(sample, caps, 2 * GST_SECOND, nullptr);
  gst_caps_unref(caps);
  gst_sample_unref(sample);
  if (!picture) return "";
  std::string jpeg;
  GstMapInfo map;
  if (GstBuffer *buffer = gst_sample_get_buffer(picture); buffer && gst_buffer_map(buffer, &map, GST_MAP_READ)) {
    jpeg.assign(reinterpret_cast<const char *>(map.data), map.size);
    gst_buffer_unmap(buffer, &map);
  }
  gst_sample_unref(picture);
  return jpeg;
}

bool CameraPipeline::rewind() {
  ended_ = false;
  return gst_element_seek_simple(pipeline_, GST_FORMAT_TIME, static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT), 0);
}

GstClockTime CameraPipeline::runningTime() const {
  GstClock *clock = gst_element_get_clock(pipeline_);
  if (!clock) return GST_CLOCK_TIME_NONE;
  const GstClockTime now = gst_clock_get_time(clock), base = gst_element_get_base_time(pipeline_);
  gst_object_unref(clock);
  return now > base ? now - base : 0;
}

std::int64_t CameraPipeline::wallTime(GstClockTime running_time, bool &by_camera) const {
  const std::int64_t offset = camera_offset_;
  by_camera = offset != 0;
  if (by_camera) return offset + static_cast<std::int64_t>(running_time);
  const GstClockTime now = runningTime();
  const std::int64_t wall = g_get_real_time() * 1000;
  return GST_CLOCK_TIME_IS_VALID(now) ? wall - static_cast<std::int64_t>(now) + static_cast<std::int64_t>(running_time) : wall;
}

}  // namespace sta::monitor
