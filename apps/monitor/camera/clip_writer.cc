// SPDX-License-Identifier: MIT
#include "monitor/camera/clip_writer.h"

#include <gst/app/gstappsrc.h>

#include <atomic>
#include <chrono>

namespace sta::monitor {
namespace {

// If more bytes than this wait, the disk is too slow for the camera.
constexpr std::size_t kMostBytesWaiting = 64 << 20;
constexpr auto kTimeToClose = std::chrono::seconds(5);
// So many bytes of a stream wait in the pipeline. If none of them is taken for so long, the disk hangs.
constexpr guint64 kMostBytesInside = 4 << 20;
constexpr auto kLongestWait = std::chrono::seconds(30);

}  // namespace

// The pipeline that makes the file.
struct ClipMuxer {
  GstElement *pipeline = nullptr;
  std::array<GstElement *, kStreams> sources{};
  GstBus *bus = nullptr;
  std::atomic<bool> failed = false;

  // Keeps what the writer waits for, and notes errors at once.
  static GstBusSyncReply noted(GstBus *, GstMessage *message, gpointer muxer) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) static_cast<ClipMuxer *>(muxer)->failed = true;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR || GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) return GST_BUS_PASS;
    gst_message_unref(message);
    return GST_BUS_DROP;
  }

  bool full(int stream) const { return gst_app_src_get_current_level_bytes(GST_APP_SRC(sources[stream])) >= kMostBytesInside; }

  std::string open(const std::string &path, const std::array<HeldCaps, kStreams> &caps) {
    pipeline = gst_pipeline_new(nullptr);
    bus = gst_element_get_bus(pipeline);
    gst_bus_set_sync_handler(bus, noted, this, nullptr);
    GstElement *mux = gst_element_factory_make("mp4mux", nullptr), *sink = gst_element_factory_make("filesink", nullptr);
    if (!mux || !sink) {
      if (mux) gst_object_unref(mux);
      if (sink) gst_object_unref(sink);
      return "GStreamer's mp4mux or filesink is missing";
    }
    g_object_set(mux, "fragment-duration", 1000u, nullptr);
    gst_util_set_object_arg(G_OBJECT(mux), "fragment-mode", "first-moov-then-finalise");
    g_object_set(sink, "location", path.c_str(), "async", FALSE, "sync", FALSE, nullptr);
    gst_util_set_object_arg(G_OBJECT(sink), "buffer-mode", "unbuffered");
    gst_bin_add_many(GST_BIN(pipeline), mux, sink, nullptr);
    if (!gst_element_link(mux, sink)) return "mp4mux cannot be linked to filesink";
    for (int stream = 0; stream < kStreams; ++stream) {
      if (!caps[stream]) continue;
      GstElement *source = sources[stream] = gst_element_factory_make("appsrc", nullptr);
      g_object_set(source, "caps", caps[stream].get(), "format", GST_FORMAT_TIME, "max-bytes", guint64{0}, nullptr);
      gst_bin_add(GST_BIN(pipeline), source);
      // Names the pad. mp4mux does not ask an appsrc for its caps, and would give it the first kind of pad that it has:
      // one for sound.
      if (!gst_element_link_pads(source, "src", mux, stream == kVideo ? "video_%u" : "audio_%u")) return "MP4 cannot hold what the camera sends";
    }
    return gst_element_set_state(pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE ? failure("the file cannot be opened") : "";
  }

  // The error that the pipeline has reported, or `otherwise`.
  std::string failure(const std::string &otherwise) {
    // `failed` is set just before the message is in the queue.
    GstMessage *message = gst_bus_timed_pop_filtered(bus, failed ? GST_SECOND : 0, GST_MESSAGE_ERROR);
    if (!message) return otherwise;
    GError *error = nullptr;
    gst_message_parse_error(message, &error, nullptr);
    const std::string text = error->message;
    g_error_free(error);
    gst_message_unref(message);
    return text;
  }

  std::string close() {
    for (GstElement *source : sources)
      if (source) gst_app_src_end_of_stream(GST_APP_SRC(source));
    GstMessage *message = gst_bus_timed_pop_filtered(bus, std::chrono::nanoseconds(kTimeToClose).count(),
                                                     static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    if (!message) return "the disk takes too long";
    std::string why;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      GError *error = nullptr;
      char *details = nullptr;
      gst_message_parse_error(message, &error, &details);
      why = error->message;
      GST_INFO("%s: %s", error->message, details ? details : "");
      g_error_free(error);
      g_free(details);
    }
    gst_message_unref(message);
    return why;
  }

  ~ClipMuxer() {
    if (!pipeline) return;
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_bus_set_sync_handler(bus, nullptr, nullptr, nullptr);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
  }
};

