// SPDX-License-Identifier: MIT
// SamplingGrid: turns frame times into window samples, and samples into windows. It holds no pixels and needs neither
// torch nor GStreamer, so tests of timing need neither. It tells the caller when to copy pixels.
//
// A model wants N frames spaced Δ apart. Grid points are t_k = t_0 + k·Δ. Δ is a rational number of nanoseconds, so
// steps of 4/30 s do not drift in a year. The sample for t_k is the frame on screen at t_k. It is settled as soon as a
// frame arrives with time >= t_k, or the current frame's duration reaches past t_k. A frame that is up to 1 ms late
// counts as on t_k, because containers round timestamps. A window holds N consecutive samples; the next window begins h
// samples later.
//
// A frame may be held for long: max-gap is up to an hour, and Δ down to a millisecond. The call that brings the next
// frame then settles all missed samples at once. To keep this call short, it settles only N samples one by one and
// computes the rest by arithmetic. Windows that show only the held frame are all alike, and only the newest of them are
// made.
//
// Letters: N samples in a window, h samples from one window to the next, k grid index since the (re)start, Δ spacing.
#pragma once

#include <cstdint>

namespace sta {

inline constexpr uint64_t kTimeNone = UINT64_MAX;
/// A frame that comes this much after a grid point counts as on it [ns].
inline constexpr uint64_t kOnGridTolerance = 1'000'000;

/// num / den nanoseconds, both positive.
struct Spacing {
  int64_t num = 0;
  int64_t den = 1;

  /// k·Δ rounded to the nearest nanosecond; k >= 0.
  uint64_t times(uint64_t k) const { return static_cast<uint64_t>((static_cast<unsigned __int128>(num) * k + den / 2) / den); }
  bool operator==(const Spacing &other) const {
    return static_cast<__int128>(num) * other.den == static_cast<__int128>(other.num) * den;  // 64 bits are too few
  }
};

struct GridSettings {
  int num_frames = 16;            // N
  Spacing spacing{133333333, 1};  // Δ
  uint64_t hop = 0;               // ns; rounded up to a multiple of Δ; 0: N/4 samples (at least one)
  bool hold_gaps = false;         // gap-policy=hold
  uint64_t max_gap = 0;           // ns; 0: max(2Δ, 500 ms)
  bool pad_tail = true;           // tail-policy=pad
  uint64_t held_windows = 64;     // most windows that one call makes while a frame is held for longer than a window

  /// h >= 1.
  uint64_t hop_samples() const;
  uint64_t max_gap_ns() const;
};

/// A completed window, in running time.
struct WindowSpan {
  uint64_t first_sample;  // k of its first sample
  int num_samples;        // real samples; fewer than N only for a tail: repeat its last sample
  uint64_t start;         // t_first
  uint64_t end;           // t_last + Δ; t_last: of the last real sample
  bool degraded;          // a sample repeats a frame over a gap, or pads the tail
  bool tail;
};

/// The grid tells the caller what to do, in the order of these calls.
class GridSink {
 public:
  virtual ~GridSink() = default;
  /// The half-filled window is void, and the grid starts again.
  virtual void restart() = 0;
  /// The frame just offered is now the frame on screen.
  virtual void show() = 0;
  /// The frame on screen is sample k.
  virtual void settle(uint64_t k) = 0;
  /// The frame on screen is the samples k .. k + count - 1. It already is the N samples before them.
  virtual void hold(uint64_t k, uint64_t count) = 0;
  /// This number of windows is not made. They and the next window that window() reports show only the frame on screen.
  virtual void pass_over(uint64_t count) = 0;
  /// All samples of this window are settled.
  virtual void window(const WindowSpan &span) = 0;
};

class SamplingGrid {
 public:
  explicit SamplingGrid(const GridSettings &settings) : settings_(settings) {}

  /// Takes effect at the next window. A changed N or Δ restarts the grid at the next frame.
  void configure(const GridSettings &settings);
  const GridSettings &settings() const { return settings_; }

  /// Whether a frame of this time would be older than the one on screen.
  bool goes_back(uint64_t time) const { return running_ && time < last_time_; }
  /// Takes a frame that is shown from `time` for `duration` (or kTimeNone). If time runs backwards, it restarts the
  /// grid and returns false: results of earlier windows then belong to another scene.
  bool frame(uint64_t time, uint64_t duration, bool discont, GridSink &sink);
  /// Tells the grid that no frame came until `time`.
  void advance(uint64_t time, GridSink &sink);
  /// End of stream: emits the tail window if there is one, and forgets the stream.
  void finish(GridSink &sink);
  /// Forgets the stream.
  void reset();

  uint64_t gaps() const { return gaps_; }

 private:
  uint64_t point(uint64_t k) const { return origin_ + settings_.spacing.times(k); }
  void begin(uint64_t time);
  uint64_t points_before(uint64_t time) const;
  void settle_before(uint64_t time, bool over_gap, GridSink &sink);
  bool settle_one(bool over_gap, GridSink &sink);
  void hold_until(uint64_t end, uint64_t made, GridSink &sink);
  void complete_window(GridSink &sink);
  bool is_gap(uint64_t time, bool discont) const;
  bool can_hold(uint64_t time) const;

  GridSettings settings_;
  bool running_ = false;                // a frame is on screen and origin_ holds
  bool restart_next_ = false;           // a gap was seen, but no frame after it yet
  uint64_t origin_ = 0;                 // t_0
  uint64_t last_time_ = 0;              // time of the frame on screen
  uint64_t last_end_ = 0;               // where its duration ends; last_time_ if unknown
  uint64_t next_sample_ = 0;            // k to be settled next
  uint64_t shown_from_ = 0;             // k of the first sample of the frame on screen
  uint64_t next_window_ = 0;            // k of the first sample of the next window
  uint64_t newest_used_ = 0;            // one past the last sample that an emitted window holds
  uint64_t last_degraded_ = kTimeNone;  // newest k that repeats a frame over a gap
  uint64_t gaps_ = 0;
};

}  // namespace sta
