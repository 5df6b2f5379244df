// SPDX-License-Identifier: MIT
// Reads a frame's metadata and draws a box with its label. The drawn box is kept while the text stays the same. The
// box, and the frames and labels of objects, are attached to the buffer or blended into its pixels.

/**
 * SECTION:element-staoverlay
 * @title: staoverlay
 * @short_description: draws the labels of staaction
 * @see_also: staaction
 *
 * staoverlay draws the label, its confidence and the time interval of its window into the picture. It reads
 * StaActionMeta or, if the frame has none, the first GstAnalyticsClsMtd of the whole frame, so it also shows the labels
 * of other classifiers. Frames without a label pass untouched.
 *
 * Objects that have a label (staaction with region=objects) get a frame around them and the label on top. The element
 * reads regions of interest with a parameter named StaActionMeta and, on GStreamer 1.24 and newer, GstAnalyticsODMtd
 * that contain a GstAnalyticsClsMtd, no matter who wrote them.
 *
 * If downstream renders overlay compositions itself (most video sinks do), the box is attached to the buffer and costs
 * nothing here. Otherwise it is blended into the pixels, in any raw format in system memory.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! staaction model=models/camera-watch ! staoverlay ! \
 *   videoconvert ! autovideosink
 * ]| Plays a file with its labels.
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! staaction model=models/camera-watch ! staoverlay position=bottom-left \
 *   top-k=3 ! videoconvert ! autovideosink
 * ]| Shows a camera with the three most probable labels as bars.
 */

#include "gststaoverlay.h"

#include <atomic>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "label_renderer.h"
#include "metadata/action_meta.h"
#include "metadata/analytics_meta.h"
#include "metadata/object_labels.h"
#include "negotiation.h"
#include "object_renderer.h"

GST_DEBUG_CATEGORY_STATIC(sta_overlay_debug);
#define GST_CAT_DEFAULT sta_overlay_debug

namespace sta::gst {

struct OverlaySettings {
  LabelStyle style;
  gboolean show_interval = TRUE;
  gint top_k = 0;
};

struct StaOverlayState {
  OverlaySettings settings;  // OBJECT_LOCK, held for a copy only
  // Downstream's caps take compositions, but nobody there draws them. Events from downstream clear it, so any thread
  // may.
  std::atomic<bool> attach_refused{false};

  // Below: streaming thread only.
  GstVideoInfo info{};
  gboolean attach = FALSE;  // the negotiated caps carry compositions
  gboolean ask = FALSE;     // it is still to be asked whether somebody draws them
  LabelText text;           // what `composition` shows
  LabelStyle style;
  GstVideoOverlayComposition *composition = nullptr;  // of the frame's label alone
  ObjectRenderer objects;

  void forget() {
    if (composition) gst_video_overlay_composition_unref(composition);
    composition = nullptr;
    objects.forget();
  }
  ~StaOverlayState() { forget(); }
};

}  // namespace sta::gst

using sta::gst::ActionRecord;
using sta::gst::LabelText;
using sta::gst::OverlaySettings;
using sta::gst::StaOverlayState;

enum { PROP_0, PROP_POSITION, PROP_FONT_SCALE, PROP_SHOW_INTERVAL, PROP_TOP_K };

#define OVERLAY_CAPS                                                                                                                     \
  GST_VIDEO_CAPS_MAKE(GST_VIDEO_OVERLAY_COMPOSITION_BLEND_FORMATS)                                                                       \
  "; " GST_VIDEO_CAPS_MAKE_WITH_FEATURES(GST_CAPS_FEATURE_MEMORY_SYSTEM_MEMORY ", " GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION, \
                                         GST_VIDEO_OVERLAY_COMPOSITION_BLEND_FORMATS)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(OVERLAY_CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(OVERLAY_CAPS));

