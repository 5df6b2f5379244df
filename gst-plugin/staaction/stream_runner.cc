// SPDX-License-Identifier: MIT
// The path of a frame: settings, running time, push, results, metadata. In live mode (sync=false) nothing here waits for a forward pass:
// sta_stream_push only scales and copies, sta_stream_pop only looks. Hence the element adds no latency then, and leaves the LATENCY query to the base
// class. With sync=true a frame waits as long as the forward pass of its window takes; that mode is for files, where nobody asks for latency.
#include "stream_runner.h"

#include <algorithm>
#include <tuple>

#include "frame_input.h"
#include "metadata/action_meta.h"
#include "metadata/analytics_meta.h"

GST_DEBUG_CATEGORY_EXTERN(sta_action_debug);
#define GST_CAT_DEFAULT sta_action_debug

namespace sta::gst {
namespace {

auto streamFields(const Settings &s) {
  return std::tie(s.pruning, s.drop_number, s.min_drop_number, s.max_drop_number, s.seed, s.sample_interval, s.hop, s.gap_policy, s.max_gap,
                  s.tail_policy, s.resize, s.sync);
}

auto eventFields(const Settings &s) {
  return std::tie(s.smoothing, s.enter_threshold, s.exit_threshold, s.min_duration, s.release_duration, s.classes, s.background_class, s.gap_policy);
}

struct ResultFree {
  const CoreApi *core;
  void operator()(sta_result *result) const { core->sta_result_free(result); }
};

}  // namespace

void StreamRunner::begin(std::shared_ptr<Stream> stream, const Settings &settings) {
  stream_ = std::move(stream);
  settings_ = applied_ = settings;
  label_ttl_ = settings.label_ttl ? settings.label_ttl : 2 * stream_->timing().hop + GST_SECOND;
  clock_.clear();
  publisher_.clear();
  input_warning_.clear();
  have_info_ = active_ = false;
  upstream_id_.clear();
  newest_ = {};
  shown_since_ = GST_CLOCK_TIME_NONE;
  std::string problem;
  events_.begin(stream_, settings, &problem);
  warnOfEvents(problem);
}

void StreamRunner::end() {
  closeEvents();
  events_.end();
  stream_.reset();
  newest_ = {};
}

void StreamRunner::takeSettings() {
  const guint64 before = settings_.serial;
  refresh_(&settings_);
  if (settings_.serial != before) configure();
}

void StreamRunner::configure() {
  if (streamFields(settings_) != streamFields(applied_)) {
    const sta_stream_options options = streamOptions(core(), settings_);
    sta_error error{};
    if (core().sta_stream_configure(stream_->handle(), &options, &error) != STA_OK)
      GST_ELEMENT_WARNING(element_, LIBRARY, SETTINGS, ("New settings were not taken over: %s", error.message),
                          ("the stream goes on with the old ones"));
  }
  if (eventFields(settings_) != eventFields(applied_)) {
    std::string problem;
    events_.configure(settings_, &problem);
    warnOfEvents(problem);
  }
  applied_ = settings_;  // also what was refused: say it once, not with every frame
  label_ttl_ = settings_.label_ttl ? settings_.label_ttl : 2 * stream_->timing().hop + GST_SECOND;
}

bool StreamRunner::running(const GstSegment &segment) {
  const bool active = settings_.enabled && segment.rate > 0;
  if (!active && active_) reset(settings_.enabled ? "backward playback" : "disabled");
  active_ = active;
  return active;
}

GstFlowReturn StreamRunner::frame(GstBuffer *buffer, const GstSegment &segment) {
  if (!stream_ || !have_info_) return GST_FLOW_NOT_NEGOTIATED;
  takeSettings();
  if (!running(segment)) return GST_FLOW_OK;

  const FrameTime time = clock_.next(element_, buffer, segment, info_);
  if (!time.usable) return GST_FLOW_OK;
  if (time.backwards) reset("running time went backwards");
  GST_LOG_OBJECT(element_, "frame at %" GST_TIME_FORMAT " for %" GST_TIME_FORMAT, GST_TIME_ARGS(time.time), GST_TIME_ARGS(time.duration));

  const GstFlowReturn flow = push(buffer, time);
  if (flow != GST_FLOW_OK) return flow;
  collect();
  attach(buffer, time.time);
  publisher_.quality(*stream_, buffer, segment, time.time);
  return GST_FLOW_OK;
}

GstFlowReturn StreamRunner::push(GstBuffer *buffer, const FrameTime &time) {
  std::string problem;
  GstVideoFrame mapped;
  // The mapping ends before anything is attached: it holds a reference, and a buffer with two is not writable.
  if (gst_video_frame_map(&mapped, &info_, buffer, GST_MAP_READ)) {
    sta_frame frame = inputFrame(core(), mapped);
    frame.time = time.time;
    frame.duration = GST_CLOCK_TIME_IS_VALID(time.duration) ? time.duration : STA_TIME_NONE;
    if (GST_BUFFER_IS_DISCONT(buffer)) frame.flags |= STA_FRAME_DISCONT;
    sta_error error{};
    const sta_status status = core().sta_stream_push(stream_->handle(), &frame, &error);
    gst_video_frame_unmap(&mapped);
    if (status == STA_ERROR_FLUSHING) return GST_FLOW_FLUSHING;
    if (status != STA_OK) problem = error.message;
  } else {
    problem = "its memory cannot be mapped for reading or is smaller than the caps say";
  }
  if (!problem.empty() && input_warning_.pass())
    GST_ELEMENT_WARNING(element_, STREAM, FORMAT, ("A frame could not be used: %s", problem.c_str()), ("frames go on, windows lack it"));
  return GST_FLOW_OK;
}

ActionRecord StreamRunner::record(const sta_result *result) const {
  sta_result_info info{};
  info.struct_size = sizeof info;
  core().sta_result_get_info(result, &info);

  ActionRecord record;
  record.window_id = info.window_id;
  record.window_start = info.window_start;
  record.window_end = info.window_end;
  record.inference_time = info.inference_time;
  record.queue_time = info.queue_time;
  record.drop_number = info.drop_number;
  record.batch_size = info.batch_size;
  record.degraded = (info.flags & STA_RESULT_DEGRADED) != 0;
  record.tail = (info.flags & STA_RESULT_TAIL) != 0;
  const Engine &engine = stream_->engine();
  record.model = engine.info().name;
  record.stream_id = streamId();
  if (info.status != STA_OK) {
    const char *message = core().sta_result_message(result);
    record.error = message && *message ? message : "the forward pass failed";
    return record;
  }

  std::vector<int32_t> ids(settings_.top_k);
  std::vector<float> confidences(settings_.top_k);
  const int32_t count = core().sta_result_top(result, settings_.top_k, ids.data(), confidences.data());
  for (int32_t i = 0; i < count; i++) {
    record.class_ids.push_back(ids[i]);
    record.labels.push_back(engine.label(ids[i]));
    record.confidences.push_back(confidences[i]);
  }
  return record;
}

void StreamRunner::collect() {
  while (sta_result *raw = core().sta_stream_pop(stream_->handle())) {
    const std::unique_ptr<sta_result, ResultFree> result(raw, ResultFree{&core()});
    ActionRecord window = record(result.get());
    events_.window(result.get(), &window);
    const bool below = window.confidences.empty() || window.confidences[0] < settings_.threshold;
    GST_DEBUG_OBJECT(element_, "window %" G_GUINT64_FORMAT " %" GST_TIME_FORMAT " .. %" GST_TIME_FORMAT ": %s", window.window_id,
                     GST_TIME_ARGS(window.window_start), GST_TIME_ARGS(window.window_end),
                     window.labels.empty() ? window.error.c_str() : window.labels[0].c_str());
    publisher_.window(window, below, settings_.post_windows);
    publishEvents();
    if (!window.error.empty()) {
      publisher_.failure(window.error);
      continue;  // the older label stays until its time is over
    }
    newest_ = std::move(window);
    shown_since_ = GST_CLOCK_TIME_NONE;
    // Sorted by confidence, so what is below the threshold is a tail.
    const auto end = std::find_if(newest_.confidences.begin(), newest_.confidences.end(), [this](gdouble c) { return c < settings_.threshold; });
    const size_t keep = end - newest_.confidences.begin();
    newest_.confidences.resize(keep);
    newest_.labels.resize(keep);
    newest_.class_ids.resize(keep);
  }
}

void StreamRunner::publishEvents() {
  for (GstStructure *change : events_.take(streamId())) publisher_.event(change);
}

void StreamRunner::closeEvents() {
  events_.close();
  publishEvents();
}

void StreamRunner::warnOfEvents(const std::string &problem) {
  if (!problem.empty()) GST_ELEMENT_WARNING(element_, LIBRARY, SETTINGS, ("Events: %s", problem.c_str()), (nullptr));
}

void StreamRunner::attach(GstBuffer *buffer, GstClockTime time) {
  if (newest_.labels.empty()) return;
  if (!GST_CLOCK_TIME_IS_VALID(shown_since_)) shown_since_ = time;
  if (time - shown_since_ >= label_ttl_) {
    GST_DEBUG_OBJECT(element_, "label of window %" G_GUINT64_FORMAT " is too old", newest_.window_id);
    newest_ = {};
    return;
  }
  newest_.result_age = time > newest_.window_end ? time - newest_.window_end : 0;
  addActionMeta(buffer, newest_);
  if constexpr (kHaveAnalytics) {
    std::vector<GQuark> quarks;
    for (gint id : newest_.class_ids) quarks.push_back(stream_->engine().quark(id));
    addAnalyticsMeta(buffer, newest_, quarks);
  }
}

void StreamRunner::reset(const char *reason) {
  GST_DEBUG_OBJECT(element_, "reset: %s", reason);
  if (stream_) core().sta_stream_reset(stream_->handle());
  closeEvents();
  newest_ = {};
  shown_since_ = GST_CLOCK_TIME_NONE;
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
  if (!upstream_id_.empty() && upstream_id_ != id) {
    reset("a new stream started");
    clock_.clear();
  }
  upstream_id_ = id;
}

void StreamRunner::flushed() {
  reset("flush");
  clock_.clear();
}

void StreamRunner::gap(GstClockTime timestamp, const GstSegment &segment) {
  if (!stream_) return;
  takeSettings();
  if (!running(segment) || segment.format != GST_FORMAT_TIME) return;
  const GstClockTime time = gst_segment_to_running_time(&segment, GST_FORMAT_TIME, std::min<guint64>(timestamp, segment.stop));
  if (!GST_CLOCK_TIME_IS_VALID(time)) return;
  sta_error error{};
  const sta_status status = core().sta_stream_advance(stream_->handle(), time, &error);
  if (status != STA_OK && status != STA_ERROR_FLUSHING) GST_WARNING_OBJECT(element_, "gap not taken: %s", error.message);
  clock_.advance(time);
  collect();
}

void StreamRunner::drain(const GstSegment &segment) {
  if (!stream_) return;
  takeSettings();
  if (!running(segment)) return;
  sta_error error{};
  const sta_status status = core().sta_stream_drain(stream_->handle(), &error);
  if (status != STA_OK && status != STA_ERROR_FLUSHING) publisher_.failure(error.message);
  collect();
  closeEvents();
}

}  // namespace sta::gst
