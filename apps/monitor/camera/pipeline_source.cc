// SPDX-License-Identifier: MIT
// Builds the first part of the pipeline: from a camera's address to decoded frames and recorded streams.
//
//   source ─► parsebin ─► h264parse ─► tee ─► appsink (memory ring)
//                      │                └───► decodebin ─► analysis
//                      ├► other video ─► decodebin ─► tee ─► analysis
//                      │                               └───► x264enc ─► appsink
//                      └► sound ─► aacparse, or decodebin ─► avenc_aac ─► appsink
#include <gst/app/gstappsink.h>

#include "monitor/camera/pads.h"
#include "monitor/camera/pipeline.h"
#include "monitor/camera/uri.h"

namespace sta::monitor {
namespace {

// Seconds from 1900, where NTP starts, to 1970.
constexpr std::int64_t kNtpToUnix = 2'208'988'800LL * 1'000'000'000;

// x264enc and avenc_aac, for sources whose format cannot go into a clip as it is.
constexpr const char *kEncodeVideo =
    "queue max-size-buffers=30 max-size-bytes=0 max-size-time=0 leaky=downstream ! videoconvert ! "
    "x264enc tune=zerolatency speed-preset=superfast key-int-max=30 ! h264parse ! capsfilter caps=video/x-h264,stream-format=avc,alignment=au";
constexpr const char *kEncodeSound =
    "queue ! decodebin ! audioconvert ! audioresample ! avenc_aac ! aacparse ! capsfilter caps=audio/mpeg,stream-format=raw";

}  // namespace

bool CameraPipeline::addSource(const CameraSettings &settings, std::string &error) {
  GstElement *source = nullptr;
  if (uriScheme(settings.uri) == "test") {
    source = add("videotestsrc", error);
    if (!source) return false;
    g_object_set(source, "is-live", TRUE, nullptr);
    const std::string pattern = settings.uri.substr(std::min<std::size_t>(settings.uri.size(), 7));
    if (!pattern.empty()) gst_util_set_object_arg(G_OBJECT(source), "pattern", pattern.c_str());
  } else {
    GError *fault = nullptr;
    source = gst_element_make_from_uri(GST_URI_SRC, settings.uri.c_str(), nullptr, &fault);
    if (!source) {
      error = "the address cannot be used: " + withoutSecrets(fault ? fault->message : "no element of GStreamer takes it", settings);
      g_clear_error(&fault);
      return false;
    }
    gst_bin_add(GST_BIN(pipeline_), source);
  }
  GObjectClass *type = G_OBJECT_GET_CLASS(source);
  if (!settings.user.empty() && g_object_class_find_property(type, "user-id"))
    g_object_set(source, "user-id", settings.user.c_str(), "user-pw", settings.password.c_str(), nullptr);
  if (g_object_class_find_property(type, "protocols")) {  // rtspsrc
    gst_util_set_object_arg(G_OBJECT(source), "protocols", settings.transport == Transport::kTcp ? "tcp" : "udp");
    g_object_set(source, "latency", 200u, "tcp-timeout", guint64{5'000'000}, "timeout", guint64{5'000'000}, nullptr);
    if (g_object_class_find_property(type, "add-reference-timestamp-meta")) g_object_set(source, "add-reference-timestamp-meta", TRUE, nullptr);
  }
  if (uriScheme(settings.uri).starts_with("http")) {
    g_object_set(source, "do-timestamp", TRUE, nullptr);
    if (g_object_class_find_property(type, "timeout")) g_object_set(source, "timeout", 10u, nullptr);
    if (g_object_class_find_property(type, "retries")) g_object_set(source, "retries", 0, nullptr);
  }
  if (raw_) {
    GstPad *pad = gst_element_get_static_pad(source, "src");
    if (uriScheme(settings.uri) == "test") {
      GstElement *format = add("capsfilter", error);
      if (!format) return false;
      gst_util_set_object_arg(G_OBJECT(format), "caps", "video/x-raw,format=I420,width=640,height=360,framerate=15/1");
      gst_element_link(source, format);
      gst_object_unref(pad);
      pad = gst_element_get_static_pad(format, "src");
    }
    addDecoder(pad);
    gst_object_unref(pad);
    return true;
  }
  g_signal_connect(source, "pad-added",
                   G_CALLBACK(+[](GstElement *, GstPad *pad, gpointer self) { static_cast<CameraPipeline *>(self)->addParser(pad); }), this);
  // Sources that have their pad from the start.
  if (GstPad *pad = gst_element_get_static_pad(source, "src")) {
    addParser(pad);
    gst_object_unref(pad);
  }
  return true;
}

// parsebin takes the input apart, RTP as well as files, down to encoded streams.
void CameraPipeline::addParser(GstPad *pad) {
  std::string error;
  const HeldCaps caps = capsOf(pad);
  // A camera's other streams, such as its ONVIF metadata, are not used.
  if (isName(caps.get(), "application/x-rtp")) {
    const char *media = gst_structure_get_string(gst_caps_get_structure(caps.get(), 0), "media");
    if (media && !g_str_equal(media, "video") && !g_str_equal(media, "audio")) {
      if (GstElement *sink = add("fakesink", error)) {
        g_object_set(sink, "async", FALSE, "sync", FALSE, nullptr);
        linkPad(pad, sink);
        gst_element_sync_state_with_parent(sink);
      }
      return;
    }
  }
  GstElement *parser = add("parsebin", error);
  if (!parser) return;
  g_signal_connect(parser, "pad-added",
                   G_CALLBACK(+[](GstElement *, GstPad *stream, gpointer self) { static_cast<CameraPipeline *>(self)->newStream(stream); }), this);
  linkPad(pad, parser);
  gst_element_sync_state_with_parent(parser);
}

void CameraPipeline::newStream(GstPad *pad) {
  const HeldCaps caps = capsOf(pad);
  const bool h264 = isName(caps.get(), "video/x-h264"), h265 = isName(caps.get(), "video/x-h265");
  const bool video = mediaIs(caps.get(), "video/") || mediaIs(caps.get(), "image/");
  if (video && !have_video_.exchange(true)) {
    watchClock(pad);
    if (h264 || h265) {
      addEncodedVideo(pad, h265);
    } else {
      raw_ = true;
      addDecoder(pad);
    }
    return;
  }
  if (!video && mediaIs(caps.get(), "audio/") && recorder_ && !have_sound_.exchange(true)) {
    int version = 0;
    gst_structure_get_int(gst_caps_get_structure(caps.get(), 0), "mpegversion", &version);
    addSound(pad, isName(caps.get(), "audio/mpeg") && version >= 2);
    return;
  }
  std::string error;
  if (GstElement *sink = add("fakesink", error)) {
    g_object_set(sink, "async", FALSE, "sync", FALSE, nullptr);
    linkPad(pad, sink);
    gst_element_sync_state_with_parent(sink);
  }
}

// Passes the encoded stream unchanged to the memory ring and to a decoder.
void CameraPipeline::addEncodedVideo(GstPad *pad, bool h265) {
  std::string error;
  if (!recorder_) {
    addDecoder(pad);
    return;
  }
  GstElement *parse = add(h265 ? "h265parse" : "h264parse", error), *format = add("capsfilter", error), *tee = add("tee", error);
  GstElement *queue = add("queue", error), *ring = add("queue", error), *sink = recordSink(kVideo);
  if (!error.empty()) {
    GST_ELEMENT_ERROR(pipeline_, CORE, MISSING_PLUGIN, ("%s", error.c_str()), (nullptr));
    return;
  }
  g_object_set(parse, "config-interval", 0, nullptr);
  gst_util_set_object_arg(G_OBJECT(format), "caps",
                          h265 ? "video/x-h265,stream-format=hvc1,alignment=au" : "video/x-h264,stream-format=avc,alignment=au");
  gst_element_link_many(parse, format, tee, ring, sink, nullptr);
  gst_element_link(tee, queue);
  for (GstElement *element : {sink, ring, queue, tee, format, parse}) gst_element_sync_state_with_parent(element);
  GstPad *out = gst_element_get_static_pad(queue, "src");
  addDecoder(out);
  gst_object_unref(out);
  linkPad(pad, parse);
}

void CameraPipeline::addDecoder(GstPad *pad) {
  std::string error;
  GstElement *decoder = add("decodebin", error);
  if (!decoder) return;
  // Each frame thread of libav costs memory and a frame of delay. A camera's picture needs one or two threads.
  g_signal_connect(decoder, "deep-element-added", G_CALLBACK(+[](GstBin *, GstBin *, GstElement *element, gpointer) {
                     if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), "max-threads")) g_object_set(element, "max-threads", 2, nullptr);
                   }),
                   nullptr);
  g_signal_connect(decoder, "pad-added",
                   G_CALLBACK(+[](GstElement *, GstPad *raw, gpointer self) { static_cast<CameraPipeline *>(self)->decoded(raw); }), this);
  linkPad(pad, decoder);
  gst_element_sync_state_with_parent(decoder);
}

