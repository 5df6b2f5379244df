// SPDX-License-Identifier: MIT
// See engine.h.
#include "engine.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <vector>

#include "core_loader.h"
#include "errors.h"
#include "frame.h"

namespace sta::python {

namespace nb = nanobind;

namespace {

// Shapes are checked here: the C API trusts them.
void expect(const sta_model_info &m, const std::vector<size_t> &shape, const std::vector<size_t> &wanted, const char *names) {
  if (shape[0] >= 1 && shape[0] <= INT32_MAX && std::equal(shape.begin() + 1, shape.end(), wanted.begin() + 1)) return;
  std::string is, should;
  for (size_t i = 0; i < shape.size(); ++i) {
    is += (i ? ", " : "") + std::to_string(shape[i]);
    should += (i ? ", " : "") + (i ? std::to_string(wanted[i]) : std::string("B"));
  }
  fail(STA_ERROR_INVALID_ARGUMENT, "the clip has the shape (" + is + "), and " + m.name + " takes " + names + " (" + should + ")");
}

struct ForwardOptions {
  sta_forward_options options;
  std::vector<uint64_t> seeds;

  ForwardOptions(const nb::dict &given, size_t batch) {
    core().sta_forward_options_init_sized(&options, sizeof(options));
    int pruning = options.pruning;
    take(given, "pruning", &pruning);
    options.pruning = static_cast<sta_pruning>(pruning);
    take(given, "drop_number", &options.drop_number);
    take(given, "seed", &options.seed);
    take(given, "still_threshold", &options.still_threshold);
    if (given.contains("seeds")) {
      seeds = nb::cast<std::vector<uint64_t>>(given["seeds"]);
      if (seeds.size() != batch) fail(STA_ERROR_INVALID_ARGUMENT, "there should be as many seeds as clips, " + std::to_string(batch));
      options.seeds = seeds.data();
    }
  }
};

struct FreeClip {
  void operator()(sta_clip_result *result) const { core().sta_clip_result_free(result); }
};

// Runs `pass` without the GIL.
template <class Pass>
nb::object logits_of(Pass pass) {
  sta_clip_result *result = nullptr;
  sta_error error{};
  sta_status status;
  {
    nb::gil_scoped_release released;
    status = pass(&result, &error);
  }
  check(status, error);
  const std::unique_ptr<sta_clip_result, FreeClip> owner(result);
  int32_t batch = 0, classes = 0;
  const float *logits = core().sta_clip_result_logits(result, &batch, &classes);
  return own(logits, {static_cast<size_t>(batch), static_cast<size_t>(classes)});
}

template <class Array>
std::vector<size_t> shape_of(const Array &array) {
  std::vector<size_t> shape;
  for (size_t i = 0; i < array.ndim(); ++i) shape.push_back(array.shape(i));
  return shape;
}

}  // namespace

std::shared_ptr<sta_engine> share(sta_engine *engine) {
  return {engine, [](sta_engine *e) {
            nb::gil_scoped_release released;
            core().sta_engine_unref(e);
          }};
}

Engine::Engine(const std::string &model, nb::dict given) {
  sta_engine_options options;
  core().sta_engine_options_init_sized(&options, sizeof(options));
  std::string device, labels;
  int precision = options.precision;
  take(given, "device", &device);
  take(given, "labels", &labels);
  take(given, "precision", &precision);
  take(given, "inference_threads", &options.inference_threads);
  take(given, "worker_nice", &options.worker_nice);
  take(given, "max_batch", &options.max_batch);
  take(given, "num_heads", &options.num_heads);
  take(given, "image_size", &options.image_size);
  take(given, "image_width", &options.image_width);
  take(given, "num_frames", &options.num_frames);
  take(given, "batch_timeout", &options.batch_timeout);
  options.model = model.c_str();
  options.device = device.empty() ? nullptr : device.c_str();
  options.labels = labels.empty() ? nullptr : labels.c_str();
  options.precision = static_cast<sta_precision>(precision);
  sta_engine *engine = nullptr;
  sta_error error{};
  sta_status status;
  {
    nb::gil_scoped_release released;
    status = core().sta_engine_open(&options, &engine, &error);
  }
  check(status, error);
  engine_ = share(engine);
  info_ = {};
  info_.struct_size = sizeof(info_);
  core().sta_engine_get_info(engine, &info_);
}

nb::dict Engine::info() const {
  // The model's description may change (attention), so it is asked for again.
  sta_model_info m{};
  m.struct_size = sizeof(m);
  core().sta_engine_get_info(engine_.get(), &m);
  nb::dict d;
  d["name"] = text(m.name);
  d["path"] = text(m.path);
  d["architecture"] = text(m.architecture);
  d["device"] = text(m.device);
  d["precision"] = text(m.precision);
  d["num_frames"] = m.num_frames;
  d["image_height"] = m.image_height;
  d["image_width"] = m.image_width;
  d["num_classes"] = m.num_classes;
  d["embed_dim"] = m.embed_dim;
  d["depth"] = m.depth;
  d["num_heads"] = m.num_heads;
  d["num_tokens"] = m.num_tokens;
  d["max_drop_number"] = m.max_drop_number;
  d["still_threshold"] = m.still_threshold;
  d["num_parameters"] = m.num_parameters;
  d["sample_interval"] = static_cast<double>(m.sample_interval_ns) / 1e9;
  d["mean"] = nb::make_tuple(m.mean[0], m.mean[1], m.mean[2]);
  d["std"] = nb::make_tuple(m.std[0], m.std[1], m.std[2]);
  d["multi_label"] = m.multi_label != 0;
  d["attention"] = text(m.attention);
  d["warnings"] = text(m.warnings);
  nb::list labels;
  for (int32_t i = 0; i < m.num_classes; ++i) labels.append(text(core().sta_engine_label(engine_.get(), i)));
  d["labels"] = nb::tuple(labels);
  return d;
}

nb::object Engine::forward(nb::ndarray<const float, nb::ndim<5>, nb::c_contig, nb::device::cpu> clip, nb::dict given) {
  const size_t frames = static_cast<size_t>(info_.num_frames), height = static_cast<size_t>(info_.image_height),
               width = static_cast<size_t>(info_.image_width);
  expect(info_, shape_of(clip), {0, 3, frames, height, width}, "float32 (B, 3, T, H, W)");
  const ForwardOptions options(given, clip.shape(0));
  const auto engine = engine_;
  return logits_of([&](sta_clip_result **result, sta_error *error) {
    return core().sta_engine_forward(engine.get(), clip.data(), static_cast<int32_t>(clip.shape(0)), &options.options, result, error);
  });
}

nb::object Engine::forward_frames(nb::ndarray<const uint8_t, nb::ndim<5>, nb::c_contig, nb::device::cpu> clip, nb::dict given) {
  const size_t frames = static_cast<size_t>(info_.num_frames), height = static_cast<size_t>(info_.image_height),
               width = static_cast<size_t>(info_.image_width);
  expect(info_, shape_of(clip), {0, frames, height, width, 3}, "uint8 (B, T, H, W, 3)");
  const ForwardOptions options(given, clip.shape(0));
  std::vector<const uint8_t *> pictures;
  for (size_t i = 0; i < clip.shape(0) * frames; ++i) pictures.push_back(clip.data() + i * height * width * 3);
  const auto engine = engine_;
  return logits_of([&](sta_clip_result **result, sta_error *error) {
    return core().sta_engine_forward_frames(engine.get(), pictures.data(), static_cast<int32_t>(clip.shape(0)), &options.options, result, error);
  });
}

nb::object Engine::preprocess(nb::sequence planes, int format, nb::dict options, int resize) {
  const HeldFrame held = hold_frame(planes, format, options);
  const size_t height = static_cast<size_t>(info_.image_height), width = static_cast<size_t>(info_.image_width);
  std::vector<uint8_t> rgb(height * width * 3);
  const auto engine = engine_;
  sta_error error{};
  sta_status status;
  {
    nb::gil_scoped_release released;
    status = core().sta_preprocess_frame(engine.get(), &held.frame, static_cast<sta_resize>(resize), rgb.data(), &error);
  }
  check(status, error);
  return own(rgb.data(), {height, width, 3});
}

void bind_engine(nb::module_ &module) {
  nb::class_<Engine>(module, "Engine")
      .def(nb::init<const std::string &, nb::dict>())
      .def("info", &Engine::info)
      .def("forward", &Engine::forward)
      .def("forward_frames", &Engine::forward_frames)
      .def("preprocess", &Engine::preprocess);
}

}  // namespace sta::python
