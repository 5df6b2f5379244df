// SPDX-License-Identifier: MIT
// Implements sta.h: turning window results into events.
#include <algorithm>
#include <deque>

#include "api/c_api.h"
#include "events/label_timeline.h"

using namespace sta;

struct sta_timeline {
  LabelTimeline timeline;
  std::deque<TimelineEvent> waiting;
};

namespace {

Result<TimelineSettings> timeline_settings(const sta_timeline_options *in) {
  sta_timeline_options o;
  sta_timeline_options_init(&o);
  if (!read_sized(in, o)) return bad_struct("timeline options");
  auto bad = [](const std::string &what) { return Error{STA_ERROR_INVALID_ARGUMENT, what}; };
  if (o.smoothing < 1 || o.smoothing > 1000) return bad("smoothing should be 1 to 1000 windows");
  if (!(o.enter_threshold >= 0 && o.enter_threshold <= 1)) return bad("enter-threshold should be 0 to 1");
  if (!(o.exit_threshold >= 0 && o.exit_threshold <= o.enter_threshold)) return bad("exit-threshold should be 0 to enter-threshold");
  TimelineSettings s;
  s.smoothing = o.smoothing;
  s.enter_threshold = o.enter_threshold;
  s.exit_threshold = o.exit_threshold;
  s.min_duration = o.min_duration;
  s.release_duration = o.release_duration;
  s.update_interval = o.update_interval;
  if (o.classes) s.classes.assign(o.classes, o.classes + std::max(0, o.num_classes));
  s.background = o.background;
  return s;
}

}  // namespace

extern "C" {

void sta_timeline_options_init_sized(sta_timeline_options *options, size_t struct_size) {
  sta_timeline_options o = {};
  o.smoothing = 1;
  o.enter_threshold = 0.5;
  o.exit_threshold = 0.4;
  o.update_interval = 1'000'000'000;
  o.background = -1;
  write_defaults(o, options, struct_size);
}

void sta_engine_recommend_timeline(sta_engine *engine, sta_timeline_options *options) {
  sta_timeline_options o;
  sta_timeline_options_init(&o);
  if (!read_sized(options, o)) return;
  const EventHints &hints = engine->engine->description().events;
  const auto ns = [](double seconds) { return static_cast<uint64_t>(seconds * 1e9 + 0.5); };
  if (hints.background >= 0) o.background = hints.background;
  if (hints.smoothing > 0) o.smoothing = hints.smoothing;
  if (hints.enter_threshold >= 0) o.enter_threshold = hints.enter_threshold;
  if (hints.exit_threshold >= 0) o.exit_threshold = hints.exit_threshold;
  o.exit_threshold = std::min(o.exit_threshold, o.enter_threshold);
  if (hints.min_duration >= 0) o.min_duration = ns(hints.min_duration);
  if (hints.release_duration >= 0) o.release_duration = ns(hints.release_duration);
  write_sized(o, options);
}

sta_status sta_timeline_new(int32_t num_classes, const sta_timeline_options *options, sta_timeline **timeline, sta_error *err) {
  if (!timeline || num_classes < 1) return report(Error{STA_ERROR_INVALID_ARGUMENT, "a timeline needs at least one class"}, err);
  *timeline = nullptr;
  return report(guarded("making a timeline",
                        [&]() -> Status {
                          auto s = timeline_settings(options);
                          if (!s) return std::move(s).error();
                          *timeline = new sta_timeline{LabelTimeline(num_classes, *s), {}};
                          return ok();
                        }),
                err);
}

void sta_timeline_free(sta_timeline *timeline) { delete timeline; }

sta_status sta_timeline_configure(sta_timeline *timeline, const sta_timeline_options *options, sta_error *err) {
  return report(guarded("configuring",
                        [&]() -> Status {
                          auto s = timeline_settings(options);
                          if (!s) return std::move(s).error();
                          timeline->timeline.configure(*s);
                          return ok();
                        }),
                err);
}

void sta_timeline_push(sta_timeline *timeline, const sta_result *result, uint64_t hop) {
  const WindowResult &r = *result->result;
  if (r.status != STA_OK || r.probabilities.empty()) return;
  // A tail shorter than a hop is credited with its own length.
  const uint64_t end = r.span.end, start = end - std::min(hop, end - r.span.start);
  (void)guarded("events", [&]() -> Status {
    timeline->timeline.window(start, end, r.probabilities, [&](const TimelineEvent &e) { timeline->waiting.push_back(e); });
    return ok();
  });
}

void sta_timeline_close(sta_timeline *timeline) {
  (void)guarded("events", [&]() -> Status {
    timeline->timeline.close([&](const TimelineEvent &e) { timeline->waiting.push_back(e); });
    return ok();
  });
}

int32_t sta_timeline_pop(sta_timeline *timeline, sta_event *event) {
  if (timeline->waiting.empty()) return 0;
  const TimelineEvent e = timeline->waiting.front();
  timeline->waiting.pop_front();
  sta_event out{};
  out.struct_size = sizeof(out);
  out.kind = e.kind == TimelineEvent::Kind::kStart ? STA_EVENT_START : e.kind == TimelineEvent::Kind::kUpdate ? STA_EVENT_UPDATE : STA_EVENT_END;
  out.id = e.id;
  out.class_id = e.class_id;
  out.onset = e.onset;
  out.offset = e.offset;
  out.confidence = e.confidence;
  out.peak = e.peak;
  write_sized(out, event);
  return 1;
}

uint64_t sta_timeline_open_event(const sta_timeline *timeline, int32_t class_id, uint64_t *onset) {
  return timeline->timeline.open_event(class_id, onset);
}

}  // extern "C"
