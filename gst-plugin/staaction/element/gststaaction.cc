// SPDX-License-Identifier: MIT
// The GObject and GstBaseTransform glue of staaction: which method is called when, and under which lock. Other classes
// do the work: StreamRunner (frames), ModelLoader (a new model while frames flow), Handles (what other threads ask
// for), properties.cc (settings).

/**
 * SECTION:element-staaction
 * @title: staaction
 * @short_description: labels the action that a video shows
 * @see_also: staoverlay
 *
 * staaction classifies overlapping windows of time with a video transformer and puts the labels on the frames: as a
 * #GstCustomMeta named StaActionMeta, and as a GstAnalyticsClsMtd where GStreamer has it. Semantic-aware temporal
 * accumulation (STA) drops tokens of the transformer. Windows are made of time, not of frame counts, so frame rates of
 * any kind, also varying ones, are fine.
 *
 * Tokens that do not move can be dropped before the first block (#GstStaAction:still-threshold), so that the cost of a
 * window follows the motion in it. Each window says how many tokens it took.
 *
 * Frames are neither changed nor delayed. By default (sync=false) the element skips windows that the model cannot keep
 * up with, and counts them in #GstStaAction:stats and in QoS messages; it never drops a buffer. With sync=true it
 * classifies every window before the window's last frame goes on, and the labels depend on the input alone.
 *
 * Windows flicker; events do not. An event starts when the smoothed score of a class has stayed above
 * #GstStaAction:enter-threshold, and has an onset and an offset. A message named sta-event and the signal
 * #GstStaAction::event tell of it: when it starts, at most once a second while it lasts, and when it ends.
 *
 * Setting #GstStaAction:model while frames flow loads the new model in the background. The new model fills its first
 * window while the old one still serves, and takes over when that window is classified. If the new model cannot be
 * used, the element posts a warning and the old one goes on.
 *
 * With region=objects the element makes windows of the objects that upstream has detected and tracked
 * (#GstVideoRegionOfInterestMeta with an id, or GstAnalyticsODMtd related to a GstAnalyticsTrackingMtd), one for each
 * track. It puts the labels on the objects.
 *
 * The signal #GstStaAction::window announces each window; with post-windows=true an element message named sta-window
 * does so too. Times in them are nanoseconds of running time.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 -m filesrc location=clip.mp4 ! decodebin ! staaction model=models/camera-watch sync=true \
 *   post-windows=true ! fakesink
 * ]| Prints the label of each window of a file.
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! staaction model=models/camera-watch ! staoverlay ! videoconvert ! \
 *   autovideosink
 * ]| Shows a camera with its labels.
 * |[
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! staaction model=models/camera-watch sync=true ! staoverlay ! \
 *   videoconvert ! x264enc ! mp4mux ! filesink location=labelled.mp4
 * ]| Writes a labelled copy of a file.
 */

#include "gststaaction.h"

#include <exception>

#include "metadata/action_meta.h"
#include "staaction/frames/cuda_memory.h"
#include "staaction/frames/frame_input.h"
#include "staaction/models/model_loader.h"
#include "staaction/models/model_open.h"
#include "staaction/run/handles.h"
#include "staaction/run/stream_runner.h"
#include "staaction/settings/properties.h"
#include "staaction/settings/settings.h"

GST_DEBUG_CATEGORY(sta_action_debug);
#define GST_CAT_DEFAULT sta_action_debug

static guint g_window_signal = 0;
static guint g_event_signal = 0;

namespace sta::gst {

// Locks: GStreamer holds the sink pad's STREAM_LOCK around everything in `runner` (stream_runner.h names the locks
// inside it). The element's OBJECT_LOCK guards `settings` and is held for a copy only; nothing is called under it. The
// other members guard themselves.
struct StaActionState {
  explicit StaActionState(GstStaAction *self)
      : loader([self](const Settings &wanted, const std::shared_ptr<Engine> &engine, const OpenFailure *failure) {
          if (!failure) return postModelWarnings(GST_ELEMENT_CAST(self), *engine);
          GST_ELEMENT_WARNING(self, RESOURCE, SETTINGS, ("Model \"%s\" was not taken over: %s", wanted.model.c_str(), failure->message.c_str()),
                              ("the model before goes on"));
        }),
        runner(GST_ELEMENT_CAST(self), g_window_signal, g_event_signal, &handles, &loader, [self, this](Settings *copy) {
          GST_OBJECT_LOCK(self);
          if (settings.serial != copy->serial) *copy = settings;
          GST_OBJECT_UNLOCK(self);
        }) {}

