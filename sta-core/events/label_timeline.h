// SPDX-License-Identifier: MIT
// LabelTimeline: turns the scores of overlapping windows into events with a beginning and an end. Scores flicker from
// window to window, but operators want to read "falling, from 12.4 s to 15.0 s" once. It needs neither torch nor
// GStreamer.
//
// A window's scores are credited to its newest hop, [t_end - H, t_end), the only part of the window that no earlier
// window has seen. Scores are averaged over `smoothing` windows. A class starts when its smoothed score is >=
// enter_threshold for at least min_duration. It ends when the score is < exit_threshold for at least release_duration.
// The onset is the start of the first supporting window's credited interval. The offset is the end of the last
// supporting window's interval. So the durations delay the publication of an event, but never shift its times.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

namespace sta {

struct TimelineSettings {
  int smoothing = 1;                         // windows averaged, >= 1
  double enter_threshold = 0.5;              // 0 .. 1
  double exit_threshold = 0.4;               // 0 .. enter_threshold
  uint64_t min_duration = 0;                 // ns
  uint64_t release_duration = 0;             // ns
  uint64_t update_interval = 1'000'000'000;  // ns of stream time between two updates of an open event
  std::vector<int> classes;                  // classes that can become events; empty: all
  int background = -1;                       // a class that never becomes an event; -1: none
};

struct TimelineEvent {
  enum class Kind { kStart, kUpdate, kEnd };
  Kind kind;
  uint64_t id;  // from 1, never used again
  int class_id;
  uint64_t onset;     // running time, ns
  uint64_t offset;    // end of the last supporting interval so far
  double confidence;  // mean smoothed score over the supporting windows
  double peak;        // largest smoothed score
};

class LabelTimeline {
 public:
  using Publish = std::function<void(const TimelineEvent &)>;

  LabelTimeline(int num_classes, const TimelineSettings &settings);
  /// New settings hold from the next window on. An open event ends there if its class is no longer wanted.
  void configure(const TimelineSettings &settings);

  /// Takes the scores of the window that ends at `end`. They are credited to [start, end). probabilities: [n].
  void window(uint64_t start, uint64_t end, std::span<const float> probabilities, const Publish &publish);
  /// For end of stream, reset or a new scene. Open events end where they were last supported, and smoothing starts
  /// afresh.
  void close(const Publish &publish);

  /// Id of the open event of a class, 0 if there is none. Sets *onset if there is one.
  uint64_t open_event(int class_id, uint64_t *onset = nullptr) const;

 private:
  struct Track {
    bool open = false;
    uint64_t id = 0;
    // supported: the score is >= enter. While not open, onset is where uninterrupted support began; while open, the
    // event's onset.
    bool supported = false;
    uint64_t onset = 0, offset = 0;
    uint64_t below_since = 0;  // while open: start of the interval in which the score fell below exit
    bool below = false;
    uint64_t published = 0;  // time of the last start or update
    double sum = 0, peak = 0;
    uint64_t count = 0;
  };

  bool wanted(int class_id) const;
  void step(int class_id, double score, uint64_t start, uint64_t end, const Publish &publish);
  void support(Track &track, double score, uint64_t end) const;
  static TimelineEvent event(TimelineEvent::Kind kind, int class_id, const Track &track);
  static void end(int class_id, Track &track, const Publish &publish);

  TimelineSettings settings_;
  std::vector<Track> tracks_;               // [n]
  std::deque<std::vector<float>> history_;  // the last `smoothing` windows
  std::vector<double> sums_;                // [n], over history_
  std::vector<char> allowed_;               // [n]
  uint64_t next_id_ = 1;
};

}  // namespace sta
