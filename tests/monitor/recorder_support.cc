// SPDX-License-Identifier: MIT
#include "recorder_support.h"

#include <gst/app/gstappsink.h>

#include <chrono>

namespace sta::monitor {
namespace {

// Runs a pipeline whose appsink is called "sink", and hands out its samples. Returns the error text; `eos` says whether
// the end came.
template <typename Each>
std::string pull(const std::string &description, bool &eos, Each each) {
  GError *fault = nullptr;
  GstElement *pipeline = gst_parse_launch(description.c_str(), &fault);
  if (!pipeline || fault) {
    const std::string why = fault ? fault->message : "no pipeline";
    g_clear_error(&fault);
    return why;
  }
  GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  GstBus *bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  std::string error;
  const auto began = std::chrono::steady_clock::now();
  while (true) {
    if (GstSample *sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink), 50 * GST_MSECOND)) {
      each(sample);
      gst_sample_unref(sample);
      continue;
    }
    if (GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR)) {
      gst_message_parse_error(message, &fault, nullptr);
      error = fault->message;
      g_clear_error(&fault);
      gst_message_unref(message);
    }
    eos = gst_app_sink_is_eos(GST_APP_SINK(sink));
    if (eos || !error.empty()) break;
    if (std::chrono::steady_clock::now() - began > std::chrono::seconds(20)) {
      error = "nothing came for too long";
      break;
    }
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  return error;
}

Encoded encode(const std::string &description, Stream stream) {
  Encoded encoded;
  bool eos = false;
  const std::string error = pull(description, eos, [&](GstSample *from) {
    if (!encoded.caps) encoded.caps = HeldCaps::share(gst_sample_get_caps(from));
    GstBuffer *buffer = gst_sample_get_buffer(from);
    const GstSegment *segment = gst_sample_get_segment(from);
    // The same as in CameraPipeline::recorded().
    MediaSample sample;
    sample.stream = stream;
    sample.buffer = HeldBuffer::share(buffer);
    sample.pts = mediaTime(segment, GST_BUFFER_PTS(buffer));
    sample.dts = mediaTime(segment, GST_BUFFER_DTS(buffer));
    sample.key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    encoded.samples.push_back(std::move(sample));
  });
  EXPECT_EQ(error, "") << description;
  EXPECT_TRUE(eos);
  return encoded;
}

}  // namespace

Encoded encodeVideo(int frames, int group, const std::string &size, const std::string &options) {
  const std::size_t cross = size.find('x');
  return encode("videotestsrc pattern=ball num-buffers=" + std::to_string(frames) +
                    " ! video/x-raw,format=I420,framerate=30/1,width=" + size.substr(0, cross) + ",height=" + size.substr(cross + 1) +
                    " ! x264enc speed-preset=ultrafast threads=1 key-int-max=" + std::to_string(group) + " " + options +
                    " ! h264parse ! video/x-h264,stream-format=avc,alignment=au ! appsink name=sink sync=false",
                kVideo);
}

Encoded encodeSound(int milliseconds) {
  // 48000 samples a second, 480 in a buffer.
  return encode(
      "audiotestsrc samplesperbuffer=480 num-buffers=" + std::to_string(milliseconds / 10) +
          " ! audio/x-raw,rate=48000,channels=1 ! audioconvert ! avenc_aac ! aacparse ! audio/mpeg,stream-format=raw ! appsink name=sink sync=false",
      kAudio);
}

Played play(const std::string &path, Stream stream) {
  Played played;
  played.error = pull("filesrc location=" + path + " ! qtdemux name=d " +
                          (stream == kVideo ? "d.video_0 ! queue ! h264parse ! avdec_h264 max-threads=1 ! " : "d.audio_0 ! queue ! ") +
                          "appsink name=sink sync=false",
                      played.eos, [&](GstSample *sample) {
                        const GstStructure *format = gst_caps_get_structure(gst_sample_get_caps(sample), 0);
                        gst_structure_get_int(format, "width", &played.width);
                        gst_structure_get_int(format, "height", &played.height);
                        played.times.push_back(gst_segment_to_running_time(gst_sample_get_segment(sample), GST_FORMAT_TIME,
                                                                           GST_BUFFER_PTS(gst_sample_get_buffer(sample))));
                      });
  return played;
}

ClipWriter::Done Report::done() {
  return [state = state_](bool good, const std::string &why) {
    {
      const std::lock_guard lock(state->mutex);
      ++state->calls;
      state->good = good;
      state->why = why;
    }
    state->changed.notify_all();
  };
}

bool Report::wait(int milliseconds) {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(lock, std::chrono::milliseconds(milliseconds), [this] { return state_->calls > 0; });
}

int Report::calls() const {
  const std::lock_guard lock(state_->mutex);
  return state_->calls;
}

bool Report::good() const {
  const std::lock_guard lock(state_->mutex);
  return state_->good;
}

std::string Report::why() const {
  const std::lock_guard lock(state_->mutex);
  return state_->why;
}

}  // namespace sta::monitor

int main(int count, char **arguments) {
  testing::InitGoogleTest(&count, arguments);
  gst_init(&count, &arguments);
  return RUN_ALL_TESTS();
}