#define gst_sta_overlay_parent_class parent_class
G_DEFINE_TYPE(GstStaOverlay, gst_sta_overlay, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(staoverlay, "staoverlay", GST_RANK_NONE, GST_TYPE_STA_OVERLAY)

static GType positionType() {
  static gsize once = 0;
  static const GEnumValue values[] = {{sta::gst::kTopLeft, "Top left", "top-left"},
                                      {sta::gst::kTop, "Top centre", "top"},
                                      {sta::gst::kTopRight, "Top right", "top-right"},
                                      {sta::gst::kBottomLeft, "Bottom left", "bottom-left"},
                                      {sta::gst::kBottom, "Bottom centre", "bottom"},
                                      {sta::gst::kBottomRight, "Bottom right", "bottom-right"},
                                      {0, nullptr, nullptr}};
  if (g_once_init_enter(&once)) {
    const GType type = g_enum_register_static("GstStaOverlayPosition", values);
    gst_type_mark_as_plugin_api(type, static_cast<GstPluginAPIFlags>(0));
    g_once_init_leave(&once, type);
  }
  return once;
}

/* ------------------------------------------------------------------------------------------- negotiation */

static GstCaps *gst_sta_overlay_transform_caps(GstBaseTransform *transform, GstPadDirection direction, GstCaps *caps, GstCaps *filter) {
  GstCaps *result = sta::gst::otherPadCaps(direction, caps, !GST_STA_OVERLAY(transform)->state->attach_refused);
  if (filter) {
    GstCaps *filtered = gst_caps_intersect_full(filter, result, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref(result);
    result = filtered;
  }
  return result;
}

static GstCaps *gst_sta_overlay_fixate_caps(GstBaseTransform *, GstPadDirection direction, GstCaps *, GstCaps *othercaps) {
  return direction == GST_PAD_SINK ? sta::gst::preferComposition(othercaps) : gst_caps_fixate(othercaps);
}

static gboolean gst_sta_overlay_set_caps(GstBaseTransform *transform, GstCaps *incaps, GstCaps *outcaps) {
  StaOverlayState *state = GST_STA_OVERLAY(transform)->state;
  if (!gst_video_info_from_caps(&state->info, incaps)) return FALSE;
  state->attach = sta::gst::hasComposition(outcaps, 0);
  // If incoming frames carry compositions, upstream has asked already.
  state->ask = state->attach && !sta::gst::hasComposition(incaps, 0);
  state->forget();
  GST_DEBUG_OBJECT(transform, "%s", state->attach ? "attaching compositions" : "blending");
  return TRUE;
}

// A sink with any caps accepts the feature without drawing anything. So caps alone prove nothing; only the answer to an
// allocation query does. That query can be sent when the caps event has gone downstream, that is, with the first frame.
// If nobody draws, the caps are negotiated again, and this time only blending is on offer.
static void askDownstream(GstBaseTransform *transform) {
  StaOverlayState *state = GST_STA_OVERLAY(transform)->state;
  state->ask = FALSE;
  GstCaps *caps = gst_pad_get_current_caps(GST_BASE_TRANSFORM_SRC_PAD(transform));
  GstQuery *query = gst_query_new_allocation(caps, FALSE);
  gst_clear_caps(&caps);
  const gboolean drawn = gst_pad_peer_query(GST_BASE_TRANSFORM_SRC_PAD(transform), query) &&
                         gst_query_find_allocation_meta(query, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, nullptr);
  gst_query_unref(query);
  if (drawn) return;
  GST_DEBUG_OBJECT(transform, "nobody downstream draws compositions, blending instead");
  state->attach_refused = true;
  state->attach = FALSE;
  gst_base_transform_reconfigure_src(transform);
}

static GstFlowReturn gst_sta_overlay_submit_input_buffer(GstBaseTransform *transform, gboolean is_discont, GstBuffer *buffer) {
  if (GST_STA_OVERLAY(transform)->state->ask) askDownstream(transform);
  // This negotiates again if askDownstream() has asked for that.
  return GST_BASE_TRANSFORM_CLASS(parent_class)->submit_input_buffer(transform, is_discont, buffer);
}

static gboolean gst_sta_overlay_src_event(GstBaseTransform *transform, GstEvent *event) {
  // There may be another element downstream now.
  if (GST_EVENT_TYPE(event) == GST_EVENT_RECONFIGURE) GST_STA_OVERLAY(transform)->state->attach_refused = false;
  return GST_BASE_TRANSFORM_CLASS(parent_class)->src_event(transform, event);
}

/* ------------------------------------------------------------------------------------------------ frames */

static LabelText textOf(const ActionRecord &record, const OverlaySettings &settings) {
  LabelText text;
  text.title = sta::gst::labelTitle(record);
  if (settings.show_interval && GST_CLOCK_TIME_IS_VALID(record.window_start) && GST_CLOCK_TIME_IS_VALID(record.window_end))
    text.subtitle = sta::gst::formatTime(record.window_start) + " \u2013 " + sta::gst::formatTime(record.window_end);
  for (size_t i = 0; i < record.labels.size() && i < static_cast<size_t>(settings.top_k); i++)
    text.bars.push_back({record.labels[i], record.confidences[i]});
  return text;
}

using Composition = std::unique_ptr<GstVideoOverlayComposition, decltype(&gst_video_overlay_composition_unref)>;

static void updateComposition(StaOverlayState *state, const LabelText &text, const sta::gst::LabelStyle &style) {
  if (state->composition && state->text == text && state->style == style) return;
  if (state->composition) gst_video_overlay_composition_unref(state->composition);
  state->composition = nullptr;
  const sta::gst::Rectangle rectangle = sta::gst::renderLabel(text, style, state->info);
  if (!rectangle) return;
  state->composition = gst_video_overlay_composition_new(rectangle.get());
  state->text = text;
  state->style = style;
}

// The composition for this frame; null: nothing to draw. Objects lie below the frame's label.
static Composition compositionOf(StaOverlayState *state, GstBuffer *buffer, const OverlaySettings &settings) {
  Composition result(nullptr, gst_video_overlay_composition_unref);
  const std::vector<sta::gst::ObjectLabel> objects = sta::gst::readObjectLabels(buffer);
  if (!objects.empty()) {
    for (const sta::gst::Rectangle &rectangle : state->objects.render(objects, settings.style.font_scale, state->info)) {
      if (result)
        gst_video_overlay_composition_add_rectangle(result.get(), rectangle.get());
      else
        result.reset(gst_video_overlay_composition_new(rectangle.get()));
    }
  }
  ActionRecord record;
  if (!sta::gst::readActionMeta(buffer, &record) && !sta::gst::readAnalyticsMeta(buffer, &record)) return result;
  updateComposition(state, textOf(record, settings), settings.style);
  if (!state->composition) return result;
  if (!result)
    result.reset(gst_video_overlay_composition_ref(state->composition));
  else
    gst_video_overlay_composition_add_rectangle(result.get(), gst_video_overlay_composition_get_rectangle(state->composition, 0));
  return result;
}

// One composition per buffer: rectangles of an upstream overlay stay, ours is drawn above them.
static void attachComposition(GstBuffer *buffer, GstVideoOverlayComposition *ours) {
  GstVideoOverlayCompositionMeta *meta = gst_buffer_get_video_overlay_composition_meta(buffer);
  if (!meta) {
    gst_buffer_add_video_overlay_composition_meta(buffer, ours);
    return;
  }
  GstVideoOverlayComposition *both = gst_video_overlay_composition_copy(meta->overlay);
  for (guint i = 0; i < gst_video_overlay_composition_n_rectangles(ours); i++)
    gst_video_overlay_composition_add_rectangle(both, gst_video_overlay_composition_get_rectangle(ours, i));
  gst_buffer_remove_video_overlay_composition_meta(buffer, meta);
  gst_buffer_add_video_overlay_composition_meta(buffer, both);
  gst_video_overlay_composition_unref(both);
}

static GstFlowReturn blendComposition(GstStaOverlay *self, GstBuffer *buffer, GstVideoOverlayComposition *composition) {
  GstVideoFrame frame;
  if (!gst_video_frame_map(&frame, &self->state->info, buffer, GST_MAP_READWRITE)) {
    GST_ELEMENT_ERROR(self, STREAM, FORMAT, ("A frame's memory cannot be mapped for writing"), (nullptr));
    return GST_FLOW_ERROR;
  }
  if (!gst_video_overlay_composition_blend(composition, &frame)) GST_WARNING_OBJECT(self, "blending failed");
  gst_video_frame_unmap(&frame);
  return GST_FLOW_OK;
}

static GstFlowReturn gst_sta_overlay_transform_ip(GstBaseTransform *transform, GstBuffer *buffer) {
  GstStaOverlay *self = GST_STA_OVERLAY(transform);
  StaOverlayState *state = self->state;
  Composition composition(nullptr, gst_video_overlay_composition_unref);
  try {
    GST_OBJECT_LOCK(self);
    const OverlaySettings settings = state->settings;
    GST_OBJECT_UNLOCK(self);
    composition = compositionOf(state, buffer, settings);
  } catch (const std::exception &exception) {
    GST_ELEMENT_ERROR(self, LIBRARY, FAILED, ("staoverlay failed: %s", exception.what()), (nullptr));
    return GST_FLOW_ERROR;
  }
  if (!composition) return GST_FLOW_OK;
  if (state->ask) askDownstream(transform);  // the caps changed with this frame
  if (!state->attach) return blendComposition(self, buffer, composition.get());
  attachComposition(buffer, composition.get());
  return GST_FLOW_OK;
}

static gboolean gst_sta_overlay_stop(GstBaseTransform *transform) {
  StaOverlayState *state = GST_STA_OVERLAY(transform)->state;
  state->forget();
  state->attach = state->ask = FALSE;
  state->attach_refused = false;
  return TRUE;
}

/* ------------------------------------------------------------------------------------------------ object */

static void gst_sta_overlay_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  OverlaySettings *settings = &GST_STA_OVERLAY(object)->state->settings;
  GST_OBJECT_LOCK(object);
  switch (id) {
    case PROP_POSITION:
      settings->style.position = g_value_get_enum(value);
      break;
    case PROP_FONT_SCALE:
      settings->style.font_scale = g_value_get_double(value);
      break;
    case PROP_SHOW_INTERVAL:
      settings->show_interval = g_value_get_boolean(value);
      break;
    case PROP_TOP_K:
      settings->top_k = g_value_get_int(value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(object);
}

static void gst_sta_overlay_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  const OverlaySettings *settings = &GST_STA_OVERLAY(object)->state->settings;
  GST_OBJECT_LOCK(object);
  switch (id) {
    case PROP_POSITION:
      g_value_set_enum(value, settings->style.position);
      break;
    case PROP_FONT_SCALE:
      g_value_set_double(value, settings->style.font_scale);
      break;
    case PROP_SHOW_INTERVAL:
      g_value_set_boolean(value, settings->show_interval);
      break;
    case PROP_TOP_K:
      g_value_set_int(value, settings->top_k);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(object);
}

static void gst_sta_overlay_finalize(GObject *object) {
  delete GST_STA_OVERLAY(object)->state;
  G_OBJECT_CLASS(parent_class)->finalize(object);
}

static void gst_sta_overlay_class_init(GstStaOverlayClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);
  const OverlaySettings defaults;
  const auto playing = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);

  GST_DEBUG_CATEGORY_INIT(sta_overlay_debug, "staoverlay", 0, "action label overlay");
  object_class->set_property = gst_sta_overlay_set_property;
  object_class->get_property = gst_sta_overlay_get_property;
  object_class->finalize = gst_sta_overlay_finalize;
  g_object_class_install_property(
      object_class, PROP_POSITION,
      g_param_spec_enum("position", "Position", "Where in the picture the box is", positionType(), defaults.style.position, playing));
  g_object_class_install_property(
      object_class, PROP_FONT_SCALE,
      g_param_spec_double("font-scale", "Font scale", "Size of the letters, relative to 1/18 of the picture's height (0.2 to 10)", 0.2, 10.0,
                          defaults.style.font_scale, playing));
  g_object_class_install_property(
      object_class, PROP_SHOW_INTERVAL,
      g_param_spec_boolean("show-interval", "Show interval", "Show from when to when the labelled window reaches, in running time",
                           defaults.show_interval, playing));
  g_object_class_install_property(
      object_class, PROP_TOP_K,
      g_param_spec_int("top-k", "Top k", "Most labels in a list of bars below the label (0 = no list; staaction's top-k bounds it too)", 0, 20,
                       defaults.top_k, playing));

  gst_element_class_set_static_metadata(element_class, "STA label overlay", "Filter/Editor/Video",
                                        "Draws the action labels of staaction into the picture", "The STA authors");
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);

  transform_class->transform_caps = GST_DEBUG_FUNCPTR(gst_sta_overlay_transform_caps);
  transform_class->fixate_caps = GST_DEBUG_FUNCPTR(gst_sta_overlay_fixate_caps);
  transform_class->set_caps = GST_DEBUG_FUNCPTR(gst_sta_overlay_set_caps);
  transform_class->submit_input_buffer = GST_DEBUG_FUNCPTR(gst_sta_overlay_submit_input_buffer);
  transform_class->src_event = GST_DEBUG_FUNCPTR(gst_sta_overlay_src_event);
  transform_class->transform_ip = GST_DEBUG_FUNCPTR(gst_sta_overlay_transform_ip);
  transform_class->stop = GST_DEBUG_FUNCPTR(gst_sta_overlay_stop);
  transform_class->passthrough_on_same_caps = FALSE;
}

static void gst_sta_overlay_init(GstStaOverlay *self) {
  self->state = new StaOverlayState();
  GstBaseTransform *transform = GST_BASE_TRANSFORM(self);
  gst_base_transform_set_in_place(transform, TRUE);
  gst_base_transform_set_passthrough(transform, FALSE);
  gst_base_transform_set_qos_enabled(transform, FALSE);
  gst_base_transform_set_gap_aware(transform, TRUE);
}
