// SPDX-License-Identifier: MIT
// See frame_reader.h.
#include "frame_reader.h"

#include <gst/app/gstappsink.h>

#include "display_matrix.h"
#include "options.h"
#include "staaction/frames/frame_input.h"
#include "staaction/settings/settings.h"

namespace cli {
namespace {

constexpr int kPatience = 60;  // s without a frame; some files make a demuxer or decoder stand still

sta::gst::CoreApi linked_core() {
  sta::gst::CoreApi core;
  core.sta_frame_init_sized = sta_frame_init_sized;
  return core;
}

}  // namespace

void FrameReader::Held::release() {
  if (!sample) return;
  gst_video_frame_unmap(&mapped);
  gst_sample_unref(sample);
  sample = nullptr;
}

// Takes ownership of the sample, also if it throws.
void FrameReader::Held::hold(GstSample *taken, sta_orientation orientation, const std::string &video) {
  release();
  GstVideoInfo info;
  GstCaps *caps = gst_sample_get_caps(taken);
  GstBuffer *buffer = gst_sample_get_buffer(taken);
  if (!caps || !buffer || !gst_video_info_from_caps(&info, caps) || !gst_video_frame_map(&mapped, &info, buffer, GST_MAP_READ)) {
    gst_sample_unref(taken);
    throw RunError(video + ": a decoded frame cannot be read");
  }
  sample = taken;
  static const sta::gst::CoreApi core = linked_core();
  frame = sta::gst::inputFrame(core, mapped);
  frame.orientation = orientation;
  const GstClockTime pts = GST_BUFFER_PTS(buffer), duration = GST_BUFFER_DURATION(buffer);
  const GstSegment *segment = gst_sample_get_segment(taken);
  frame.time = STA_TIME_NONE;
  if (GST_CLOCK_TIME_IS_VALID(pts)) {
    const guint64 running = gst_segment_to_running_time(segment, GST_FORMAT_TIME, pts);
    frame.time = running == GST_CLOCK_TIME_NONE ? STA_TIME_NONE : running;
  }
  frame.duration = STA_TIME_NONE;
  if (GST_CLOCK_TIME_IS_VALID(duration))
    frame.duration = duration;
  else if (info.fps_n > 0 && info.fps_d > 0)
    frame.duration = gst_util_uint64_scale(GST_SECOND, static_cast<guint64>(info.fps_d), static_cast<guint64>(info.fps_n));
  if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT)) frame.flags |= STA_FRAME_DISCONT;
}

FrameReader::FrameReader(const std::string &video, double rate)
    : video_(video), pipeline_(gst_pipeline_new(nullptr)), said_(display_orientation(video)), orientation_(said_.value_or(STA_ORIENTATION_NONE)) {
  GstElement *convert = make(pipeline_.get(), "videoconvert", "gstreamer1.0-plugins-base");
  sink_ = make(pipeline_.get(), "appsink", "gstreamer1.0-plugins-base");
  GstCaps *caps = gst_caps_from_string("video/x-raw, format = (string) " STA_ACTION_FORMATS);
  g_object_set(sink_, "caps", caps, "sync", FALSE, "max-buffers", 4u, "emit-signals", FALSE, nullptr);
  gst_caps_unref(caps);
  link({convert, sink_});
  add_source(pipeline_.get(), video, convert, rate);
  const Object<GstPad> pad(gst_element_get_static_pad(sink_, "sink"));
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, see_event, this, nullptr);
  bus_.reset(gst_element_get_bus(pipeline_.get()));
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);  // if the state change fails, a message gives the reason
}

GstPadProbeReturn FrameReader::see_event(GstPad *, GstPadProbeInfo *info, gpointer user) {
  auto *self = static_cast<FrameReader *>(user);
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GST_EVENT_TYPE(event) != GST_EVENT_TAG) return GST_PAD_PROBE_OK;
  GstTagList *tags = nullptr;
  gst_event_parse_tag(event, &tags);
  self->tags_.take(tags);
  if (!self->said_) self->orientation_ = self->tags_.of(sta::gst::kOrientationAuto);
  return GST_PAD_PROBE_OK;
}

FrameReader::~FrameReader() {
  for (Held &held : held_) held.release();
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
}

void FrameReader::check_bus() {
  GstMessage *message = gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_ERROR);
  if (!message) return;
  const std::string text = error_of(message);
  gst_message_unref(message);
  throw RunError(video_ + ": " + text);
}

GstSample *FrameReader::pull() {
  // An error does not wake a wait for a sample. So this asks the sink in short steps, and the bus between them.
  for (int waited = 0; waited < 10 * kPatience; ++waited) {
    check_bus();
    if (GstSample *sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink_), GST_SECOND / 10)) return sample;
    if (gst_app_sink_is_eos(GST_APP_SINK(sink_))) {
      check_bus();
      return nullptr;
    }
  }
  throw RunError(video_ + ": no frame came for " + std::to_string(kPatience) + " s");
}

const sta_frame *FrameReader::next() {
  GstSample *sample = pull();
  if (!sample) return nullptr;
  newest_ ^= 1;
  held_[newest_].hold(sample, orientation_, video_);
  return &held_[newest_].frame;
}

}  // namespace cli
