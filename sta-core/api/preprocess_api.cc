// SPDX-License-Identifier: MIT
// Implements sta.h: preprocessing alone. Programs that evaluate models on whole videos use it, and so do tests.
#include <vector>

#include "api/c_api.h"
#include "engine/preprocess_spec.h"

using namespace sta;

struct sta_preprocessor {
  std::shared_ptr<Engine> engine;
  std::vector<Preprocessor> crops;  // one for each crop: their tables differ
  size_t crop_bytes = 0;
};

namespace {

constexpr int kMaxCrops = 16;

bool antialias_of(const ModelDescription &m, sta_resize resize) { return resize == STA_RESIZE_AUTO ? m.antialias : resize == STA_RESIZE_ANTIALIAS; }

Result<std::unique_ptr<sta_preprocessor>> make(const std::shared_ptr<Engine> &engine, const sta_preprocess_options &o) {
  if (o.resize < STA_RESIZE_AUTO || o.resize > STA_RESIZE_ANTIALIAS)
    return Error{STA_ERROR_INVALID_ARGUMENT, "resize should be auto, bilinear or antialias"};
  if (o.num_crops < 1 || o.num_crops > kMaxCrops)
    return Error{STA_ERROR_INVALID_ARGUMENT, "num_crops " + std::to_string(o.num_crops) + " should be 1 to " + std::to_string(kMaxCrops)};
  if (o.crop_rule < STA_CROPS_VIDEOMAE || o.crop_rule > STA_CROPS_MMACTION)
    return Error{STA_ERROR_INVALID_ARGUMENT, "crop_rule should be videomae or mmaction"};
  const ModelDescription &m = engine->description();
  auto made = std::make_unique<sta_preprocessor>();
  made->engine = engine;
  made->crop_bytes = size_t{3} * static_cast<size_t>(m.height) * static_cast<size_t>(m.width);
  for (int i = 0; i < o.num_crops; ++i) made->crops.emplace_back(preprocess_spec(m, antialias_of(m, o.resize), {i, o.num_crops, o.crop_rule}));
  return made;
}

Status in_system_memory(const sta_frame &f) {
  if (f.memory == STA_MEMORY_SYSTEM) return ok();
  return Error{STA_ERROR_INVALID_ARGUMENT, "only frames in system memory are scaled into system memory"};
}

}  // namespace

extern "C" {

void sta_preprocess_options_init_sized(sta_preprocess_options *options, size_t struct_size) {
  sta_preprocess_options o = {};
  o.num_crops = 1;
  write_defaults(o, options, struct_size);
}

sta_status sta_preprocessor_new(sta_engine *engine, const sta_preprocess_options *options, sta_preprocessor **preprocessor, sta_error *err) {
  sta_preprocess_options o;
  sta_preprocess_options_init(&o);
  if (!preprocessor || !read_sized(options, o)) return report(bad_struct("preprocess options"), err);
  *preprocessor = nullptr;
  auto made = guarded("making a preprocessor", [&] { return make(engine->engine, o); });
  if (!made) return report(made.error(), err);
  *preprocessor = made->release();
  return report_ok(err);
}

sta_status sta_preprocessor_run(sta_preprocessor *preprocessor, const sta_frame *frame, uint8_t *rgb, sta_error *err) {
  sta_frame f;
  sta_frame_init(&f);
  if (!read_sized(frame, f)) return report(bad_struct("frame"), err);
  return report(guarded("preprocessing",
                        [&]() -> Status {
                          if (auto s = in_system_memory(f); !s) return s;
                          for (size_t i = 0; i < preprocessor->crops.size(); ++i)
                            if (auto s = preprocessor->crops[i].run(f, rgb ? rgb + i * preprocessor->crop_bytes : nullptr); !s) return s;
                          return ok();
                        }),
                err);
}

void sta_preprocessor_free(sta_preprocessor *preprocessor) { delete preprocessor; }

sta_status sta_preprocess_frame(sta_engine *engine, const sta_frame *frame, sta_resize resize, uint8_t *rgb, sta_error *err) {
  sta_frame f;
  sta_frame_init(&f);
  if (!read_sized(frame, f)) return report(bad_struct("frame"), err);
  return report(guarded("preprocessing",
                        [&]() -> Status {
                          if (auto s = in_system_memory(f); !s) return s;
                          const ModelDescription &m = engine->engine->description();
                          return Preprocessor(preprocess_spec(m, antialias_of(m, resize))).run(f, rgb);
                        }),
                err);
}

}  // extern "C"
