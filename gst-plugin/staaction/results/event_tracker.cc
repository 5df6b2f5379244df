// SPDX-License-Identifier: MIT
// See event_tracker.h.
#include "event_tracker.h"

#include <algorithm>

namespace sta::gst {
namespace {

int32_t classOf(const Engine &engine, const std::string &label) {
  for (int32_t i = 0; i < engine.info().num_classes; i++)
    if (engine.label(i) == label) return i;
  return -1;
}

// Splits "falling, fighting" into its parts, without the blanks around them.
std::vector<std::string> split(const std::string &list) {
  std::vector<std::string> parts;
  gchar **words = g_strsplit(list.c_str(), ",", -1);
  for (gchar **word = words; *word; word++)
    if (*g_strstrip(*word)) parts.emplace_back(*word);
  g_strfreev(words);
  return parts;
}

}  // namespace

sta_timeline_options EventTracker::options(const Settings &settings, std::string *problem) {
  const Engine &engine = stream_->engine();
  sta_timeline_options options;
  stream_->core().sta_timeline_options_init_sized(&options, sizeof(options));
  // The defaults, then what the model recommends, then what the user has set.
  stream_->core().sta_engine_recommend_timeline(engine.handle(), &options);
  if (settings.smoothing > 0) options.smoothing = settings.smoothing;
  if (settings.enter_threshold >= 0) options.enter_threshold = settings.enter_threshold;
  if (settings.exit_threshold >= 0) options.exit_threshold = settings.exit_threshold;
  // The exit threshold must not be above the enter threshold. If only the exit threshold is set, the other follows it;
  // otherwise enter_threshold decides.
  if (settings.exit_threshold >= 0 && settings.enter_threshold < 0)
    options.enter_threshold = std::max(options.enter_threshold, options.exit_threshold);
  else
    options.exit_threshold = std::min(options.exit_threshold, options.enter_threshold);
  if (settings.min_duration != GST_CLOCK_TIME_NONE) options.min_duration = settings.min_duration;
  if (settings.release_duration != GST_CLOCK_TIME_NONE) options.release_duration = settings.release_duration;
  classes_.clear();
  auto known = [&](const std::string &label) {
    const int32_t id = classOf(engine, label);
    if (id < 0) *problem += (problem->empty() ? "" : "; ") + ("\"" + label + "\" is no label of the model");
    return id;
  };
  for (const std::string &label : split(settings.classes))
    if (const int32_t id = known(label); id >= 0) classes_.push_back(id);
  // If none of the listed classes is known, the empty list must not come to mean "all".
  if (!settings.classes.empty() && classes_.empty()) classes_.push_back(-1);
  options.classes = classes_.empty() ? nullptr : classes_.data();
  options.num_classes = static_cast<int32_t>(classes_.size());
  if (settings.background_class) options.background = settings.background_class->empty() ? -1 : known(*settings.background_class);
  return options;
}

void EventTracker::begin(std::shared_ptr<Stream> stream, const Settings &settings, guint64 last_event, std::string *problem) {
  end();
  first_event_ = last_event_ = last_event;
  stream_ = std::move(stream);
  gaps_ = 0;
  gap_resets_ = settings.gap_policy == STA_GAP_RESET;
  const sta_timeline_options o = options(settings, problem);
  sta_error error{};
  if (stream_->core().sta_timeline_new(stream_->engine().info().num_classes, &o, &timeline_, &error) != STA_OK) *problem = error.message;
}

void EventTracker::end() {
  if (timeline_) stream_->core().sta_timeline_free(timeline_);
  timeline_ = nullptr;
  stream_.reset();
}

void EventTracker::configure(const Settings &settings, std::string *problem) {
  if (!timeline_) return;
  gap_resets_ = settings.gap_policy == STA_GAP_RESET;
  const sta_timeline_options o = options(settings, problem);
  sta_error error{};
  if (stream_->core().sta_timeline_configure(timeline_, &o, &error) != STA_OK) *problem = error.message;
}

void EventTracker::window(const sta_result *result, ActionRecord *record) {
  if (!timeline_) return;
  const CoreApi &core = stream_->core();
  // A gap separates scenes: no event goes on behind it.
  const uint64_t gaps = stream_->stats().gaps;
  if (gaps != gaps_ && gap_resets_) core.sta_timeline_close(timeline_);
  gaps_ = gaps;
  core.sta_timeline_push(timeline_, result, stream_->timing().hop);
  if (record->class_ids.empty()) return;
  uint64_t onset = GST_CLOCK_TIME_NONE;
  record->event_id = core.sta_timeline_open_event(timeline_, record->class_ids[0], &onset);
  record->event_onset = record->event_id ? onset : GST_CLOCK_TIME_NONE;
  if (record->event_id) record->event_id += first_event_;
}

void EventTracker::close() {
  if (timeline_) stream_->core().sta_timeline_close(timeline_);
}

std::vector<GstStructure *> EventTracker::take(const std::string &stream_id) {
  std::vector<GstStructure *> changes;
  if (!timeline_) return changes;
  static const gchar *states[] = {"start", "update", "end"};
  sta_event event{};
  event.struct_size = sizeof event;
  while (stream_->core().sta_timeline_pop(timeline_, &event)) {
    const guint64 id = event.id + first_event_;
    last_event_ = std::max(last_event_, id);
    changes.push_back(gst_structure_new("sta-event", "state", G_TYPE_STRING, states[event.kind], "event-id", G_TYPE_UINT64, id, "label",
                                        G_TYPE_STRING, stream_->engine().label(event.class_id).c_str(), "class-id", G_TYPE_INT, event.class_id,
                                        "onset", G_TYPE_UINT64, event.onset, "offset", G_TYPE_UINT64, event.offset, "confidence", G_TYPE_DOUBLE,
                                        event.confidence, "peak", G_TYPE_DOUBLE, event.peak, "model", G_TYPE_STRING, stream_->engine().info().name,
                                        "stream-id", G_TYPE_STRING, stream_id.c_str(), nullptr));
  }
  return changes;
}

}  // namespace sta::gst
