// SPDX-License-Identifier: MIT
// The messages, signals and statistics of staaction.
#include "publish.h"

#include "metadata/action_meta.h"

namespace sta::gst {

GstStructure *windowStructure(const ActionRecord &record, gboolean below_threshold) {
  GstStructure *structure = gst_structure_new_empty("sta-window");
  setRecordFields(structure, record);
  if (!record.class_ids.empty()) {
    GValue ids = G_VALUE_INIT;
    gst_value_array_init(&ids, record.class_ids.size());
    for (gint id : record.class_ids) {
      GValue value = G_VALUE_INIT;
      g_value_init(&value, G_TYPE_INT);
      g_value_set_int(&value, id);
      gst_value_array_append_and_take_value(&ids, &value);
    }
    gst_structure_take_value(structure, "class-ids", &ids);
  }
  gst_structure_set(structure, "queue-time", G_TYPE_UINT64, record.queue_time, "batch-size", G_TYPE_INT, record.batch_size, "tail", G_TYPE_BOOLEAN,
                    record.tail, "reused", G_TYPE_BOOLEAN, record.reused, "below-threshold", G_TYPE_BOOLEAN, below_threshold, "status", G_TYPE_STRING,
                    record.error.empty() ? "ok" : "failed", nullptr);
  if (!record.error.empty()) gst_structure_set(structure, "error", G_TYPE_STRING, record.error.c_str(), nullptr);
  return structure;
}

void Publisher::window(const ActionRecord &record, gboolean below_threshold, gboolean post_message) {
  const bool connected = g_signal_has_handler_pending(element_, window_signal_, 0, TRUE);
  if (!connected && !post_message) return;
  GstStructure *structure = windowStructure(record, below_threshold);
  if (connected) g_signal_emit(element_, window_signal_, 0, structure);
  if (post_message)
    gst_element_post_message(element_, gst_message_new_element(GST_OBJECT_CAST(element_), structure));
  else
    gst_structure_free(structure);
}

void Publisher::event(GstStructure *change) {
  if (g_signal_has_handler_pending(element_, event_signal_, 0, TRUE)) g_signal_emit(element_, event_signal_, 0, change);
  gst_element_post_message(element_, gst_message_new_element(GST_OBJECT_CAST(element_), change));
}

void Publisher::failure(const std::string &message) {
  failures_++;
  if (!warning_throttle_.pass()) return;
  GST_ELEMENT_WARNING(element_, STREAM, FAILED, ("A window could not be classified: %s", message.c_str()),
                      ("%" G_GUINT64_FORMAT " failure(s) since the last such warning; frames go on", failures_));
  failures_ = 0;
}

void Publisher::error(const std::string &message) {
  if (error_posted_) return;
  error_posted_ = true;
  GST_ELEMENT_ERROR(element_, STREAM, FAILED, ("A window could not be classified: %s", message.c_str()),
                    ("on-error=fail ends the stream here, on-error=continue would go on"));
}

void Publisher::problem(const std::string &message) { GST_ELEMENT_WARNING(element_, LIBRARY, SETTINGS, ("%s", message.c_str()), (nullptr)); }

void Publisher::quality(const Handles &handles, guint64 hop, GstBuffer *buffer, const GstSegment &segment, GstClockTime running_time) {
  if (!quality_throttle_.pass()) return;
  const sta_stream_stats stats = handles.stats();
  if (stats.windows_skipped <= skipped_) return;
  skipped_ = stats.windows_skipped;

  const GstClockTime pts = GST_BUFFER_PTS(buffer);
  const GstClockTime stream_time =
      segment.format == GST_FORMAT_TIME ? gst_segment_to_stream_time(&segment, GST_FORMAT_TIME, pts) : GST_CLOCK_TIME_NONE;
  GstMessage *message = gst_message_new_qos(GST_OBJECT_CAST(element_), TRUE, running_time, stream_time, pts, GST_BUFFER_DURATION(buffer));
  // For each window: how much longer a forward pass takes than the time it has, and the ratio of the two (above 1: too
  // slow).
  const gint64 lateness = static_cast<gint64>(stats.mean_inference_time) - static_cast<gint64>(hop);
  gst_message_set_qos_values(message, lateness, hop ? static_cast<gdouble>(stats.mean_inference_time) / hop : 1.0, 1000000);
  gst_message_set_qos_stats(message, GST_FORMAT_DEFAULT, stats.windows_classified, stats.windows_skipped);  // in windows: no buffer is ever dropped
  gst_element_post_message(element_, message);
}

void Publisher::clear() {
  warning_throttle_.clear();
  quality_throttle_.clear();
  failures_ = skipped_ = 0;
  error_posted_ = false;
}

// Of a window with so many tokens at that drop number. 0: no window had a forward pass.
static gdouble gmacsOf(const Engine &engine, const sta_stream_stats &s) {
  if (s.tokens == 0) return 0;
  sta_flops flops{};
  flops.struct_size = sizeof flops;
  sta_error error{};
  const int32_t tokens = s.tokens == engine.info().num_tokens ? 0 : s.tokens;  // 0 is all of them, which a Video Swin has to be told
  if (engine.core().sta_engine_flops_of_tokens(engine.handle(), s.drop_number, tokens, &flops, &error) != STA_OK) return 0;
  return static_cast<gdouble>(flops.total) / 1e9;
}

GstStructure *statsStructure(const Handles &handles) {
  const sta_stream_stats s = handles.stats();
  const RunCounters &run = handles.counters;
  const std::shared_ptr<Engine> engine = handles.opened().engine;
  GstStructure *structure = gst_structure_new(
      "application/x-sta-stats", "frames", G_TYPE_UINT64, s.frames, "frames-sampled", G_TYPE_UINT64, s.frames_sampled, "windows", G_TYPE_UINT64,
      s.windows, "windows-classified", G_TYPE_UINT64, s.windows_classified, "windows-reused", G_TYPE_UINT64, s.windows_reused, "windows-skipped",
      G_TYPE_UINT64, s.windows_skipped, "windows-failed", G_TYPE_UINT64, s.windows_failed, "windows-discarded", G_TYPE_UINT64, s.windows_discarded,
      "results-lost", G_TYPE_UINT64, s.results_lost, "gaps", G_TYPE_UINT64, s.gaps, "resets", G_TYPE_UINT64, s.resets, "model-swaps", G_TYPE_UINT64,
      run.model_swaps.load(), "objects", G_TYPE_UINT64, run.objects.load(), "objects-evicted", G_TYPE_UINT64, run.objects_evicted.load(),
      "objects-ignored", G_TYPE_UINT64, run.objects_ignored.load(), "last-inference-time", G_TYPE_UINT64, s.last_inference_time,
      "mean-inference-time", G_TYPE_UINT64, s.mean_inference_time, "last-queue-time", G_TYPE_UINT64, s.last_queue_time, "max-preprocess-time",
      G_TYPE_UINT64, s.max_preprocess_time, "mean-preprocess-time", G_TYPE_UINT64, s.mean_preprocess_time, "drop-number", G_TYPE_INT, s.drop_number,
      "tokens", G_TYPE_INT, s.tokens, "gmacs", G_TYPE_DOUBLE, engine ? gmacsOf(*engine, s) : 0.0, "load", G_TYPE_DOUBLE, s.load, nullptr);
  if (engine) {
    const sta_model_info &info = engine->info();
    gst_structure_set(structure, "model", G_TYPE_STRING, info.name, "device", G_TYPE_STRING, info.device, "precision", G_TYPE_STRING, info.precision,
                      nullptr);
  }
  return structure;
}

}  // namespace sta::gst
