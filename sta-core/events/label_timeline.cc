// SPDX-License-Identifier: MIT
// See label_timeline.h.
#include "events/label_timeline.h"

#include <algorithm>

namespace sta {

LabelTimeline::LabelTimeline(int num_classes, const TimelineSettings &settings)
    : tracks_(static_cast<size_t>(num_classes)), sums_(static_cast<size_t>(num_classes)), allowed_(static_cast<size_t>(num_classes)) {
  configure(settings);
}

void LabelTimeline::configure(const TimelineSettings &settings) {
  settings_ = settings;
  settings_.smoothing = std::max(1, settings_.smoothing);
  settings_.exit_threshold = std::min(settings_.exit_threshold, settings_.enter_threshold);
  std::fill(allowed_.begin(), allowed_.end(), settings_.classes.empty() ? 1 : 0);
  for (int c : settings_.classes)
    if (c >= 0 && c < static_cast<int>(allowed_.size())) allowed_[static_cast<size_t>(c)] = 1;
  if (settings_.background >= 0 && settings_.background < static_cast<int>(allowed_.size())) allowed_[static_cast<size_t>(settings_.background)] = 0;
}

bool LabelTimeline::wanted(int class_id) const { return allowed_[static_cast<size_t>(class_id)] != 0; }

TimelineEvent LabelTimeline::event(TimelineEvent::Kind kind, int class_id, const Track &t) {
  return {kind, t.id, class_id, t.onset, t.offset, t.count ? t.sum / static_cast<double>(t.count) : 0, t.peak};
}

void LabelTimeline::support(Track &t, double score, uint64_t end) const {
  t.offset = end;
  t.sum += score;
  t.peak = std::max(t.peak, score);
  ++t.count;
}

void LabelTimeline::end(int class_id, Track &track, const Publish &publish) {
  if (track.open) publish(event(TimelineEvent::Kind::kEnd, class_id, track));
  track = Track();
}

void LabelTimeline::step(int class_id, double score, uint64_t start, uint64_t end_time, const Publish &publish) {
  Track &t = tracks_[static_cast<size_t>(class_id)];
  if (!t.open) {
    if (score < settings_.enter_threshold) {
      t = Track();
      return;
    }
    if (!t.supported) {
      t.supported = true;
      t.onset = start;
    }
    support(t, score, end_time);
    if (t.offset - t.onset < settings_.min_duration) return;
    t.open = true;
    t.id = next_id_++;
    t.published = end_time;
    publish(event(TimelineEvent::Kind::kStart, class_id, t));
    return;
  }
  if (score >= settings_.exit_threshold) {
    // Scores between the thresholds support the event too; this is the purpose of the lower threshold. A dip that was
    // too short is forgotten.
    t.below = false;
    support(t, score, end_time);
    if (end_time - t.published >= settings_.update_interval) {
      t.published = end_time;
      publish(event(TimelineEvent::Kind::kUpdate, class_id, t));
    }
    return;
  }
  if (!t.below) {
    t.below = true;
    t.below_since = start;
  }
  if (end_time - t.below_since >= settings_.release_duration) end(class_id, t, publish);
}

void LabelTimeline::window(uint64_t start, uint64_t end_time, std::span<const float> probabilities, const Publish &publish) {
  const size_t n = tracks_.size();
  if (probabilities.size() != n || end_time <= start) return;
  history_.emplace_back(probabilities.begin(), probabilities.end());
  while (history_.size() > static_cast<size_t>(settings_.smoothing)) history_.pop_front();
  // Sum again each time: a running sum would collect rounding errors over a year.
  std::fill(sums_.begin(), sums_.end(), 0.0);
  for (const auto &scores : history_)
    for (size_t c = 0; c < n; ++c) sums_[c] += static_cast<double>(scores[c]);
  for (size_t c = 0; c < n; ++c) {
    const int class_id = static_cast<int>(c);
    if (wanted(class_id))
      step(class_id, sums_[c] / static_cast<double>(history_.size()), start, end_time, publish);
    else
      end(class_id, tracks_[c], publish);
  }
}

void LabelTimeline::close(const Publish &publish) {
  for (size_t c = 0; c < tracks_.size(); ++c) end(static_cast<int>(c), tracks_[c], publish);
  history_.clear();
}

uint64_t LabelTimeline::open_event(int class_id, uint64_t *onset) const {
  if (class_id < 0 || class_id >= static_cast<int>(tracks_.size())) return 0;
  const Track &t = tracks_[static_cast<size_t>(class_id)];
  if (!t.open) return 0;
  if (onset) *onset = t.onset;
  return t.id;
}

}  // namespace sta
