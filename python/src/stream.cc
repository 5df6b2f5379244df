// SPDX-License-Identifier: MIT
// See stream.h.
#include "stream.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>

#include "core_loader.h"
#include "errors.h"
#include "frame.h"

namespace sta::python {

namespace nb = nanobind;

namespace {

// For a caller who asks for windows only, events must not pile up.
constexpr size_t kMaxEvents = 1024;

}  // namespace

Stream::Handle::~Handle() {
  nb::gil_scoped_release released;
  if (stream) core().sta_stream_free(stream);
}

void Stream::FreeTimeline::operator()(sta_timeline *timeline) const { core().sta_timeline_free(timeline); }

Stream::Stream(const Engine &engine, nb::dict given) {
  const CoreApi &api = core();
  sta_stream_options o;
  api.sta_stream_options_init_sized(&o, sizeof(o));
  int gap = o.gap_policy, tail = o.tail_policy, pruning = o.pruning, resize = o.resize;
  bool blocking = false, static_skip = true;
  take(given, "sample_interval", &o.sample_interval);
  take(given, "hop", &o.hop);
  take(given, "gap_policy", &gap);
  take(given, "max_gap", &o.max_gap);
  take(given, "tail_policy", &tail);
  take(given, "pruning", &pruning);
  take(given, "drop_number", &o.drop_number);
  take(given, "min_drop_number", &o.min_drop_number);
  take(given, "max_drop_number", &o.max_drop_number);
  take(given, "seed", &o.seed);
  take(given, "still_threshold", &o.still_threshold);
  take(given, "resize", &resize);
  take(given, "blocking", &blocking);
  take(given, "max_results", &o.max_results);
  take(given, "static_skip", &static_skip);
  o.gap_policy = static_cast<sta_gap_policy>(gap);
  o.tail_policy = static_cast<sta_tail_policy>(tail);
  o.pruning = static_cast<sta_pruning>(pruning);
  o.resize = static_cast<sta_resize>(resize);
  o.blocking = blocking;
  o.static_skip = static_skip;

  sta_timeline_options t;
  api.sta_timeline_options_init_sized(&t, sizeof(t));
  api.sta_engine_recommend_timeline(engine.handle().get(), &t);
  take(given, "smoothing", &t.smoothing);
  take(given, "enter_threshold", &t.enter_threshold);
  take(given, "exit_threshold", &t.exit_threshold);
  // The same rule as in staaction. If one of the two is set, it goes first; if both are set, enter_threshold does.
  if (given.contains("exit_threshold") && !given.contains("enter_threshold"))
    t.enter_threshold = std::max(t.enter_threshold, t.exit_threshold);
  else
    t.exit_threshold = std::min(t.exit_threshold, t.enter_threshold);
  take(given, "min_duration", &t.min_duration);
  take(given, "release_duration", &t.release_duration);
  take(given, "update_interval", &t.update_interval);
  take(given, "background", &t.background);
  std::vector<int32_t> classes;
  if (given.contains("classes")) {
    classes = nb::cast<std::vector<int32_t>>(given["classes"]);
    if (classes.empty()) classes.push_back(-1);  // an empty list is not "all"
    t.classes = classes.data();
    t.num_classes = static_cast<int32_t>(classes.size());
  }

  auto handle = std::make_shared<Handle>();
  handle->engine = engine.handle();
  sta_error error{};
  sta_timeline *timeline = nullptr;
  check(api.sta_timeline_new(engine.model().num_classes, &t, &timeline, &error), error);
  timeline_.reset(timeline);
  check(api.sta_stream_new(engine.handle().get(), &o, &handle->stream, &error), error);
  api.sta_stream_set_notify(handle->stream, &Stream::notify, handle.get());
  api.sta_stream_get_timing(handle->stream, &interval_, &hop_, &length_);
  max_windows_ = static_cast<size_t>(o.max_results);
  gaps_end_events_ = o.gap_policy == STA_GAP_RESET;
  handle_ = std::move(handle);
}

// Called from the engine's worker thread, without the GIL.
void Stream::notify(void *user) {
  auto *handle = static_cast<Handle *>(user);
  {
    std::lock_guard<std::mutex> lock(handle->waiting);
    handle->news = true;
  }
  handle->came.notify_all();
}

std::shared_ptr<Stream::Handle> Stream::open() const {
  if (!handle_) fail(STA_ERROR_INVALID_ARGUMENT, "the stream is closed");
  return handle_;
}

// Runs `make(stream, error)` without the GIL, one thread at a time.
template <class Call>
void Stream::call(Call make) {
  const std::shared_ptr<Handle> handle = open();  // dropped with the GIL held
  sta_error error{};
  sta_status status;
  {
    nb::gil_scoped_release released;
    std::lock_guard<std::mutex> lock(handle->pushing);
    status = make(handle->stream, &error);
  }
  if (status == STA_ERROR_FLUSHING) fail(status, "the stream was closed while it worked");
  check(status, error);
  collect();
}

void Stream::push(nb::sequence planes, int format, nb::dict options) {
  const HeldFrame held = hold_frame(planes, format, options);
  call([&](sta_stream *stream, sta_error *error) { return core().sta_stream_push(stream, &held.frame, error); });
}

void Stream::advance(uint64_t time) {
  call([&](sta_stream *stream, sta_error *error) { return core().sta_stream_advance(stream, time, error); });
}

void Stream::drain() {
  call([&](sta_stream *stream, sta_error *error) { return core().sta_stream_drain(stream, error); });
  core().sta_timeline_close(timeline_.get());
  take_events();
}

void Stream::reset() {
  call([&](sta_stream *stream, sta_error *) {
    core().sta_stream_reset(stream);
    return STA_OK;
  });
  core().sta_timeline_close(timeline_.get());
  take_events();
}

void Stream::close() {
  if (!handle_) return;
  core().sta_stream_set_flushing(handle_->stream, 1);
  collect();
  core().sta_timeline_close(timeline_.get());
  take_events();
  notify(handle_.get());
  handle_.reset();
}

sta_stream_stats Stream::counts() const {
  sta_stream_stats stats{};
  stats.struct_size = sizeof(stats);
  core().sta_stream_get_stats(open()->stream, &stats);
  return stats;
}

void Stream::collect() {
  if (!handle_) return;
  const CoreApi &api = core();
  while (sta_result *result = api.sta_stream_pop(handle_->stream)) {
    Window window;
    window.info = {};
    window.info.struct_size = sizeof(window.info);
    api.sta_result_get_info(result, &window.info);
    window.message = api.sta_result_message(result);
    if (const float *p = api.sta_result_probabilities(result)) window.probabilities.assign(p, p + window.info.num_classes);
    // After a gap comes another scene.
    if (const uint64_t gaps = counts().gaps; gaps != gaps_) {
      if (gaps_end_events_) api.sta_timeline_close(timeline_.get());
      gaps_ = gaps;
    }
    api.sta_timeline_push(timeline_.get(), result, hop_);
    api.sta_result_free(result);
    windows_.push_back(std::move(window));
    if (windows_.size() > max_windows_) {
      windows_.pop_front();
      ++lost_windows_;
    }
    take_events();
  }
}

void Stream::take_events() {
  sta_event event{};
  event.struct_size = sizeof(event);
  while (core().sta_timeline_pop(timeline_.get(), &event)) {
    events_.push_back(event);
    if (events_.size() > kMaxEvents) {
      events_.pop_front();
      ++lost_events_;
    }
  }
}

bool Stream::wait(double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  for (;;) {
    collect();
    if (!windows_.empty() || !events_.empty()) return true;
    if (!handle_) return false;
    // Waits in short turns, so that Ctrl-C is noticed.
    double left = 0.1;
    if (seconds >= 0) left = std::min(left, seconds - std::chrono::duration<double>(Clock::now() - begin).count());
    if (left <= 0) return false;
    const std::shared_ptr<Handle> handle = handle_;
    {
      nb::gil_scoped_release released;
      std::unique_lock<std::mutex> lock(handle->waiting);
      handle->came.wait_for(lock, std::chrono::duration<double>(left), [&] { return handle->news; });
      handle->news = false;
    }
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
  }
}

nb::object Stream::next_window() {
  collect();
  if (windows_.empty()) return nb::none();
  const Window w = std::move(windows_.front());
  windows_.pop_front();
  return nb::make_tuple(w.info.window_id, w.info.window_start, w.info.window_end, w.info.flags, w.info.drop_number, w.info.tokens,
                        w.info.multiply_adds, w.info.batch_size, w.info.inference_time, w.info.queue_time,
                        w.info.status == STA_OK ? nb::none() : text(w.message.c_str()), own(w.probabilities.data(), {w.probabilities.size()}));
}

nb::object Stream::next_event() {
  collect();
  if (events_.empty()) return nb::none();
  const sta_event e = events_.front();
  events_.pop_front();
  return nb::make_tuple(static_cast<int>(e.kind), e.id, e.class_id, e.onset, e.offset, e.confidence, e.peak);
}

nb::dict Stream::stats() {
  const sta_stream_stats s = counts();
  nb::dict d;
  d["frames"] = s.frames;
  d["frames_sampled"] = s.frames_sampled;
  d["windows"] = s.windows;
  d["windows_classified"] = s.windows_classified;
  d["windows_reused"] = s.windows_reused;
  d["windows_skipped"] = s.windows_skipped;
  d["windows_failed"] = s.windows_failed;
  d["windows_discarded"] = s.windows_discarded;
  d["windows_lost"] = s.results_lost + lost_windows_;
  d["events_lost"] = lost_events_;
  d["gaps"] = s.gaps;
  d["resets"] = s.resets;
  d["last_inference_time"] = static_cast<double>(s.last_inference_time) / 1e9;
  d["mean_inference_time"] = static_cast<double>(s.mean_inference_time) / 1e9;
  d["last_queue_time"] = static_cast<double>(s.last_queue_time) / 1e9;
  d["mean_preprocess_time"] = static_cast<double>(s.mean_preprocess_time) / 1e9;
  d["max_preprocess_time"] = static_cast<double>(s.max_preprocess_time) / 1e9;
  d["drop_number"] = s.drop_number;
  d["tokens"] = s.tokens;
  d["load"] = s.load;
  return d;
}

nb::tuple Stream::timing() const { return nb::make_tuple(interval_, hop_, length_); }

void bind_stream(nb::module_ &module) {
  nb::class_<Stream>(module, "Stream")
      .def(nb::init<const Engine &, nb::dict>())
      .def("push", &Stream::push)
      .def("advance", &Stream::advance)
      .def("drain", &Stream::drain)
      .def("reset", &Stream::reset)
      .def("close", &Stream::close)
      .def("closed", &Stream::closed)
      .def("wait", &Stream::wait)
      .def("next_window", &Stream::next_window)
      .def("next_event", &Stream::next_event)
      .def("stats", &Stream::stats)
      .def("timing", &Stream::timing);
}

}  // namespace sta::python
