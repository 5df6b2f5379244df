// SPDX-License-Identifier: MIT
// See gst_source.h.
#include "gst_source.h"

#include <filesystem>

#include "options.h"

namespace cli {
namespace {

std::string uri_of(const std::string &video) {
  if (gst_uri_is_valid(video.c_str())) return video;
  std::error_code ec;
  if (!std::filesystem::exists(video, ec)) throw RunError(video + ": no such file");
  gchar *uri = gst_filename_to_uri(video.c_str(), nullptr);
  if (!uri) throw RunError(video + ": cannot be made a URI");
  std::string result = uri;
  g_free(uri);
  return result;
}

// The decoder's first video pad goes into the chain; further ones, and sound, are left alone.
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

void add_source(GstElement *pipeline, const std::string &video, GstElement *next) {
  const std::string uri = uri_of(video);
  GstElement *source = make(pipeline, "uridecodebin", "gstreamer1.0-plugins-base");
  g_object_set(source, "uri", uri.c_str(), nullptr);
  g_signal_connect(source, "pad-added", G_CALLBACK(on_pad), next);
  g_signal_connect(source, "no-more-pads", G_CALLBACK(on_no_more_pads), next);
}

std::string error_of(GstMessage *message) {
  GError *error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  const std::string text = error->message;
  g_error_free(error);
  return text;
}

}  // namespace cli
