// SPDX-License-Identifier: MIT
// See gst_source.h.
#include "gst_source.h"

#include <cstring>
#include <filesystem>
#include <fstream>

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

// frames/%04d.png, unless a file has that very name.
bool is_sequence(const std::string &video) {
  std::error_code ec;
  const size_t percent = video.find('%');
  if (percent == std::string::npos || gst_uri_is_valid(video.c_str()) || std::filesystem::exists(video, ec)) return false;
  const size_t end = video.find_first_not_of("0123456789", percent + 1);
  return end != std::string::npos && video[end] == 'd' && video.find('%', end) == std::string::npos;
}

// GStreamer's GIF demuxer gives all frames the time 0 and begins anew at the end, for ever.
void refuse_gif(const std::string &video) {
  char magic[4] = {};
  std::error_code ec;
  if (!std::filesystem::is_regular_file(video, ec)) return;
  std::ifstream(video, std::ios::binary).read(magic, sizeof magic);
  if (std::memcmp(magic, "GIF8", sizeof magic) != 0) return;
  throw RunError(video +
                 ": GStreamer cannot play animated GIFs to their end; make a video of it first (ffmpeg -i in.gif out.mp4) or give its pictures as a "
                 "sequence (frames/%04d.png with --rate)");
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

void link_first_video_pad(GstElement *decoder, GstElement *next) {
  g_signal_connect(decoder, "pad-added", G_CALLBACK(on_pad), next);
  g_signal_connect(decoder, "no-more-pads", G_CALLBACK(on_no_more_pads), next);
}

void add_sequence(GstElement *pipeline, const std::string &pattern, GstElement *next, double rate) {
  if (!(rate > 0)) throw UsageError(pattern + " is a sequence of pictures: --rate says how many of them make a second");
  std::string extension = std::filesystem::path(pattern).extension().string();
  for (char &c : extension) c = static_cast<char>(g_ascii_tolower(c));
  const char *type = extension == ".png" ? "image/png" : extension == ".jpg" || extension == ".jpeg" ? "image/jpeg" : nullptr;
  if (!type) throw RunError(pattern + ": pictures of a sequence should be .png, .jpg or .jpeg");
  // Numbering begins at 0 or 1.
  int first = 0;
  const auto name = [&](int index) {
    gchar *text = g_strdup_printf(pattern.c_str(), index);  // the pattern holds one %d: is_sequence()
    const std::string result = text;
    g_free(text);
    return result;
  };
  std::error_code ec;
  while (first < 2 && !std::filesystem::exists(name(first), ec)) ++first;
  if (first == 2) throw RunError(pattern + ": neither " + name(0) + " nor " + name(1) + " is there");
  GstElement *source = make(pipeline, "multifilesrc", "gstreamer1.0-plugins-good"),
             *decoder = make(pipeline, "decodebin", "gstreamer1.0-plugins-base");
  gint n = 0, d = 1;
  gst_util_double_to_fraction(rate, &n, &d);
  GstCaps *caps = gst_caps_new_simple(type, "framerate", GST_TYPE_FRACTION, n, d, nullptr);
  g_object_set(source, "location", pattern.c_str(), "start-index", first, "caps", caps, nullptr);
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

void add_source(GstElement *pipeline, const std::string &video, GstElement *next, double rate) {
  if (is_sequence(video)) {
    add_sequence(pipeline, video, next, rate);
    return;
  }
  if (rate > 0) throw UsageError("--rate is for sequences of pictures, such as frames/%04d.png");
  const std::string uri = uri_of(video);
  refuse_gif(video);
  GstElement *source = make(pipeline, "uridecodebin", "gstreamer1.0-plugins-base");
  g_object_set(source, "uri", uri.c_str(), nullptr);
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