  Settings settings;  // OBJECT_LOCK
  Handles handles;    // an engine from NULL -> READY to READY -> NULL; streams from READY -> PAUSED to PAUSED -> READY
  ModelLoader loader;
  CudaShare cuda;       // a context from NULL -> READY to READY -> NULL
  StreamRunner runner;  // STREAM_LOCK
};

}  // namespace sta::gst

using sta::gst::Engine;
using sta::gst::Handles;
using sta::gst::OpenFailure;
using sta::gst::Settings;
using sta::gst::Stream;

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(STA_ACTION_CUDA_CAPS(STA_ACTION_FORMATS) "video/x-raw, format = (string) " STA_ACTION_FORMATS
                                                                                     ", width = (int) [ 1, 32768 ], height = (int) [ 1, 32768 ], "
                                                                                     "framerate = (fraction) [ 0/1, max ]"));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(STA_ACTION_CUDA_CAPS(STA_ACTION_FORMATS) "video/x-raw, format = (string) " STA_ACTION_FORMATS
                                                                                     ", width = (int) [ 1, 32768 ], height = (int) [ 1, 32768 ], "
                                                                                     "framerate = (fraction) [ 0/1, max ]"));

#define gst_sta_action_parent_class parent_class
G_DEFINE_TYPE(GstStaAction, gst_sta_action, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(staaction, "staaction", GST_RANK_NONE, GST_TYPE_STA_ACTION)

// GObject's callers are C: an exception (in practice std::bad_alloc) must not leave the element and becomes an element
// error here.
template <typename Result, typename Work>
static Result guarded(GstStaAction *self, Result failed, Work work) {
  try {
    return work();
  } catch (const std::exception &exception) {
    GST_ELEMENT_ERROR(self, LIBRARY, FAILED, ("staaction failed: %s", exception.what()), (nullptr));
  } catch (...) {
    GST_ELEMENT_ERROR(self, LIBRARY, FAILED, ("staaction failed for an unknown reason"), (nullptr));
  }
  return failed;
}

static Settings copySettings(GstStaAction *self) {
  Settings copy;
  GST_OBJECT_LOCK(self);
  copy = self->state->settings;
  GST_OBJECT_UNLOCK(self);
  return copy;
}

/* ------------------------------------------------------------------------------------------------ states */

// NULL -> READY.
static gboolean openElement(GstStaAction *self) {
  self->state->loader.stop();  // the settings hold what was set while the element went to NULL
  OpenFailure failure;
  std::shared_ptr<Stream> stream;
  const std::shared_ptr<Engine> engine = sta::gst::openModel(copySettings(self), &stream, &failure);
  if (!engine) {
    sta::gst::postOpenError(GST_ELEMENT_CAST(self), failure);
    return FALSE;
  }
  sta::gst::postModelWarnings(GST_ELEMENT_CAST(self), *engine);
  self->state->handles.exchange({engine, stream});
  self->state->cuda.open(GST_ELEMENT_CAST(self), engine->info());
  return TRUE;
}

static GstStateChangeReturn gst_sta_action_change_state(GstElement *element, GstStateChange transition) {
  GstStaAction *self = GST_STA_ACTION(element);
  switch (transition) {
    case GST_STATE_CHANGE_NULL_TO_READY:
      if (!guarded(self, FALSE, [self] { return openElement(self); })) return GST_STATE_CHANGE_FAILURE;
      break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
      // Before the base class deactivates the pads: that waits for the streaming thread, which may wait for a forward
      // pass.
      self->state->handles.stopWaiting();
      break;
    default:
      break;
  }
  const GstStateChangeReturn result = GST_ELEMENT_CLASS(parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_READY_TO_NULL) {
    self->state->handles.exchange({});  // from here on the loader ignores a model that is set
    self->state->loader.stop();
    self->state->cuda.close();
  }
  return result;
}

// READY -> PAUSED: makes a fresh stream with the settings as they are now. If a model was set in READY, this waits
// until it is loaded, as NULL -> READY does.
static gboolean gst_sta_action_start(GstBaseTransform *transform) {
  GstStaAction *self = GST_STA_ACTION(transform);
  return guarded(self, FALSE, [self]() -> gboolean {
    sta::gst::StaActionState &state = *self->state;
    state.loader.wait();
    std::shared_ptr<Engine> engine = state.loader.take();
    if (!engine) engine = state.handles.opened().engine;
    if (!engine) return FALSE;  // cannot happen: an element without an engine does not reach READY
    const Settings settings = copySettings(self);
    OpenFailure failure;
    failure.status = STA_ERROR_INVALID_ARGUMENT;
    const std::shared_ptr<Stream> stream = Stream::create(engine, settings, &failure.message);
    if (!stream) {
      sta::gst::postOpenError(GST_ELEMENT_CAST(self), failure);
      return FALSE;
    }
    state.handles.exchange({engine, stream});
    state.handles.beginRun(stream);
    state.runner.begin(stream, settings);
    return TRUE;
  });
}

static gboolean gst_sta_action_stop(GstBaseTransform *transform) {
  GST_STA_ACTION(transform)->state->runner.end();
  return TRUE;
}

/* -------------------------------------------------------------------------------------------- the stream */

// Both pads have the same caps. Memory that cannot exist in this process is not offered.
static GstCaps *gst_sta_action_transform_caps(GstBaseTransform *, GstPadDirection, GstCaps *caps, GstCaps *filter) {
  GstCaps *possible = sta::gst::possibleMemories(caps);
  if (!filter) return possible;
  GstCaps *wanted = gst_caps_intersect_full(filter, possible, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref(possible);
  return wanted;
}

static gboolean gst_sta_action_set_caps(GstBaseTransform *transform, GstCaps *incaps, GstCaps *) {
  GstStaAction *self = GST_STA_ACTION(transform);
  GstVideoInfo info;
  if (!gst_video_info_from_caps(&info, incaps) || sta::gst::pixelFormat(GST_VIDEO_INFO_FORMAT(&info)) == STA_FORMAT_UNKNOWN) {
    GST_ERROR_OBJECT(self, "cannot use caps %" GST_PTR_FORMAT, incaps);
    return FALSE;
  }
  return guarded(self, FALSE, [&]() -> gboolean {
    self->state->runner.capsChanged(info);
    return TRUE;
  });
}

static void gst_sta_action_before_transform(GstBaseTransform *transform, GstBuffer *buffer) {
  if (transform->segment.format != GST_FORMAT_TIME) return;
  const GstClockTime stream_time = gst_segment_to_stream_time(&transform->segment, GST_FORMAT_TIME, GST_BUFFER_TIMESTAMP(buffer));
  if (GST_CLOCK_TIME_IS_VALID(stream_time)) gst_object_sync_values(GST_OBJECT_CAST(transform), stream_time);
}

static GstFlowReturn gst_sta_action_transform_ip(GstBaseTransform *transform, GstBuffer *buffer) {
  GstStaAction *self = GST_STA_ACTION(transform);
  return guarded(self, GST_FLOW_ERROR, [&] { return self->state->runner.frame(buffer, transform->segment); });
}

static void handleEvent(GstStaAction *self, GstEvent *event) {
  sta::gst::StaActionState &state = *self->state;
  const GstSegment &segment = GST_BASE_TRANSFORM(self)->segment;  // still the one before a SEGMENT event
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_STREAM_START: {
      const gchar *stream_id = nullptr;
      gst_event_parse_stream_start(event, &stream_id);
      state.runner.streamStarted(stream_id);
      break;
    }
    case GST_EVENT_SEGMENT: {
      const GstSegment *next = nullptr;
      gst_event_parse_segment(event, &next);
      state.runner.segmentChanged(*next);
      break;
    }
    case GST_EVENT_TAG: {
      GstTagList *tags = nullptr;
      gst_event_parse_tag(event, &tags);
      state.runner.tagsChanged(tags);
      break;
    }
    case GST_EVENT_GAP: {
      GstClockTime start = GST_CLOCK_TIME_NONE, duration = GST_CLOCK_TIME_NONE;
      gst_event_parse_gap(event, &start, &duration);
      state.runner.gap(GST_CLOCK_TIME_IS_VALID(duration) ? start + duration : start, segment);
      break;
    }
    case GST_EVENT_FLUSH_START:  // not serialised: comes from any thread while the streaming thread may be waiting
      state.handles.setFlushing(true);
      break;
    case GST_EVENT_FLUSH_STOP:
      state.runner.flushed();
      state.handles.setFlushing(false);
      break;
    case GST_EVENT_EOS:  // publishes everything before the event goes on, because an application may stop at EOS
      state.runner.drain(segment);
      break;
    default:
      break;
  }
}

static gboolean gst_sta_action_sink_event(GstBaseTransform *transform, GstEvent *event) {
  GstStaAction *self = GST_STA_ACTION(transform);
  guarded(self, FALSE, [&]() -> gboolean {
    handleEvent(self, event);
    return TRUE;
  });
  return GST_BASE_TRANSFORM_CLASS(parent_class)->sink_event(transform, event);
}

static gboolean gst_sta_action_query(GstBaseTransform *transform, GstPadDirection direction, GstQuery *query) {
  if (GST_STA_ACTION(transform)->state->cuda.answer(GST_ELEMENT_CAST(transform), query)) return TRUE;
  if (!GST_BASE_TRANSFORM_CLASS(parent_class)->query(transform, direction, query)) return FALSE;
  const GstClockTime own = GST_STA_ACTION(transform)->state->runner.latency();
  if (direction != GST_PAD_SRC || GST_QUERY_TYPE(query) != GST_QUERY_LATENCY || own == 0) return TRUE;
  gboolean live = FALSE;
  GstClockTime min = 0, max = GST_CLOCK_TIME_NONE;
  gst_query_parse_latency(query, &live, &min, &max);
  // The element holds one frame but stores none, so upstream can buffer no more than before: max stays.
  gst_query_set_latency(query, live, min + own, max);
  return TRUE;
}

/* ------------------------------------------------------------------------------------------------ object */

static void gst_sta_action_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  GstStaAction *self = GST_STA_ACTION(object);
  GST_OBJECT_LOCK(self);
  const bool known = sta::gst::setSetting(&self->state->settings, id, value);
  GST_OBJECT_UNLOCK(self);
  if (!known) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_sta_action_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  GstStaAction *self = GST_STA_ACTION(object);
  const Handles &handles = self->state->handles;
  if (id == sta::gst::kPropStats) {
    g_value_take_boxed(value, sta::gst::statsStructure(handles));
    return;
  }
  if (id == sta::gst::kPropActualHop || id == sta::gst::kPropActualSampleInterval) {
    const auto stream = handles.opened().main;
    const Stream::Timing timing = stream ? stream->timing() : Stream::Timing{};
    g_value_set_uint64(value, id == sta::gst::kPropActualHop ? timing.hop : timing.sample_interval);
    return;
  }
  GST_OBJECT_LOCK(self);
  const bool known = sta::gst::getSetting(self->state->settings, id, value);
  GST_OBJECT_UNLOCK(self);
  if (!known) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

// GObject calls this once for all properties of one g_object_set(), so a model and its labels are loaded together.
static void gst_sta_action_dispatch_properties_changed(GObject *object, guint count, GParamSpec **changed) {
  G_OBJECT_CLASS(parent_class)->dispatch_properties_changed(object, count, changed);
  GstStaAction *self = GST_STA_ACTION(object);
  bool model = false;
  for (guint i = 0; i < count; i++) model |= changed[i]->owner_type == GST_TYPE_STA_ACTION && sta::gst::isModelProperty(changed[i]->param_id);
  if (!model || !self->state->handles.opened().engine) return;
  guarded(self, FALSE, [self]() -> gboolean {
    self->state->loader.request(copySettings(self));
    return TRUE;
  });
}

static void gst_sta_action_finalize(GObject *object) {
  delete GST_STA_ACTION(object)->state;
  G_OBJECT_CLASS(parent_class)->finalize(object);
}

static void gst_sta_action_class_init(GstStaActionClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

  GST_DEBUG_CATEGORY_INIT(sta_action_debug, "staaction", 0, "action recognition element");
  object_class->set_property = gst_sta_action_set_property;
  object_class->get_property = gst_sta_action_get_property;
  object_class->finalize = gst_sta_action_finalize;
  object_class->dispatch_properties_changed = gst_sta_action_dispatch_properties_changed;
  sta::gst::installProperties(object_class);

  /**
   * GstStaAction::window:
   * @action: the element
   * @window: the fields of a sta-window message
   *
   * A window was classified, or its forward pass failed. With sync=true the streaming thread emits the signal;
   * otherwise a thread of the element does, as soon as the result is there. One thread at a time emits it, in order. Do
   * not change the element's state in a handler.
   *
   * Since: 0.1
   */
  g_window_signal = g_signal_new("window", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 1,
                                 GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);

  /**
   * GstStaAction::event:
   * @action: the element
   * @event: the fields of a sta-event message: state (start, update, end), event-id, label, class-id, onset, offset
   *   (running time, ns), confidence, peak, model, stream-id
   *
   * An event started, went on or ended. It is emitted like #GstStaAction::window, and also posted as an element
   * message.
   *
   * Since: 0.1
   */
  g_event_signal = g_signal_new("event", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 1,
                                GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);

  gst_element_class_set_static_metadata(element_class, "STA action recognition", "Filter/Analyzer/Video",
                                        "Labels the actions in a video by classifying sliding windows of time with a pruned video transformer",
                                        "The STA authors");
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  element_class->change_state = GST_DEBUG_FUNCPTR(gst_sta_action_change_state);

  transform_class->start = GST_DEBUG_FUNCPTR(gst_sta_action_start);
  transform_class->stop = GST_DEBUG_FUNCPTR(gst_sta_action_stop);
  transform_class->transform_caps = GST_DEBUG_FUNCPTR(gst_sta_action_transform_caps);
  transform_class->set_caps = GST_DEBUG_FUNCPTR(gst_sta_action_set_caps);
  transform_class->query = GST_DEBUG_FUNCPTR(gst_sta_action_query);
  transform_class->sink_event = GST_DEBUG_FUNCPTR(gst_sta_action_sink_event);
  transform_class->before_transform = GST_DEBUG_FUNCPTR(gst_sta_action_before_transform);
  transform_class->transform_ip = GST_DEBUG_FUNCPTR(gst_sta_action_transform_ip);
  // There is no propose_allocation. An element that works in place passes that query on, so upstream learns what
  // downstream can take: padded rows (GstVideoMeta) and pools. That is right, because the same buffers go there, and
  // the element reads planes through GstVideoMeta in any case. The same holds for frames in CUDA memory. There is no
  // passthrough: it would hand on buffers that others share, and metadata may only be added to a writable one.
  transform_class->passthrough_on_same_caps = FALSE;
}

static void gst_sta_action_init(GstStaAction *self) {
  self->state = new sta::gst::StaActionState(self);
  GstBaseTransform *transform = GST_BASE_TRANSFORM(self);
  gst_base_transform_set_in_place(transform, TRUE);
  gst_base_transform_set_passthrough(transform, FALSE);
  gst_base_transform_set_qos_enabled(transform, FALSE);  // or the base class drops late frames, and windows get holes
  gst_base_transform_set_gap_aware(transform, TRUE);     // or the base class clears the GAP flag of buffers
}
