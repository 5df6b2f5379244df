// SPDX-License-Identifier: MIT
// See sampling_grid.h.
#include "window/sampling_grid.h"

#include <algorithm>

namespace sta {

uint64_t GridSettings::hop_samples() const {
  if (hop == 0) return static_cast<uint64_t>(std::max(1, num_frames / 4));
  // Smallest h with h·Δ >= hop. A hop may be given as a rounded multiple of Δ (133333333 for 4/30 s). It must not
  // become one sample more, so up to 1 µs counts as rounding.
  const unsigned __int128 wanted = hop > 1000 ? hop - 1000 : 1;
  const unsigned __int128 h = (wanted * spacing.den + spacing.num - 1) / spacing.num;
  return std::max<uint64_t>(1, static_cast<uint64_t>(h));
}

uint64_t GridSettings::max_gap_ns() const { return max_gap != 0 ? max_gap : std::max<uint64_t>(spacing.times(2), 500'000'000); }

void SamplingGrid::configure(const GridSettings &settings) {
  if (settings.num_frames != settings_.num_frames || !(settings.spacing == settings_.spacing)) running_ = false;
  settings_ = settings;
}

void SamplingGrid::reset() {
  running_ = false;
  restart_next_ = false;
}

void SamplingGrid::begin(uint64_t time) {
  running_ = true;
  restart_next_ = false;
  origin_ = time;
  next_sample_ = 0;
  next_window_ = 0;
  newest_used_ = 0;
  last_degraded_ = kTimeNone;
}

// A gap is time that no frame covers. A slow source whose frames last long has no gaps.
bool SamplingGrid::is_gap(uint64_t time, bool discont) const {
  const uint64_t uncovered = time > last_end_ ? time - last_end_ : 0;
  const uint64_t limit = discont ? std::min(settings_.spacing.times(1), settings_.max_gap_ns()) : settings_.max_gap_ns();
  return uncovered > limit;
}

// Holding a frame for longer than a whole window would fill windows with one picture, and a source that comes back
// after an hour would release thousands of them. So a gap that long restarts the grid under either policy.
bool SamplingGrid::can_hold(uint64_t time) const { return settings_.hold_gaps && time - last_end_ <= settings_.spacing.times(settings_.num_frames); }

void SamplingGrid::complete_window(GridSink &sink) {
  const uint64_t first = next_window_, n = static_cast<uint64_t>(settings_.num_frames);
  const bool degraded = last_degraded_ != kTimeNone && last_degraded_ >= first;
  next_window_ += settings_.hop_samples();
  newest_used_ = first + n;
  sink.window({first, settings_.num_frames, point(first), point(first + n), degraded, false});
}

// Settles the next sample. True: it completed a window.
bool SamplingGrid::settle_one(bool over_gap, GridSink &sink) {
  const uint64_t k = next_sample_++;
  if (over_gap) last_degraded_ = k;
  sink.settle(k);
  if (next_sample_ < next_window_ + static_cast<uint64_t>(settings_.num_frames)) return false;
  complete_window(sink);
  return true;
}

// The number of grid points that lie more than the tolerance before `time`: smallest k with times(k) >= t.
uint64_t SamplingGrid::points_before(uint64_t time) const {
  if (time < origin_ || time - origin_ <= kOnGridTolerance) return 0;
  const uint64_t t = time - kOnGridTolerance - origin_;
  const auto num = static_cast<unsigned __int128>(settings_.spacing.num), den = static_cast<unsigned __int128>(settings_.spacing.den);
  return static_cast<uint64_t>((den * t - den / 2 + num - 1) / num);
}

// Settles the samples that show the frame on screen, when the next frame appears at `time`. Over a gap all of them are
// settled one by one, because some are degraded and some are not. can_hold() limits their number.
void SamplingGrid::settle_before(uint64_t time, bool over_gap, GridSink &sink) {
  const uint64_t end = points_before(time), n = static_cast<uint64_t>(settings_.num_frames);
  uint64_t made = 0;
  while (next_sample_ < end && (over_gap || next_sample_ < shown_from_ + n)) made += settle_one(over_gap && point(next_sample_) >= last_end_, sink);
  if (next_sample_ < end) hold_until(end, made, sink);
}

// The newest N samples all show the frame on screen. So every window that is completed from here on shows only that
// frame.
void SamplingGrid::hold_until(uint64_t end, uint64_t made, GridSink &sink) {
  const uint64_t n = static_cast<uint64_t>(settings_.num_frames), hop = settings_.hop_samples();
  const uint64_t windows = end < next_window_ + n ? 0 : (end - next_window_ - n) / hop + 1;
  const uint64_t most = settings_.held_windows > made ? settings_.held_windows - made : 1;
  auto hold = [&](uint64_t until) {
    if (until > next_sample_) sink.hold(next_sample_, until - next_sample_);
    next_sample_ = until;
  };
  if (windows > most) {
    sink.pass_over(windows - most);
    next_window_ += (windows - most) * hop;
  }
  for (uint64_t i = 0; i < std::min(windows, most); ++i) {
    hold(next_window_ + n);
    complete_window(sink);
  }
  hold(end);
}

bool SamplingGrid::frame(uint64_t time, uint64_t duration, bool discont, GridSink &sink) {
  // A frame may claim to last for ever (a still picture, a broken duration). It covers one window's length at most.
  const uint64_t shown = duration == kTimeNone ? 0 : std::min(duration, settings_.spacing.times(settings_.num_frames));
  const uint64_t end = time + shown;
  bool forwards = true;
  if (running_) {
    bool again = restart_next_;
    if (time < last_time_) {
      forwards = false;
      again = true;
    } else if (!again && is_gap(time, discont)) {
      ++gaps_;
      again = !can_hold(time);
      if (!again) settle_before(time, true, sink);
    } else if (!again) {
      settle_before(time, false, sink);
    }
    if (again) running_ = false;
  }
  if (!running_) {
    sink.restart();
    begin(time);
  }
  sink.show();
  shown_from_ = next_sample_;
  last_time_ = time;
  last_end_ = end;
  // Settle the points on which the frame arrived (up to the tolerance late), and the points that it outlasts. Go no
  // further than max-gap, because the next frame may come early.
  while (point(next_sample_) <= time) settle_one(false, sink);
  settle_before(std::min(end, time + settings_.max_gap_ns()), false, sink);
  return forwards;
}

void SamplingGrid::advance(uint64_t time, GridSink &sink) {
  if (!running_ || restart_next_ || time <= last_time_) return;
  const bool gap = is_gap(time, false);
  if (gap && !can_hold(time)) {
    ++gaps_;
    restart_next_ = true;
    return;
  }
  settle_before(time, gap, sink);
}

void SamplingGrid::finish(GridSink &sink) {
  if (running_ && !restart_next_) {
    settle_before(last_end_, false, sink);  // no frame can come early any more
    const uint64_t n = static_cast<uint64_t>(settings_.num_frames);
    const uint64_t have = next_sample_ > next_window_ ? next_sample_ - next_window_ : 0;
    // A tail whose samples were all in earlier windows would only repeat a result.
    if (settings_.pad_tail && 2 * have >= n && next_sample_ > newest_used_) {
      newest_used_ = next_sample_;
      sink.window({next_window_, static_cast<int>(have), point(next_window_), point(next_sample_), true, true});
    }
  }
  reset();
}

}  // namespace sta
