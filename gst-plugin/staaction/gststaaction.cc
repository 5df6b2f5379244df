// SPDX-License-Identifier: MIT
// GObject and GstBaseTransform glue of staaction: who is called when, under which lock, and what an application is told if it fails. The work is done
// by StreamRunner (frames), Engine and Stream (handles), properties.cc (settings).

/**
 * SECTION:element-staaction
 * @title: staaction
 * @short_description: labels the action that a video shows
 * @see_also: staoverlay
 *
 * staaction classifies overlapping windows of time with a video transformer whose tokens are pruned by semantic-aware temporal accumulation (STA),
 * and puts the labels on the frames: as a #GstCustomMeta named StaActionMeta, and as a GstAnalyticsClsMtd where GStreamer has it. Windows are made of
 * time, not of frame counts, so any and varying frame rates are fine.
 *
 * Frames are neither changed nor delayed. By default (sync=false) a window that the model cannot keep up with is skipped and counted in
 * #GstStaAction:stats and by a QoS message; no buffer is ever dropped. With sync=true every window is classified before its last frame goes on, and
 * the labels are a function of the input alone.
 *
 * Windows flicker; events do not: a class whose smoothed score stays above #GstStaAction:enter-threshold makes a message named sta-event and the
 * signal #GstStaAction::event when it starts, at most once a second while it lasts, and when it ends, with its onset and offset.
 *
 * Each window is announced by the signal #GstStaAction::window and, with post-windows=true, by an element message named sta-window. Times in it are
 * nanoseconds of running time.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 -m filesrc location=clip.mp4 ! decodebin ! staaction model=models/camera-watch sync=true post-windows=true ! fakesink
 * ]| Prints the label of each window of a file.
 * |[
 * gst-launch-1.0 v4l2src ! videoconvert ! staaction model=models/camera-watch ! staoverlay ! videoconvert ! autovideosink
 * ]| Shows a camera with its labels.
 * |[
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! staaction model=models/camera-watch sync=true ! staoverlay ! videoconvert ! x264enc ! mp4mux
 * ! filesink location=labelled.mp4
 * ]| Writes a labelled copy of a file.
 */

#include "gststaaction.h"

#include <atomic>
#include <exception>
#include <mutex>

#include "frame_input.h"
#include "metadata/action_meta.h"
#include "properties.h"
#include "session.h"
#include "settings.h"
#include "stream_runner.h"

GST_DEBUG_CATEGORY(sta_action_debug);
#define GST_CAT_DEFAULT sta_action_debug

static guint g_window_signal = 0;
static guint g_event_signal = 0;

namespace sta::gst {

// Locks, from the outermost: the sink pad's STREAM_LOCK (held by GStreamer around everything in `runner`), then one of the two leaves: the element's
// OBJECT_LOCK for `settings`, handles_mutex for the two pointers. Both leaves are held for a copy only, never at once, and never while anything
// outside this file is called.
struct StaActionState {
  explicit StaActionState(GstStaAction *self)
      : runner(GST_ELEMENT_CAST(self), g_window_signal, g_event_signal, [self, this](Settings *copy) {
          GST_OBJECT_LOCK(self);
          if (settings.serial != copy->serial) *copy = settings;
          GST_OBJECT_UNLOCK(self);
        }) {}

  Settings settings;  // OBJECT_LOCK

  std::mutex handles_mutex;
  std::shared_ptr<Engine> engine;  // handles_mutex; from NULL -> READY to READY -> NULL
  std::shared_ptr<Stream> stream;  // handles_mutex; replaced by each READY -> PAUSED, so that stats stay readable after a run

  std::atomic<bool> stopping{false};  // PAUSED -> READY has begun: a late FLUSH_STOP must not let the streaming thread wait again
  StreamRunner runner;                // STREAM_LOCK

  std::shared_ptr<Engine> currentEngine() {
    std::lock_guard<std::mutex> lock(handles_mutex);
    return engine;
  }
  std::shared_ptr<Stream> currentStream() {
    std::lock_guard<std::mutex> lock(handles_mutex);
    return stream;
  }
  // The old handles end after the lock is given back: ending an engine may wait for a forward pass.
  void setHandles(std::shared_ptr<Engine> new_engine, std::shared_ptr<Stream> new_stream) {
    std::lock_guard<std::mutex> lock(handles_mutex);
    engine.swap(new_engine);
    stream.swap(new_stream);
  }
};

}  // namespace sta::gst

using sta::gst::Engine;
using sta::gst::Settings;
using sta::gst::Stream;

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("video/x-raw, format = (string) " STA_ACTION_FORMATS ", width = (int) [ 1, 32768 ], height = (int) [ 1, 32768 ], "
                    "framerate = (fraction) [ 0/1, max ]"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("video/x-raw, format = (string) " STA_ACTION_FORMATS ", width = (int) [ 1, 32768 ], height = (int) [ 1, 32768 ], "
                    "framerate = (fraction) [ 0/1, max ]"));

