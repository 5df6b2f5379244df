// SPDX-License-Identifier: MIT
// See gst_source.h.
#include "gst_source.h"

#include <filesystem>

#include "options.h"
#include "picture_sequence.h"

namespace cli {
namespace {

std::string uri_of(const std::string &video) {
  if (gst_uri_is_valid(video.c_str())) return video;
  std::error_code ec;
  if (!std::filesystem::exists(video, ec)) throw RunError(video + ": no such file");
  if (std::filesystem::is_directory(video, ec))
    throw RunError(video + ": a folder; a sequence of pictures is given as " + (std::filesystem::path(video) / "%04d.png").string() + " with --rate");
  gchar *uri = gst_filename_to_uri(video.c_str(), nullptr);
  if (!uri) throw RunError(video + ": cannot be made a URI");
  std::string result = uri;
  g_free(uri);
  return result;
}

// GStreamer 1.22's GIF demuxer never ends on a file that it can seek in, and its decoder gives all frames the time 0.
gboolean refuse_gif(GstElement *decoder, GstPad *, GstCaps *caps, gpointer) {
  if (gst_caps_is_any(caps) || gst_caps_is_empty(caps) || !gst_structure_has_name(gst_caps_get_structure(caps, 0), "image/gif")) return TRUE;
  GST_ELEMENT_ERROR(
      decoder, STREAM, NOT_IMPLEMENTED,
      ("GStreamer cannot play animated GIFs to their end; make a video of it first (ffmpeg -i in.gif out.mp4) or give its pictures as a "
       "sequence (frames/%%04d.png with --rate)"),
      (nullptr));
  return FALSE;
}

// Links the decoder's first video pad to the chain. Ignores further ones, and sound.
void on_pad(GstElement *, GstPad *pad, gpointer user) {
  const Object<GstPad> sink(gst_element_get_static_pad(static_cast<GstElement *>(user), "sink"));
  if (gst_pad_is_linked(sink.get())) return;
  GstCaps *caps = gst_pad_get_current_caps(pad);
  if (!caps) caps = gst_pad_query_caps(pad, nullptr);
  const bool video = caps && gst_caps_get_size(caps) > 0 && g_str_has_prefix(gst_structure_get_name(gst_caps_get_structure(caps, 0)), "video/");
  gst_clear_caps(&caps);
  if (video) gst_pad_link(pad, sink.get());
}

void on_no_more_pads(GstElement *decoder, gpointer user) {
  const Object<GstPad> sink(gst_element_get_static_pad(static_cast<GstElement *>(user), "sink"));
  if (!gst_pad_is_linked(sink.get())) GST_ELEMENT_ERROR(decoder, STREAM, WRONG_TYPE, ("the file holds no video"), (nullptr));
}

void link_first_video_pad(GstElement *decoder, GstElement *next) {
  g_signal_connect(decoder, "pad-added", G_CALLBACK(on_pad), next);
  g_signal_connect(decoder, "no-more-pads", G_CALLBACK(on_no_more_pads), next);
}

void add_sequence(GstElement *pipeline, const std::string &name, GstElement *next, double rate) {
  if (rate <= 0) throw RunError(name + " is a sequence of pictures: --rate says how many of them make a second");
  const PictureSequence pictures = find_sequence(name);
  GstElement *source = make(pipeline, "multifilesrc", "gstreamer1.0-plugins-good"),
             *decoder = make(pipeline, "decodebin", "gstreamer1.0-plugins-base");
  gint n = 0, d = 1;
  gst_util_double_to_fraction(rate, &n, &d);
  GstCaps *caps = gst_caps_new_simple(pictures.media_type, "framerate", GST_TYPE_FRACTION, n, d, nullptr);
  g_object_set(source, "location", pictures.pattern.c_str(), "start-index", pictures.first, "stop-index", pictures.last, "caps", caps, nullptr);
  gst_caps_unref(caps);
  link({source, decoder});
  link_first_video_pad(decoder, next);
}

}  // namespace

void start_gstreamer() {
  GError *error = nullptr;
  if (gst_init_check(nullptr, nullptr, &error)) return;
  const std::string text = error ? error->message : "unknown reason";
  g_clear_error(&error);
  throw RunError("GStreamer does not start: " + text);
}

GstElement *make(GstElement *pipeline, const char *factory, const char *package) {
  GstElement *element = gst_element_factory_make(factory, nullptr);
  if (!element) throw RunError(std::string("GStreamer element ") + factory + " is missing (" + package + ")");
  gst_bin_add(GST_BIN(pipeline), element);
  return element;
}

void link(std::initializer_list<GstElement *> chain) {
  GstElement *previous = nullptr;
  for (GstElement *element : chain) {
    if (previous && !gst_element_link(previous, element))
      throw RunError(std::string("cannot link ") + GST_OBJECT_NAME(previous) + " to " + GST_OBJECT_NAME(element));
    previous = element;
  }
}

double checked_rate(double rate) {
  if (!(rate >= 0.01 && rate <= 1000)) throw UsageError("--rate should be 0.01 to 1000 pictures a second");
  return rate;
}

void add_source(GstElement *pipeline, const std::string &video, GstElement *next, double rate) {
  if (is_sequence(video)) {
    add_sequence(pipeline, video, next, rate);
    return;
  }
  const std::string uri = uri_of(video);
  GstElement *source = make(pipeline, "uridecodebin", "gstreamer1.0-plugins-base");
  g_object_set(source, "uri", uri.c_str(), nullptr);
  g_signal_connect(source, "autoplug-continue", G_CALLBACK(refuse_gif), nullptr);
  link_first_video_pad(source, next);
}

std::string error_of(GstMessage *message) {
  GError *error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  const std::string text = error->message;
  g_error_free(error);
  return text;
}

}  // namespace cli
