// SPDX-License-Identifier: MIT
// See labeller.h.
#include "labeller.h"

#include <algorithm>
#include <tuple>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(sta_action_debug);
#define GST_CAT_DEFAULT sta_action_debug

namespace sta::gst {
namespace {

auto streamFields(const Settings &s) {
  return std::tie(s.pruning, s.drop_number, s.min_drop_number, s.max_drop_number, s.seed, s.still_threshold, s.sample_interval, s.hop, s.gap_policy,
                  s.max_gap, s.tail_policy, s.resize, s.sync, s.static_skip);
}

auto eventFields(const Settings &s) {
  return std::tie(s.smoothing, s.enter_threshold, s.exit_threshold, s.min_duration, s.release_duration, s.classes, s.background_class, s.gap_policy);
}

void note(const RunContext &context, Notice::Kind kind, std::string text) {
  Notice notice{kind};
  notice.text = std::move(text);
  context.outbox->add(std::move(notice));
}

void noteEventProblem(const RunContext &context, const std::string &problem) {
  if (!problem.empty()) note(context, Notice::Kind::kProblem, "Events: " + problem);
}

}  // namespace

Labeller::Labeller(std::shared_ptr<Stream> stream, std::optional<guint64> object_id, const RunContext &context)
    : stream_(std::move(stream)), object_id_(object_id), first_(nullptr, ResultFree{&stream_->core()}) {
  resolveTtl(context.settings);
  std::string problem;
  events_.begin(stream_, context.settings, 0, &problem);
  // All objects have the same settings, so only the stream of whole frames reports what is wrong with them.
  if (!object_id_) noteEventProblem(context, problem);
}

void Labeller::succeed(const Labeller &before, const RunContext &context) {
  first_window_ = before.next_window_;
  std::string repeated;
  events_.begin(stream_, context.settings, before.events_.lastEvent(), &repeated);
}

void Labeller::resolveTtl(const Settings &settings) { label_ttl_ = settings.label_ttl ? settings.label_ttl : 2 * stream_->timing().hop + GST_SECOND; }

void Labeller::configure(const Settings &before, const RunContext &context) {
  const Settings &now = context.settings;
  if (streamFields(now) != streamFields(before)) {
    const sta_stream_options options = streamOptions(core(), now);
    sta_error error{};
    if (core().sta_stream_configure(stream_->handle(), &options, &error) != STA_OK && !object_id_)
      note(context, Notice::Kind::kProblem, "New settings were not taken over, the stream goes on with the old ones: " + std::string(error.message));
  }
  if (eventFields(now) != eventFields(before)) {
    std::string problem;
    events_.configure(now, &problem);
    if (!object_id_) noteEventProblem(context, problem);
  }
  resolveTtl(now);
}

Labeller::Result Labeller::pop() {
  if (first_) return std::exchange(first_, Result(nullptr, ResultFree{&core()}));
  return Result(core().sta_stream_pop(stream_->handle()), ResultFree{&core()});
}

std::optional<bool> Labeller::proven(std::string *why) {
  first_ = pop();
  if (!first_) return std::nullopt;
  sta_result_info info{};
  info.struct_size = sizeof info;
  core().sta_result_get_info(first_.get(), &info);
  if (info.status != STA_OK) *why = core().sta_result_message(first_.get());
  return info.status == STA_OK;
}

ActionRecord Labeller::record(const sta_result *result, const RunContext &context) {
  sta_result_info info{};
  info.struct_size = sizeof info;
  core().sta_result_get_info(result, &info);

  ActionRecord record;
  record.window_id = first_window_ + info.window_id;
  next_window_ = record.window_id + 1;
  record.window_start = info.window_start;
  record.window_end = info.window_end;
  record.inference_time = info.inference_time;
  record.queue_time = info.queue_time;
  record.drop_number = info.drop_number;
  record.tokens = info.tokens;
  record.gmacs = static_cast<gdouble>(info.multiply_adds) / 1e9;
  record.batch_size = info.batch_size;
  record.degraded = (info.flags & STA_RESULT_DEGRADED) != 0;
  record.tail = (info.flags & STA_RESULT_TAIL) != 0;
  record.reused = (info.flags & STA_RESULT_REUSED) != 0;
  record.is_object = object_id_.has_value();
  record.object_id = object_id_.value_or(0);
  const Engine &engine = stream_->engine();
  record.model = engine.info().name;
  record.stream_id = context.streamId();
  if (info.status != STA_OK) {
    const char *message = core().sta_result_message(result);
    record.error = message && *message ? message : "the forward pass failed";
    return record;
  }

  const gint top_k = context.settings.top_k;
  std::vector<int32_t> ids(top_k);
  std::vector<float> confidences(top_k);
  const int32_t count = core().sta_result_top(result, top_k, ids.data(), confidences.data());
  for (int32_t i = 0; i < count; i++) {
    record.class_ids.push_back(ids[i]);
    record.labels.push_back(engine.label(ids[i]));
    record.confidences.push_back(confidences[i]);
  }
  return record;
}

void Labeller::take(const sta_result *result, RunContext *context) {
  Notice window{Notice::Kind::kWindow};
  window.record = record(result, *context);
  events_.window(result, &window.record);
  ActionRecord shown = window.record;
  const gdouble threshold = context->settings.threshold;
  window.below_threshold = shown.confidences.empty() || shown.confidences[0] < threshold;
  window.post = context->settings.post_windows;
  context->outbox->add(std::move(window));
  noteEvents(*context);
  if (!shown.error.empty()) {
    const bool fatal = context->settings.on_error == kOnErrorFail;
    context->failed |= fatal;
    note(*context, fatal ? Notice::Kind::kError : Notice::Kind::kFailure, shown.error);
    return;  // the older label stays until it expires
  }
  newest_ = std::move(shown);
  shown_since_ = GST_CLOCK_TIME_NONE;
  // Confidences are sorted, so the entries below the threshold are at the end.
  const auto end = std::find_if(newest_.confidences.begin(), newest_.confidences.end(), [&](gdouble c) { return c < threshold; });
  const size_t keep = end - newest_.confidences.begin();
  newest_.confidences.resize(keep);
  newest_.labels.resize(keep);
  newest_.class_ids.resize(keep);
}

void Labeller::collect(RunContext *context) {
  while (const Result result = pop()) take(result.get(), context);
}

void Labeller::noteEvents(const RunContext &context) {
  for (GstStructure *change : events_.take(context.streamId())) {
    if (object_id_) gst_structure_set(change, "object-id", G_TYPE_UINT64, *object_id_, nullptr);
    Notice notice{Notice::Kind::kEvent};
    notice.change.reset(change);
    context.outbox->add(std::move(notice));
  }
}

void Labeller::closeEvents(const RunContext &context) {
  events_.close();
  noteEvents(context);
}

void Labeller::reset(const RunContext &context) {
  core().sta_stream_reset(stream_->handle());
  first_.reset();
  closeEvents(context);
  newest_ = {};
  shown_since_ = GST_CLOCK_TIME_NONE;
}

const ActionRecord *Labeller::label(GstClockTime time) {
  if (newest_.labels.empty()) return nullptr;
  if (!GST_CLOCK_TIME_IS_VALID(shown_since_)) shown_since_ = time;
  if (time - shown_since_ >= label_ttl_) {
    GST_DEBUG("label of window %" G_GUINT64_FORMAT " is too old", newest_.window_id);
    newest_ = {};
    return nullptr;
  }
  newest_.result_age = time > newest_.window_end ? time - newest_.window_end : 0;
  return &newest_;
}

}  // namespace sta::gst