#define gst_sta_action_parent_class parent_class
G_DEFINE_TYPE(GstStaAction, gst_sta_action, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(staaction, "staaction", GST_RANK_NONE, GST_TYPE_STA_ACTION)

// GObject's callers are C: an exception (in practice std::bad_alloc) ends here as an element error.
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

static void postOpenError(GstStaAction *self, sta_status status, const std::string &message) {
  GQuark domain = GST_LIBRARY_ERROR;
  gint code = GST_LIBRARY_ERROR_FAILED;
  switch (status) {
    case STA_ERROR_NOT_FOUND:
      domain = GST_RESOURCE_ERROR;
      code = GST_RESOURCE_ERROR_NOT_FOUND;
      break;
    case STA_ERROR_BAD_MODEL:
      domain = GST_RESOURCE_ERROR;
      code = GST_RESOURCE_ERROR_READ;
      break;
    case STA_ERROR_OUT_OF_MEMORY:
      domain = GST_RESOURCE_ERROR;
      code = GST_RESOURCE_ERROR_NO_SPACE_LEFT;
      break;
    case STA_ERROR_INVALID_ARGUMENT:
    case STA_ERROR_UNSUPPORTED:
      code = GST_LIBRARY_ERROR_SETTINGS;
      break;
    case STA_ERROR_DEVICE:
      code = GST_LIBRARY_ERROR_INIT;
      break;
    default:
      break;
  }
  gst_element_message_full(GST_ELEMENT_CAST(self), GST_MESSAGE_ERROR, domain, code, g_strdup(message.c_str()), nullptr, __FILE__, GST_FUNCTION,
                           __LINE__);
}

// NULL -> READY: the library, the model, and everything about the settings that can be wrong, so that a mistake shows before the first frame.
static gboolean openModel(GstStaAction *self) {
  const Settings settings = copySettings(self);
  if (settings.model.empty()) {
    GST_ELEMENT_ERROR(
        self, RESOURCE, NOT_FOUND,
        ("No model is set. Set the property \"model\" to a model folder (config.json, model.safetensors) or a .safetensors or .pth file."),
        (nullptr));
    return FALSE;
  }
  bool core_missing = false;
  sta_status status = STA_OK;
  std::string error;
  std::shared_ptr<Engine> engine = Engine::open(settings, &core_missing, &status, &error);
  if (core_missing) {
    GST_ELEMENT_ERROR(self, LIBRARY, INIT,
                      ("The library libsta-core.so, which runs the model, could not be loaded. scripts/setup installs LibTorch, which it needs. (%s)",
                       error.c_str()),
                      (nullptr));
    return FALSE;
  }
  if (!engine) {
    postOpenError(self, status, error);
    return FALSE;
  }
  if (settings.pruning != STA_PRUNING_NONE && settings.drop_number != STA_DROP_AUTO) {
    sta_error failure{};
    status = engine->core().sta_engine_check_drop_number(engine->handle(), settings.drop_number, &failure);
    if (status != STA_OK) {
      postOpenError(self, status, failure.message);
      return FALSE;
    }
  }
  std::shared_ptr<Stream> stream = Stream::create(engine, settings, &error);
  if (!stream) {
    postOpenError(self, STA_ERROR_INVALID_ARGUMENT, error);
    return FALSE;
  }
  const sta_model_info &info = engine->info();
  GST_INFO_OBJECT(self, "model %s (%s, %d frames of %dx%d, %d classes) on %s in %s", info.path, info.architecture, info.num_frames, info.image_width,
                  info.image_height, info.num_classes, info.device, info.precision);
  if (info.warnings && *info.warnings) GST_ELEMENT_WARNING(self, LIBRARY, SETTINGS, ("Model %s: %s", info.name, info.warnings), (nullptr));
  self->state->setHandles(std::move(engine), std::move(stream));
  return TRUE;
}

static GstStateChangeReturn gst_sta_action_change_state(GstElement *element, GstStateChange transition) {
  GstStaAction *self = GST_STA_ACTION(element);
  switch (transition) {
    case GST_STATE_CHANGE_NULL_TO_READY:
      if (!guarded(self, FALSE, [self] { return openModel(self); })) return GST_STATE_CHANGE_FAILURE;
      break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
      // Before the pads are deactivated: that waits for the streaming thread, which may be waiting for a forward pass.
      self->state->stopping = true;
      if (const auto stream = self->state->currentStream()) stream->core().sta_stream_set_flushing(stream->handle(), 1);
      break;
    default:
      break;
  }
  const GstStateChangeReturn result = GST_ELEMENT_CLASS(parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_READY_TO_NULL) self->state->setHandles(nullptr, nullptr);
  return result;
}

// READY -> PAUSED: a fresh stream, with the settings as they are now.
static gboolean gst_sta_action_start(GstBaseTransform *transform) {
  GstStaAction *self = GST_STA_ACTION(transform);
  return guarded(self, FALSE, [self]() -> gboolean {
    const Settings settings = copySettings(self);
    const std::shared_ptr<Engine> engine = self->state->currentEngine();
    if (!engine) return FALSE;  // cannot be: READY is reached with an engine only
    std::string error;
    const std::shared_ptr<Stream> stream = Stream::create(engine, settings, &error);
    if (!stream) {
      postOpenError(self, STA_ERROR_INVALID_ARGUMENT, error);
      return FALSE;
    }
    self->state->stopping = false;
    self->state->setHandles(engine, stream);
    self->state->runner.begin(stream, settings);
    return TRUE;
  });
}

static gboolean gst_sta_action_stop(GstBaseTransform *transform) {
  GstStaAction *self = GST_STA_ACTION(transform);
  if (const auto stream = self->state->currentStream()) stream->core().sta_stream_reset(stream->handle());
  self->state->runner.end();
  return TRUE;
}

/* -------------------------------------------------------------------------------------------- the stream */

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
    case GST_EVENT_GAP: {
      GstClockTime start = GST_CLOCK_TIME_NONE, duration = GST_CLOCK_TIME_NONE;
      gst_event_parse_gap(event, &start, &duration);
      state.runner.gap(GST_CLOCK_TIME_IS_VALID(duration) ? start + duration : start, segment);
      break;
    }
    case GST_EVENT_FLUSH_START:  // not serialised: comes from any thread, while the streaming thread may be waiting
      if (const auto stream = state.currentStream()) stream->core().sta_stream_set_flushing(stream->handle(), 1);
      break;
    case GST_EVENT_FLUSH_STOP:
      state.runner.flushed();
      if (const auto stream = state.currentStream(); stream && !state.stopping) stream->core().sta_stream_set_flushing(stream->handle(), 0);
      break;
    case GST_EVENT_EOS:  // everything is published before the event goes on: an application may stop at EOS
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
  if (id == sta::gst::kPropStats) {
    const auto engine = self->state->currentEngine();
    const auto stream = self->state->currentStream();
    g_value_take_boxed(value, sta::gst::statsStructure(engine.get(), stream.get()));
    return;
  }
  if (id == sta::gst::kPropActualHop || id == sta::gst::kPropActualSampleInterval) {
    const auto stream = self->state->currentStream();
    const Stream::Timing timing = stream ? stream->timing() : Stream::Timing{};
    g_value_set_uint64(value, id == sta::gst::kPropActualHop ? timing.hop : timing.sample_interval);
    return;
  }
  GST_OBJECT_LOCK(self);
  const bool known = sta::gst::getSetting(self->state->settings, id, value);
  GST_OBJECT_UNLOCK(self);
  if (!known) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
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
  sta::gst::installProperties(object_class);

  /**
   * GstStaAction::window:
   * @action: the element
   * @window: the fields of a sta-window message
   *
   * A window was classified, or failed to be. Emitted from the streaming thread: return soon, and do not change the element's state.
   *
   * Since: 0.1
   */
  g_window_signal = g_signal_new("window", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST, 0, nullptr, nullptr, nullptr, G_TYPE_NONE, 1,
                                 GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);

  /**
   * GstStaAction::event:
   * @action: the element
   * @event: the fields of a sta-event message: state (start, update, end), event-id, label, class-id, onset, offset (running time, ns), confidence,
   *   peak, model, stream-id
   *
   * An event started, went on or ended. Emitted from the streaming thread like #GstStaAction::window; also posted as an element message.
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
  transform_class->set_caps = GST_DEBUG_FUNCPTR(gst_sta_action_set_caps);
  transform_class->sink_event = GST_DEBUG_FUNCPTR(gst_sta_action_sink_event);
  transform_class->before_transform = GST_DEBUG_FUNCPTR(gst_sta_action_before_transform);
  transform_class->transform_ip = GST_DEBUG_FUNCPTR(gst_sta_action_transform_ip);
  // No propose_allocation: an element that works in place passes the query on, so that upstream learns of padded rows (GstVideoMeta) and pools what
  // downstream can take, which is what counts: the same buffers go there. Planes are read through GstVideoMeta whoever asked for it. Passthrough
  // hands on buffers that others share; metadata may only be added to a writable one.
  transform_class->passthrough_on_same_caps = FALSE;
}

static void gst_sta_action_init(GstStaAction *self) {
  self->state = new sta::gst::StaActionState(self);
  GstBaseTransform *transform = GST_BASE_TRANSFORM(self);
  gst_base_transform_set_in_place(transform, TRUE);
  gst_base_transform_set_passthrough(transform, FALSE);
  gst_base_transform_set_qos_enabled(transform, FALSE);  // or the base class drops late frames, which would tear holes into windows
  gst_base_transform_set_gap_aware(transform, TRUE);     // or the base class clears the GAP flag of buffers
}
