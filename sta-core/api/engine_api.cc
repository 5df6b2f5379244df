// SPDX-License-Identifier: MIT
// Implements sta.h: version and engine functions.
#include <algorithm>
#include <iterator>

#include "api/c_api.h"
#include "checkpoint/labels/builtin_labels.h"
#include "engine/still_choice.h"

using namespace sta;

extern "C" {

uint32_t sta_api_version(void) { return (STA_API_MAJOR << 16) | STA_API_MINOR; }

const char *sta_version(void) { return STA_VERSION; }

void sta_free(void *memory) { std::free(memory); }

void sta_engine_options_init_sized(sta_engine_options *options, size_t struct_size) {
  sta_engine_options o = {};
  o.worker_nice = 10;
  o.max_batch = 4;
  write_defaults(o, options, struct_size);
}

sta_status sta_engine_open(const sta_engine_options *options, sta_engine **engine, sta_error *err) {
  sta_engine_options o;
  sta_engine_options_init(&o);
  if (!engine || !read_sized(options, o)) return report(bad_struct("engine options"), err);
  *engine = nullptr;
  auto opened = guarded("opening an engine", [&]() -> Result<std::shared_ptr<Engine>> {
    EngineOptions e;
    e.model = text(o.model);
    e.labels = text(o.labels);
    e.device = text(o.device);
    e.precision = o.precision;
    e.inference_threads = o.inference_threads;
    e.worker_nice = o.worker_nice;
    e.max_batch = o.max_batch;
    e.num_heads = o.num_heads;
    e.batch_timeout = o.batch_timeout;
    e.image_size = o.image_size;
    e.image_width = o.image_width;
    e.num_frames = o.num_frames;
    if (e.precision < STA_PRECISION_AUTO || e.precision > STA_PRECISION_FP16)
      return Error{STA_ERROR_INVALID_ARGUMENT, "precision should be auto, fp32, bf16 or fp16"};
    return Engine::open(e);
  });
  if (!opened) return report(opened.error(), err);
  *engine = new (std::nothrow) sta_engine;
  if (!*engine) return report(Error{STA_ERROR_OUT_OF_MEMORY, "out of memory"}, err);
  (*engine)->engine = *std::move(opened);
  return report_ok(err);
}

sta_engine *sta_engine_ref(sta_engine *engine) {
  engine->references.fetch_add(1, std::memory_order_relaxed);
  return engine;
}

void sta_engine_unref(sta_engine *engine) {
  if (engine && engine->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete engine;
}

void sta_engine_get_info(sta_engine *engine, sta_model_info *info) {
  const Engine &e = *engine->engine;
  const ModelDescription &m = e.description();
  sta_model_info i{};
  i.struct_size = sizeof(i);
  i.name = m.name.c_str();
  i.path = m.path.c_str();
  i.architecture = m.architecture.c_str();
  i.device = e.device_name().c_str();
  i.precision = e.precision();
  i.num_frames = m.num_frames;
  i.tubelet = m.tubelet;
  i.patch = m.patch;
  i.image_height = m.height;
  i.image_width = m.width;
  i.embed_dim = m.embed_dim;
  i.depth = m.depth;
  i.num_heads = m.num_heads;
  i.mlp_dim = m.mlp_dim;
  i.num_classes = m.num_classes;
  i.num_tokens = m.tokens();
  i.tokens_per_step = m.step_tokens();
  i.max_drop_number = m.max_drop_number();
  i.num_parameters = e.num_parameters();
  i.sample_interval_ns = m.spacing.times(1);
  i.antialias = m.antialias ? 1 : 0;
  for (int c = 0; c < 3; ++c) {
    i.mean[c] = m.mean[c];
    i.std[c] = m.std[c];
  }
  i.warnings = m.warnings.c_str();
  i.num_stages = std::min(m.stages(), static_cast<int>(std::size(i.stage_depths)));
  for (int s = 0; s < i.num_stages; ++s) {
    i.stage_depths[s] = m.stage_depths[s];
    i.stage_heads[s] = m.stage_heads[s];
  }
  std::copy(m.window.begin(), m.window.end(), i.window);
  i.cuda_context = e.cuda_context();
  i.multi_label = m.multi_label ? 1 : 0;
  i.attention = e.attention();
  i.still_threshold = m.still_threshold;
  write_sized(i, info);
}

const char *sta_engine_label(sta_engine *engine, int32_t class_id) {
  const auto &labels = engine->engine->description().labels;
  return class_id >= 0 && class_id < static_cast<int32_t>(labels.size()) ? labels[class_id].c_str() : nullptr;
}

const char *sta_builtin_label(int32_t num_classes, int32_t class_id) {
  const char *label = nullptr;
  (void)guarded("label lists", [&]() -> Status {
    label = builtin_label(num_classes, class_id);
    return ok();
  });
  return label;
}

sta_status sta_engine_check_still_threshold(sta_engine *engine, float still_threshold, sta_error *err) {
  return report(guarded("still-threshold", [&] { return check_still_threshold(still_threshold, engine->engine->description()); }), err);
}

sta_status sta_engine_check_drop_number(sta_engine *engine, int32_t drop_number, sta_error *err) {
  return report(guarded("drop-number", [&] { return engine->engine->check_drop_number(drop_number); }), err);
}

}  // extern "C"