ClipWriter::ClipWriter(std::string path, std::array<HeldCaps, kStreams> caps, Done done)
    : path_(std::move(path)), caps_(std::move(caps)), done_(std::move(done)), thread_([this] { run(); }) {}

ClipWriter::~ClipWriter() {
  finish();
  thread_.join();
}

void ClipWriter::push(MediaSample sample) {
  {
    const std::lock_guard lock(mutex_);
    if (finished_ || overrun_) return;
    bytes_ += gst_buffer_get_size(sample.buffer.get());
    overrun_ = bytes_ > kMostBytesWaiting;
    samples_.push_back(std::move(sample));
  }
  changed_.notify_one();
}

void ClipWriter::finish() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  changed_.notify_one();
}

bool ClipWriter::feed(ClipMuxer &muxer, const MediaSample &sample) {
  GstElement *source = muxer.sources[sample.stream];
  if (!source || !GST_CLOCK_TIME_IS_VALID(sample.time())) return true;
  // The clip begins with the first frame. Sound from before it has no picture.
  if (!GST_CLOCK_TIME_IS_VALID(origin_)) {
    if (sample.stream != kVideo) return true;
    origin_ = sample.time();
  }
  if (sample.time() < origin_) return true;
  if (!waitForRoom(muxer, sample.stream)) return false;
  GstBuffer *buffer = gst_buffer_copy(sample.buffer.get());
  GST_BUFFER_PTS(buffer) = GST_CLOCK_TIME_IS_VALID(sample.pts) && sample.pts >= origin_ ? sample.pts - origin_ : sample.time() - origin_;
  GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_IS_VALID(sample.dts) ? sample.dts - origin_ : GST_CLOCK_TIME_NONE;
  return gst_app_src_push_buffer(GST_APP_SRC(source), buffer) == GST_FLOW_OK;
}

// An appsrc that blocks is no help here: when the file can no longer be written its thread pauses, and who waits for room
// in its queue waits for ever.
bool ClipWriter::waitForRoom(const ClipMuxer &muxer, int stream) {
  const auto until = std::chrono::steady_clock::now() + kLongestWait;
  while (!muxer.failed && muxer.full(stream)) {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, std::chrono::milliseconds(10), [this] { return overrun_; })) return false;
    if (std::chrono::steady_clock::now() > until) return false;
  }
  return !muxer.failed;
}

void ClipWriter::run() {
  std::string why;
  {
    ClipMuxer muxer;
    why = muxer.open(path_, caps_);
    while (why.empty()) {
      MediaSample sample;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !samples_.empty() || finished_ || overrun_; });
        if (overrun_) why = "the disk does not keep up";
        if (overrun_ || samples_.empty()) break;
        sample = std::move(samples_.front());
        samples_.pop_front();
        bytes_ -= gst_buffer_get_size(sample.buffer.get());
      }
      if (!feed(muxer, sample)) why = muxer.failure("the disk does not keep up");
    }
    if (why.empty()) why = muxer.close();
  }
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    samples_.clear();
  }
  done_(why.empty(), why);
}

}  // namespace sta::monitor