void CameraPipeline::decoded(GstPad *pad) {
  const HeldCaps caps = capsOf(pad);
  if (!mediaIs(caps.get(), "video/")) return;
  if (!(recorder_ && raw_)) {
    linkPad(pad, analysis_);
    return;
  }
  // A clip cannot hold the source's format, so this encodes it.
  std::string error;
  GError *fault = nullptr;
  GstElement *tee = add("tee", error), *queue = add("queue", error), *sink = recordSink(kVideo);
  GstElement *encoder = gst_parse_bin_from_description(kEncodeVideo, TRUE, &fault);
  if (!tee || !queue || !sink || !encoder || fault) {
    GST_ELEMENT_ERROR(pipeline_, CORE, MISSING_PLUGIN, ("an encoder for clips is missing: %s", fault ? fault->message : error.c_str()), (nullptr));
    g_clear_error(&fault);
    return;
  }
  gst_bin_add(GST_BIN(pipeline_), encoder);
  gst_element_link_many(tee, encoder, sink, nullptr);
  gst_element_link_many(tee, queue, analysis_, nullptr);
  for (GstElement *element : {sink, encoder, queue, tee}) gst_element_sync_state_with_parent(element);
  linkPad(pad, tee);
}

void CameraPipeline::addSound(GstPad *pad, bool aac) {
  GError *fault = nullptr;
  GstElement *chain =
      gst_parse_bin_from_description(aac ? "queue ! aacparse ! capsfilter caps=audio/mpeg,stream-format=raw" : kEncodeSound, TRUE, &fault);
  GstElement *sink = recordSink(kAudio);
  if (!chain || !sink || fault) {
    // A clip without sound is better than no camera.
    g_clear_error(&fault);
    std::string error;
    if (chain) gst_object_unref(chain);
    if (!sink) sink = add("fakesink", error);
    linkPad(pad, sink);
    gst_element_sync_state_with_parent(sink);
    return;
  }
  gst_bin_add(GST_BIN(pipeline_), chain);
  gst_element_link(chain, sink);
  gst_element_sync_state_with_parent(sink);
  gst_element_sync_state_with_parent(chain);
  linkPad(pad, chain);
}

