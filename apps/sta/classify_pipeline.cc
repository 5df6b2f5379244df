// SPDX-License-Identifier: MIT
// See classify_pipeline.h.
#include "classify_pipeline.h"

#include <algorithm>
#include <filesystem>

#include "display_matrix.h"
#include "gst_source.h"
#include "install_dirs.h"
#include "options.h"

namespace cli {
namespace {

void set(GstElement *element, const std::string &property, const std::string &value) {
  GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), property.c_str());
  GValue parsed = G_VALUE_INIT;
  if (spec) g_value_init(&parsed, spec->value_type);
  const bool good = spec && (spec->value_type == G_TYPE_STRING ? (g_value_set_string(&parsed, value.c_str()), true)
                                                               : gst_value_deserialize(&parsed, value.c_str()));
  if (!good) throw UsageError("\"" + value + "\" is no value for " + property);
  const bool clamped = g_param_value_validate(spec, &parsed);
  if (clamped) {
    g_value_unset(&parsed);
    throw UsageError(property + " " + value + " is out of range: " + g_param_spec_get_blurb(spec));
  }
  g_object_set_property(G_OBJECT(element), property.c_str(), &parsed);
  g_value_unset(&parsed);
}

ClassifiedWindow read_window(const GstStructure *s) {
  ClassifiedWindow w;
  guint64 id = 0, start = 0, end = 0, inference = 0;
  gst_structure_get_uint64(s, "window-id", &id);
  gst_structure_get_uint64(s, "window-start", &start);
  gst_structure_get_uint64(s, "window-end", &end);
  gst_structure_get_uint64(s, "inference-time", &inference);
  gboolean flag = FALSE;
  if (gst_structure_get_boolean(s, "below-threshold", &flag)) w.below_threshold = flag;
  if (gst_structure_get_boolean(s, "degraded", &flag)) w.degraded = flag;
  gst_structure_get_int(s, "drop-number", &w.drop_number);
  gst_structure_get_int(s, "tokens", &w.tokens);
  gst_structure_get_double(s, "gmacs", &w.gmacs);
  if (const gchar *error = gst_structure_get_string(s, "error")) w.error = error;
  w.id = id;
  w.start = static_cast<double>(start) / GST_SECOND;
  w.end = static_cast<double>(end) / GST_SECOND;
  w.inference_ms = static_cast<double>(inference) / GST_MSECOND;
  const GValue *labels = gst_structure_get_value(s, "labels"), *confidences = gst_structure_get_value(s, "confidences");
  if (labels && confidences)
    for (guint i = 0; i < gst_value_array_get_size(labels) && i < gst_value_array_get_size(confidences); ++i) {
      const GValue *c = gst_value_array_get_value(confidences, i);
      GValue number = G_VALUE_INIT;
      g_value_init(&number, G_TYPE_DOUBLE);
      g_value_transform(c, &number);
      w.top.emplace_back(g_value_get_string(gst_value_array_get_value(labels, i)), g_value_get_double(&number));
    }
  return w;
}

// Removes the orientation tag behind videoflip, which leaves the tag as it is. Otherwise an element, or the player of
// the written file, would turn the frames a second time.
GstPadProbeReturn without_orientation(GstPad *, GstPadProbeInfo *info, gpointer) {
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GST_EVENT_TYPE(event) != GST_EVENT_TAG) return GST_PAD_PROBE_OK;
  GstTagList *tags = nullptr;
  gst_event_parse_tag(event, &tags);
  if (!gst_tag_list_get_tag_size(tags, GST_TAG_IMAGE_ORIENTATION)) return GST_PAD_PROBE_OK;
  GstTagList *rest = gst_tag_list_copy(tags);
  gst_tag_list_remove_tag(rest, GST_TAG_IMAGE_ORIENTATION);
  GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_tag(rest);
  gst_event_unref(event);
  return GST_PAD_PROBE_OK;
}

// The frames that have reached the element. The streaming thread writes them; they are read after it has ended.
struct FramesSeen {
  guint64 count = 0;
  GstClockTime start = GST_CLOCK_TIME_NONE, end = 0;
};

GstPadProbeReturn see_frame(GstPad *, GstPadProbeInfo *info, gpointer user) {
  auto *seen = static_cast<FramesSeen *>(user);
  const GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  ++seen->count;
  if (!GST_BUFFER_PTS_IS_VALID(buffer)) return GST_PAD_PROBE_OK;
  seen->start = std::min(seen->start, GST_BUFFER_PTS(buffer));
  seen->end = std::max(seen->end, GST_BUFFER_PTS(buffer) + (GST_BUFFER_DURATION_IS_VALID(buffer) ? GST_BUFFER_DURATION(buffer) : 0));
  return GST_PAD_PROBE_OK;
}

