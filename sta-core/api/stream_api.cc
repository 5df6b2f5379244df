// SPDX-License-Identifier: MIT
// Implements sta.h: stream and result functions.
#include <numeric>

#include "api/c_api.h"

using namespace sta;

namespace {

Result<StreamOptions> stream_options(const sta_stream_options *in) {
  sta_stream_options o;
  sta_stream_options_init(&o);
  if (!read_sized(in, o)) return bad_struct("stream options");
  if (o.gap_policy != STA_GAP_RESET && o.gap_policy != STA_GAP_HOLD) return Error{STA_ERROR_INVALID_ARGUMENT, "gap-policy should be reset or hold"};
  if (o.tail_policy != STA_TAIL_PAD && o.tail_policy != STA_TAIL_DROP) return Error{STA_ERROR_INVALID_ARGUMENT, "tail-policy should be pad or drop"};
  StreamOptions s;
  s.sample_interval = o.sample_interval;
  s.hop = o.hop;
  s.hold_gaps = o.gap_policy == STA_GAP_HOLD;
  s.max_gap = o.max_gap;
  s.pad_tail = o.tail_policy == STA_TAIL_PAD;
  s.rule = o.pruning;
  s.drop_number = o.drop_number;
  s.seed = o.seed;
  s.resize = o.resize;
  s.blocking = o.blocking != 0;
  s.max_results = o.max_results;
  s.min_drop = o.min_drop_number;
  s.max_drop = o.max_drop_number;
  s.static_skip = o.static_skip != 0;
  return s;
}

}  // namespace

extern "C" {

void sta_frame_init_sized(sta_frame *frame, size_t struct_size) {
  sta_frame f = {};
  f.time = STA_TIME_NONE;
  f.duration = STA_TIME_NONE;
  write_defaults(f, frame, struct_size);
}

void sta_stream_options_init_sized(sta_stream_options *options, size_t struct_size) {
  sta_stream_options o = {};
  o.max_results = 64;
  o.static_skip = 1;
  write_defaults(o, options, struct_size);
}

sta_status sta_stream_new(sta_engine *engine, const sta_stream_options *options, sta_stream **stream, sta_error *err) {
  if (!stream) return report(bad_struct("stream"), err);
  *stream = nullptr;
  auto made = guarded("making a stream", [&]() -> Result<std::unique_ptr<Stream>> {
    auto o = stream_options(options);
    if (!o) return std::move(o).error();
    return Stream::create(engine->engine, *o);
  });
  if (!made) return report(made.error(), err);
  *stream = new (std::nothrow) sta_stream{*std::move(made)};
  return *stream ? report_ok(err) : report(Error{STA_ERROR_OUT_OF_MEMORY, "out of memory"}, err);
}

void sta_stream_free(sta_stream *stream) { delete stream; }

sta_status sta_stream_configure(sta_stream *stream, const sta_stream_options *options, sta_error *err) {
  return report(guarded("configuring",
                        [&]() -> Status {
                          auto o = stream_options(options);
                          if (!o) return std::move(o).error();
                          return stream->stream->configure(*o);
                        }),
                err);
}

sta_status sta_stream_push(sta_stream *stream, const sta_frame *frame, sta_error *err) {
  sta_frame f;
  sta_frame_init(&f);
  if (!read_sized(frame, f)) return report(bad_struct("frame"), err);
  return report(guarded("frame", [&] { return stream->stream->push(f); }), err);
}

sta_status sta_stream_advance(sta_stream *stream, uint64_t time, sta_error *err) {
  return report(guarded("gap", [&] { return stream->stream->advance(time); }), err);
}

sta_status sta_stream_drain(sta_stream *stream, sta_error *err) {
  return report(guarded("end of stream", [&] { return stream->stream->drain(); }), err);
}

void sta_stream_reset(sta_stream *stream) { stream->stream->reset(); }

void sta_stream_set_flushing(sta_stream *stream, int32_t flushing) { stream->stream->set_flushing(flushing != 0); }

sta_result *sta_stream_pop(sta_stream *stream) {
  auto result = stream->stream->pop();
  return result ? new (std::nothrow) sta_result{std::move(result)} : nullptr;
}

void sta_stream_set_notify(sta_stream *stream, sta_result_notify notify, void *user_data) { stream->stream->set_notify(notify, user_data); }

void sta_stream_get_stats(sta_stream *stream, sta_stream_stats *stats) {
  sta_stream_stats s{};
  stream->stream->stats(s);
  s.struct_size = sizeof(s);
  write_sized(s, stats);
}

void sta_stream_get_timing(sta_stream *stream, uint64_t *sample_interval, uint64_t *hop, uint64_t *window_length) {
  const GridSettings g = stream->stream->timing();
  if (sample_interval) *sample_interval = g.spacing.times(1);
  if (hop) *hop = g.spacing.times(g.hop_samples());
  if (window_length) *window_length = g.spacing.times(static_cast<uint64_t>(g.num_frames));
}

void sta_result_get_info(const sta_result *result, sta_result_info *info) {
  const WindowResult &r = *result->result;
  sta_result_info i{};
  i.struct_size = sizeof(i);
  i.window_id = r.id;
  i.window_start = r.span.start;
  i.window_end = r.span.end;
  if (r.span.degraded) i.flags |= STA_RESULT_DEGRADED;
  if (r.span.tail) i.flags |= STA_RESULT_TAIL;
  if (r.reused) i.flags |= STA_RESULT_REUSED;
  i.drop_number = r.drop_number;
  i.batch_size = r.batch_size;
  i.inference_time = r.inference_time;
  i.queue_time = r.queue_time;
  i.num_classes = static_cast<int32_t>(r.probabilities.size());
  i.status = r.status;
  write_sized(i, info);
}

const float *sta_result_probabilities(const sta_result *result) {
  return result->result->probabilities.empty() ? nullptr : result->result->probabilities.data();
}

int32_t sta_result_top(const sta_result *result, int32_t k, int32_t *class_ids, float *confidences) {
  const std::vector<float> &p = result->result->probabilities;
  const int32_t n = static_cast<int32_t>(p.size());
  k = std::clamp(k, 0, n);
  // k is small and n is at most a few hundred. Searching the maximum k times needs no memory.
  for (int32_t i = 0; i < k; ++i) {
    int32_t best = -1;
    for (int32_t c = 0; c < n; ++c) {
      if (std::find(class_ids, class_ids + i, c) != class_ids + i) continue;
      if (best < 0 || p[c] > p[best]) best = c;
    }
    class_ids[i] = best;
    if (confidences) confidences[i] = p[best];
  }
  return k;
}

const char *sta_result_message(const sta_result *result) { return result->result->message.c_str(); }

void sta_result_free(sta_result *result) { delete result; }

}  // extern "C"
