// SPDX-License-Identifier: MIT
// sta_stream and its sta_timeline for Python: frames in, windows and events out. This layer uses numbers and
// nanoseconds; names, seconds and documentation are in sta/_stream.py.
//
// Locks: code touches the queues and the timeline with the GIL held and does not release it meanwhile, so the GIL
// guards them. `pushing` serialises the calls that sta.h allows from one thread at a time; it is taken with the GIL
// released.
#pragma once

#include <nanobind/nanobind.h>
#include <sta/sta.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine.h"

namespace sta::python {

class Stream {
 public:
  Stream(const Engine &engine, nanobind::dict options);
  ~Stream() { close(); }

  void push(nanobind::sequence planes, int format, nanobind::dict options);
  void advance(uint64_t time);
  void drain();
  void reset();
  // Ends blocking calls of other threads; later calls fail. May be called any number of times.
  void close();
  bool closed() const { return !handle_; }

  // Waits at most `seconds` (negative: no limit) and returns whether a window or an event is there.
  bool wait(double seconds);
  // The oldest one as a tuple (the fields of _stream.Window and Event), or None. Never waits.
  nanobind::object next_window();
  nanobind::object next_event();
  nanobind::dict stats();
  nanobind::tuple timing() const;

 private:
  // Lives as long as a call that uses it.
  struct Handle {
    std::shared_ptr<sta_engine> engine;
    sta_stream *stream = nullptr;
    std::mutex pushing;
    std::mutex waiting;  // guards news
    std::condition_variable came;
    bool news = false;
    ~Handle();
  };
  struct Window {
    sta_result_info info;
    std::vector<float> probabilities;
    std::string message;
  };
  struct FreeTimeline {
    void operator()(sta_timeline *timeline) const;
  };

  std::shared_ptr<Handle> open() const;
  template <class Call>
  void call(Call make);
  static void notify(void *handle);
  sta_stream_stats counts() const;
  // Moves new results of the engine into the queues.
  void collect();
  void take_events();

  std::shared_ptr<Handle> handle_;
  std::unique_ptr<sta_timeline, FreeTimeline> timeline_;
  std::deque<Window> windows_;
  std::deque<sta_event> events_;
  size_t max_windows_ = 64;
  uint64_t lost_windows_ = 0, lost_events_ = 0, gaps_ = 0, hop_ = 0, interval_ = 0, length_ = 0;
  bool gaps_end_events_ = true;
};

}  // namespace sta::python