// Returns the staaction; the pipeline owns it.
GstElement *build(GstElement *pipeline, const ClassifyRequest &request) {
  GstElement *convert = make(pipeline, "videoconvert", "gstreamer1.0-plugins-base");
  GstElement *action = make(pipeline, "staaction", "this project's plugin");
  g_object_set(action, "sync", TRUE, "post-windows", TRUE, nullptr);
  for (const auto &[property, value] : request.properties) set(action, property, value);
  const auto said = display_orientation(request.video);
  if (request.annotate.empty()) {
    if (said) gst_util_set_object_arg(G_OBJECT(action), "orientation", orientation_name(*said, false));
    GstElement *sink = make(pipeline, "fakesink", "gstreamer1.0-tools");
    g_object_set(sink, "sync", FALSE, nullptr);
    link({convert, action, sink});
  } else {
    GstElement *overlay = make(pipeline, "staoverlay", "this project's plugin"), *out = make(pipeline, "videoconvert", "gstreamer1.0-plugins-base");
    GstElement *encoder = make(pipeline, "x264enc", "gstreamer1.0-plugins-ugly"), *parser = make(pipeline, "h264parse", "gstreamer1.0-plugins-bad");
    GstElement *mux = make(pipeline, "mp4mux", "gstreamer1.0-plugins-good"), *sink = make(pipeline, "filesink", "gstreamer1.0-tools");
    g_object_set(sink, "location", request.annotate.c_str(), nullptr);
    // The written frames are upright, as players show them. Without --annotate the element turns what the model sees,
    // and nothing else needs turning.
    GstElement *upright = make(pipeline, "videoflip", "gstreamer1.0-plugins-good");
    gst_util_set_object_arg(G_OBJECT(upright), "video-direction", said ? orientation_name(*said, true) : "auto");
    const Object<GstPad> turned(gst_element_get_static_pad(upright, "src"));
    gst_pad_add_probe(turned.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, without_orientation, nullptr, nullptr);
    gst_util_set_object_arg(G_OBJECT(encoder), "speed-preset", "veryfast");
    g_object_set(encoder, "bitrate", 2000, nullptr);
    // Every player shows 4:2:0.
    GstCaps *caps = gst_caps_from_string("video/x-raw,format=I420");
    link({convert, upright, action, overlay, out});
    if (!gst_element_link_filtered(out, encoder, caps)) {
      gst_caps_unref(caps);
      throw RunError("cannot link the encoder");
    }
    gst_caps_unref(caps);
    link({encoder, parser, mux, sink});
  }
  add_source(pipeline, request.video, convert, request.rate);
  return action;
}

double position(GstElement *pipeline) {
  gint64 at = 0, length = 0;
  if (!gst_element_query_position(pipeline, GST_FORMAT_TIME, &at) || !gst_element_query_duration(pipeline, GST_FORMAT_TIME, &length) || length <= 0)
    return -1;
  return static_cast<double>(at) / static_cast<double>(length);
}

}  // namespace

void prepare_gstreamer() {
  start_gstreamer();
  // Prefers the plugin beside this program (in a build folder) to an installed one.
  std::error_code ec;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", ec);
  auto load = [&](const std::string &folder) {
    const std::string file = folder + "/libgststa.so";
    if (!std::filesystem::exists(file, ec)) return false;
    const Object<GstPlugin> plugin(gst_plugin_load_file(file.c_str(), nullptr));
    return plugin != nullptr;
  };
  if (load((self.parent_path().parent_path() / "gst-plugin").string())) return;
  if (const Object<GstElementFactory> found(gst_element_factory_find("staaction")); found) return;
  if (load(STA_PLUGIN_INSTALL_DIR)) return;
  throw RunError("the GStreamer plugin libgststa.so is not found: install the project, or set GST_PLUGIN_PATH to its folder");
}

ClassifyOutcome classify_video(const ClassifyRequest &request, const std::function<void(const ClassifiedWindow &)> &window,
                               const std::function<void(double)> &progress) {
  const Object<GstElement> pipeline(gst_pipeline_new(nullptr));
  FramesSeen seen;
  GstElement *action = build(pipeline.get(), request);
  const Object<GstPad> pad(gst_element_get_static_pad(action, "sink"));
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, see_frame, &seen, nullptr);
  const Object<GstBus> bus(gst_element_get_bus(pipeline.get()));
  ClassifyOutcome outcome;
  std::string failure;
  // If the state change fails, a message gives the reason.
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const auto kinds = static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS | GST_MESSAGE_ELEMENT);
  for (bool done = false; !done;) {
    GstMessage *message = gst_bus_timed_pop_filtered(bus.get(), 200 * GST_MSECOND, kinds);
    if (!message) {
      progress(position(pipeline.get()));
      continue;
    }
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      failure = error_of(message);
      done = true;
    } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
      done = true;
    } else if (gst_message_has_name(message, "sta-window")) {
      window(read_window(gst_message_get_structure(message)));
      ++outcome.windows;
    }
    gst_message_unref(message);
  }
  guint64 interval = 0;
  GstStructure *stats = nullptr;
  g_object_get(action, "actual-sample-interval", &interval, "stats", &stats, nullptr);
  if (stats) gst_structure_get_uint64(stats, "gaps", &outcome.seen.gaps);
  g_clear_pointer(&stats, gst_structure_free);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  outcome.seen.frames = seen.count;
  outcome.seen.seconds = seen.count > 0 && seen.end > seen.start ? static_cast<double>(seen.end - seen.start) / GST_SECOND : 0;
  outcome.seen.interval = static_cast<double>(interval) / GST_SECOND;
  if (!failure.empty()) throw RunError(request.video + ": " + failure);
  return outcome;
}

}  // namespace cli
