// SPDX-License-Identifier: MIT
// The path of a frame: settings, running time, push, results, metadata. In live mode (sync=false) no step waits for a
// forward pass: sta_stream_push only scales and copies, sta_stream_pop only looks, and the dispatcher's thread tells
// the application. With sync=true a frame waits until the forward pass of its window is done, and everything happens in
// the streaming thread.
#include "stream_runner.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "metadata/action_meta.h"
#include "metadata/analytics_meta.h"
#include "staaction/frames/cuda_memory.h"
#include "staaction/frames/frame_mapping.h"

GST_DEBUG_CATEGORY_EXTERN(sta_action_debug);
#define GST_CAT_DEFAULT sta_action_debug

namespace sta::gst {

using Lock = std::lock_guard<std::mutex>;

StreamRunner::StreamRunner(GstElement *element, guint window_signal, guint event_signal, Handles *handles, ModelLoader *loader, Refresh refresh)
    : element_(element),
      handles_(handles),
      loader_(loader),
      refresh_(std::move(refresh)),
      publisher_(element, window_signal, event_signal),
      objects_(handles),
      dispatcher_([this] { dispatch(); }) {
  context_.outbox = &outbox_;
}

void StreamRunner::begin(std::shared_ptr<Stream> stream, const Settings &settings) {
  {
    Lock lock(results_mutex_);
    outbox_.clear();
    context_.settings = applied_ = settings;
    context_.upstream_id.clear();
    context_.failed = false;
    engine_ = handles_->opened().engine;
    stream->core().sta_stream_set_notify(stream->handle(), &Dispatcher::notify, &dispatcher_);
    frame_ = std::make_unique<Lane>(std::make_unique<Labeller>(std::move(stream), std::nullopt, context_), handles_);
  }
  clock_.clear();
  publisher_.clear();
  input_warning_.clear();
  have_info_ = active_ = false;
  latency_.set(settings.sync, frame_->stream()->timing().hop);
  dispatcher_.start();
  publish();
}

void StreamRunner::end() {
  dispatcher_.stop();
  Lane::Retired retired;
  {
    Lock lock(results_mutex_);
    objects_.clear(context_, &retired);
    if (frame_) {
      frame_->closeEvents(context_);
      frame_->reset(context_);
      frame_->end(context_, &retired);
    }
    frame_.reset();
    engine_ = nullptr;
  }
  bury(&retired);
  outbox_.deliverAll();
}

void StreamRunner::bury(Lane::Retired *retired) {
  for (std::shared_ptr<Stream> &stream : *retired) loader_->bury(std::move(stream));
  retired->clear();
}

// visit: void(Lane &). Called under the lock of results, or without it where visit only reads.
template <typename Visit>
void StreamRunner::forEachLane(Visit visit) {
  visit(*frame_);
  objects_.forEach([&](ObjectTrack &track) { visit(*track.lane); });
}

/* ----------------------------------------------------------------------------------------------- settings */

void StreamRunner::takeSettings() {
  const guint64 before = context_.settings.serial;
  {
    Lock lock(results_mutex_);
    refresh_(&context_.settings);
    if (context_.settings.serial == before) return;
    forEachLane([&](Lane &lane) { lane.configure(applied_, context_); });
  }
  if (context_.settings.region != applied_.region) reset("another region");
  applied_ = context_.settings;  // also refused settings: the refusal is reported once, not with every frame
  updateLatency();
}

void StreamRunner::updateLatency() {
  if (latency_.set(context_.settings.sync, frame_->stream()->timing().hop))
    gst_element_post_message(element_, gst_message_new_latency(GST_OBJECT_CAST(element_)));
}

bool StreamRunner::running(const GstSegment &segment) {
  const bool active = context_.settings.enabled && segment.rate > 0;
  if (!active && active_) reset(context_.settings.enabled ? "backward playback" : "disabled");
  active_ = active;
  return active;
}

/* -------------------------------------------------------------------------------------------------- models */

std::unique_ptr<Labeller> StreamRunner::makeLabeller(const std::shared_ptr<Engine> &engine, std::optional<guint64> object_id, bool counted) {
  std::string problem;
  std::shared_ptr<Stream> stream = Stream::create(engine, context_.settings, &problem);
  if (!stream) {
    Notice notice{Notice::Kind::kProblem};
    notice.text = "No windows can be made with model " + std::string(engine->info().name) + ", the stream goes on without: " + problem;
    if (input_warning_.pass()) outbox_.add(std::move(notice));
    return nullptr;
  }
  handles_->add(stream, counted);
  stream->core().sta_stream_set_notify(stream->handle(), &Dispatcher::notify, &dispatcher_);
  return std::make_unique<Labeller>(std::move(stream), object_id, context_);
}

// Takes a model that the loader has ready: each lane gets a labeller of it. With region=objects the lane of whole
// frames swaps at once, because nobody needs its first window.
void StreamRunner::takeModel() {
  std::shared_ptr<Engine> engine = loader_->take();
  if (!engine) return;
  Lane::Retired retired;
  bool offered = false, taken = false;
  {
    Lock lock(results_mutex_);
    auto offer = [&](Lane &lane, std::optional<guint64> object_id) {
      std::unique_ptr<Labeller> labeller = makeLabeller(engine, object_id, false);
      if (labeller) lane.offer(std::move(labeller), &retired);
      return lane.swapping();
    };
    offered = offer(*frame_, std::nullopt);
    if (offered) {
      objects_.forEach([&](ObjectTrack &track) { offer(*track.lane, track.id); });
      engine_ = engine;
      if (context_.settings.region == kRegionObjects) taken = frame_->swapNow(context_, &retired);
    }
  }
  bury(&retired);
  if (!offered) loader_->bury(std::move(engine));
  if (taken) modelTaken(engine);
}

// The lane of whole frames now runs the new model.
void StreamRunner::modelTaken(const std::shared_ptr<Engine> &engine) {
  Handles::Opened old = handles_->exchange({engine, frame_->stream()});
  loader_->bury(std::make_shared<Handles::Opened>(std::move(old)));
  handles_->counters.model_swaps++;
  GST_INFO_OBJECT(element_, "model %s has taken over", engine->info().path);
  updateLatency();
}

/* -------------------------------------------------------------------------------------------------- frames */

GstFlowReturn StreamRunner::frame(GstBuffer *buffer, const GstSegment &segment) {
  if (!frame_ || !have_info_) return GST_FLOW_NOT_NEGOTIATED;
  takeSettings();
  takeModel();
  if (!running(segment)) return GST_FLOW_OK;

  const FrameTime time = clock_.next(element_, buffer, segment, info_);
  if (!time.usable) return GST_FLOW_OK;
  if (time.backwards) reset("running time went backwards");
  // Tags and properties may change at any time; a change applies from this frame on.
  if (const sta_orientation orientation = orientation_tags_.of(context_.settings.orientation); orientation != orientation_) {
    reset("another orientation");
    orientation_ = orientation;
  }
  GST_LOG_OBJECT(element_, "frame at %" GST_TIME_FORMAT " for %" GST_TIME_FORMAT, GST_TIME_ARGS(time.time), GST_TIME_ARGS(time.duration));

  if (context_.settings.region == kRegionObjects) followObjects(buffer, time.time);
  const gint64 before = g_get_monotonic_time();
  const GstFlowReturn flow = push(buffer, time);
  if (flow != GST_FLOW_OK) return flow;
  if (context_.settings.sync && latency_.waited((g_get_monotonic_time() - before) * GST_USECOND))
    gst_element_post_message(element_, gst_message_new_latency(GST_OBJECT_CAST(element_)));
  const bool failed = collect();
  publish();
  attach(buffer, time.time);
  publisher_.quality(*handles_, frame_->stream()->timing().hop, buffer, segment, time.time);
  return failed ? GST_FLOW_ERROR : GST_FLOW_OK;
}

void StreamRunner::warnInput(const std::string &problem, const char *consequence) {
  if (input_warning_.pass()) GST_ELEMENT_WARNING(element_, STREAM, FORMAT, ("%s", problem.c_str()), ("%s", consequence));
}

void StreamRunner::followObjects(GstBuffer *buffer, GstClockTime time) {
  if (!objects_.read(buffer))
    warnInput("region=objects needs detections with track ids, but upstream's have none: put a tracker between detector and staaction",
              "frames go on without labels");
  const Settings &settings = context_.settings;
  const GstClockTime max_unseen =
      settings.max_gap ? settings.max_gap : std::max<GstClockTime>(2 * frame_->stream()->timing().sample_interval, 500 * GST_MSECOND);
  Lane::Retired retired;
  {
    Lock lock(results_mutex_);
    objects_.follow(
        time, max_unseen,
        [this](guint64 id) -> std::unique_ptr<Lane> {
          std::unique_ptr<Labeller> labeller = makeLabeller(engine_, id, true);
          return labeller ? std::make_unique<Lane>(std::move(labeller), handles_) : nullptr;
        },
        context_, &retired);
  }
  bury(&retired);
}

GstFlowReturn StreamRunner::push(GstBuffer *buffer, const FrameTime &time) {
  void *context = CudaMapping::contextOf(buffer);
  bool on_device = false, in_memory = false;
  forEachLane([&](Lane &lane) { (lane.takesDevice(context) ? on_device : in_memory) = true; });
  std::string problem;
  sta_status status = STA_OK;
  {
    FrameMapping mapping;
    if (mapping.map(buffer, info_, frame_->stream()->core(), time, orientation_, on_device, in_memory)) {
      status = pushViews(mapping.views(), &problem);
      if (status == STA_OK) handles_->counters.frames++;
    } else {
      problem = "its memory cannot be mapped for reading or is smaller than the caps say";
    }
  }
  if (status == STA_ERROR_FLUSHING) return GST_FLOW_FLUSHING;
  if (!problem.empty()) warnInput("A frame could not be used: " + problem, "frames go on, windows lack it");
  return GST_FLOW_OK;
}

sta_status StreamRunner::pushViews(const FrameViews &frame, std::string *problem) {
  if (context_.settings.region == kRegionObjects) return objects_.push(frame, info_, problem);
  sta_error error{};
  const sta_status status = frame_->push(frame, &error);
  if (status != STA_OK) *problem = error.message;
  return status;
}

/* ------------------------------------------------------------------------------------------------- results */

// TRUE: on-error=fail, and a window has failed, now or since the frame before.
bool StreamRunner::collect() {
  Lane::Retired retired;
  std::string why;
  bool taken = false, refused = false, failed = false;
  {
    Lock lock(results_mutex_);
    frame_->collect(&context_);
    const bool swapping = frame_->swapping();
    taken = frame_->trySwap(&context_, &retired, &why);
    refused = swapping && !taken && !frame_->swapping();
    objects_.forEach([&](ObjectTrack &track) {
      track.lane->collect(&context_);
      std::string ignored;
      track.lane->trySwap(&context_, &retired, &ignored);
    });
    failed = context_.failed;
  }
  bury(&retired);
  if (taken) modelTaken(engine_);
  if (refused) {
    GST_ELEMENT_WARNING(element_, LIBRARY, FAILED, ("Model %s was not taken over, its first window failed: %s", engine_->info().name, why.c_str()),
                        ("the model before goes on"));
    loader_->bury(std::exchange(engine_, handles_->opened().engine));
  }
  return failed;
}

// With sync=true everything is published before the frame goes on. In live mode the frame does not wait for the
// application's handlers.
void StreamRunner::publish() {
  if (context_.settings.sync)
    outbox_.deliverAll();
  else
    dispatcher_.wake();
}

// Runs in the dispatcher's thread.
void StreamRunner::dispatch() {
  try {
    {
      Lock lock(results_mutex_);
      if (frame_ && !context_.settings.sync) forEachLane([this](Lane &lane) { lane.collect(&context_); });
    }
    outbox_.deliver();
  } catch (const std::exception &exception) {
    GST_ELEMENT_ERROR(element_, LIBRARY, FAILED, ("staaction failed: %s", exception.what()), (nullptr));
  }
}

void StreamRunner::attach(GstBuffer *buffer, GstClockTime time) {
  Lock lock(results_mutex_);
  if (context_.settings.region == kRegionObjects) {
    objects_.attach(buffer, time);
    return;
  }
  const ActionRecord *label = frame_->label(time);
  if (!label) return;
  addActionMeta(buffer, *label);
  if constexpr (kHaveAnalytics) addAnalyticsMeta(buffer, *label, frame_->stream()->engine().quarks(label->class_ids));
}

/* ------------------------------------------------------------------------------------------- interruptions */

void StreamRunner::reset(const char *reason) {
  if (!frame_) return;
  GST_DEBUG_OBJECT(element_, "reset: %s", reason);
  Lane::Retired retired;
  bool taken = false;
  {
    Lock lock(results_mutex_);
    objects_.clear(context_, &retired);
    frame_->reset(context_);
    taken = frame_->swapNow(context_, &retired);  // loses no label: after the reset there is none
  }
  bury(&retired);
  if (taken) modelTaken(engine_);
  publish();
}

void StreamRunner::capsChanged(const GstVideoInfo &info) {
  if (have_info_ && !sameGeometry(info_, info)) reset("size, format or colours changed");
  info_ = info;
  have_info_ = true;
}

void StreamRunner::segmentChanged(const GstSegment &segment) {
  if (!clock_.takeSegment(segment)) reset("the segment does not continue the one before");
}

void StreamRunner::streamStarted(const gchar *stream_id) {
  const std::string id = stream_id ? stream_id : "";
  if (!context_.upstream_id.empty() && context_.upstream_id != id) {
    reset("a new stream started");
    clock_.clear();
    orientation_tags_.forget();
  }
  Lock lock(results_mutex_);
  context_.upstream_id = id;
}

void StreamRunner::flushed() {
  reset("flush");
  clock_.clear();
}

void StreamRunner::gap(GstClockTime timestamp, const GstSegment &segment) {
  if (!frame_) return;
  takeSettings();
  if (!running(segment) || segment.format != GST_FORMAT_TIME) return;
  const GstClockTime time = gst_segment_to_running_time(&segment, GST_FORMAT_TIME, std::min<guint64>(timestamp, segment.stop));
  if (!GST_CLOCK_TIME_IS_VALID(time)) return;
  forEachLane([&](Lane &lane) {
    sta_error error{};
    const sta_status status = lane.advance(time, &error);
    if (status != STA_OK && status != STA_ERROR_FLUSHING) GST_WARNING_OBJECT(element_, "gap not taken: %s", error.message);
  });
  clock_.advance(time);
  collect();
  publish();
}

void StreamRunner::drain(const GstSegment &segment) {
  if (!frame_) return;
  takeSettings();
  if (!running(segment)) return;
  forEachLane([&](Lane &lane) {
    sta_error error{};
    const sta_status status = lane.drain(&error);
    if (status != STA_OK && status != STA_ERROR_FLUSHING)
      warnInput("The end of the stream could not be classified: " + std::string(error.message), "EOS goes on");
  });
  collect();
  Lane::Retired retired;
  bool taken = false;
  {
    Lock lock(results_mutex_);
    forEachLane([this](Lane &lane) { lane.closeEvents(context_); });
    objects_.clear(context_, &retired);
    taken = frame_->swapNow(context_, &retired);
  }
  bury(&retired);
  if (taken) modelTaken(engine_);
  outbox_.deliverAll();
}

}  // namespace sta::gst