GstElement *CameraPipeline::recordSink(Stream stream) {
  std::string error;
  GstElement *sink = add("appsink", error);
  if (!sink) return nullptr;
  g_object_set(sink, "sync", FALSE, "async", FALSE, "max-buffers", 30u, nullptr);
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = stream == kVideo
                             ? +[](GstAppSink *from, gpointer self) { return static_cast<CameraPipeline *>(self)->recorded(from, kVideo); }
                             : +[](GstAppSink *from, gpointer self) { return static_cast<CameraPipeline *>(self)->recorded(from, kAudio); };
  gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, this, nullptr);
  return sink;
}

GstFlowReturn CameraPipeline::recorded(GstAppSink *from, Stream stream) {
  GstSample *sample = gst_app_sink_pull_sample(from);
  if (!sample) return GST_FLOW_EOS;
  GstBuffer *buffer = gst_sample_get_buffer(sample);
  const GstSegment *segment = gst_sample_get_segment(sample);
  if (left_) {
    gst_sample_unref(sample);
    return GST_FLOW_EOS;
  }
  if (GstCaps *caps = gst_sample_get_caps(sample)) recorder_->setCaps(stream, caps);
  if (buffer && segment->format == GST_FORMAT_TIME) {
    MediaSample media;
    media.stream = stream;
    media.buffer = HeldBuffer::share(buffer);
    media.pts = mediaTime(segment, GST_BUFFER_PTS(buffer));
    media.dts = mediaTime(segment, GST_BUFFER_DTS(buffer));
    media.key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    recorder_->push(std::move(media));
  }
  gst_sample_unref(sample);
  return GST_FLOW_OK;
}

// RTP can tell at which time of the camera's clock a frame was taken (RTCP sender reports). rtspsrc attaches that time.
void CameraPipeline::watchClock(GstPad *pad) {
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *info, gpointer self) {
        static GstStaticCaps ntp = GST_STATIC_CAPS("timestamp/x-ntp");
        GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
        GstCaps *caps = gst_static_caps_get(&ntp);
        const GstReferenceTimestampMeta *meta = gst_buffer_get_reference_timestamp_meta(buffer, caps);
        gst_caps_unref(caps);
        // rtspsrc's segments begin at 0, so a time stamp is a running time.
        if (meta && GST_BUFFER_PTS_IS_VALID(buffer))
          static_cast<CameraPipeline *>(self)->camera_offset_ =
              static_cast<std::int64_t>(meta->timestamp) - kNtpToUnix - static_cast<std::int64_t>(GST_BUFFER_PTS(buffer));
        return GST_PAD_PROBE_OK;
      },
      this, nullptr);
}

}  // namespace sta::monitor
