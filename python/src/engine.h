// SPDX-License-Identifier: MIT
// sta_engine for Python. This layer uses numbers and nanoseconds; names, seconds and documentation are in
// sta/_engine.py.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <sta/sta.h>

#include <memory>
#include <string>

namespace sta::python {

// The last owner releases the engine without the GIL, since that waits for a forward pass under way. Owners themselves
// are dropped with the GIL held.
std::shared_ptr<sta_engine> share(sta_engine *engine);

class Engine {
 public:
  Engine(const std::string &model, nanobind::dict options);

  nanobind::dict info() const;
  // Turns f32 [B, 3, T, H, W], normalised, or u8 [B, T, H, W, 3], RGB, into logits f32 [B, classes].
  nanobind::object forward(nanobind::ndarray<const float, nanobind::ndim<5>, nanobind::c_contig, nanobind::device::cpu> clip, nanobind::dict options);
  nanobind::object forward_frames(nanobind::ndarray<const uint8_t, nanobind::ndim<5>, nanobind::c_contig, nanobind::device::cpu> clip,
                                  nanobind::dict options);
  // A frame, scaled as a stream would scale it: u8 [H, W, 3].
  nanobind::object preprocess(nanobind::sequence planes, int format, nanobind::dict options, int resize);

  const std::shared_ptr<sta_engine> &handle() const { return engine_; }
  const sta_model_info &model() const { return info_; }

 private:
  std::shared_ptr<sta_engine> engine_;
  sta_model_info info_;
};

void bind_engine(nanobind::module_ &module);
void bind_stream(nanobind::module_ &module);

// A numpy array that owns a copy of `count` values.
template <class T>
nanobind::object own(const T *values, std::initializer_list<size_t> shape) {
  size_t count = 1;
  for (size_t n : shape) count *= n;
  std::unique_ptr<T[]> copy(new T[count]);
  std::copy(values, values + count, copy.get());
  T *data = copy.release();
  nanobind::capsule owner(data, [](void *p) noexcept { delete[] static_cast<T *>(p); });
  return nanobind::cast(nanobind::ndarray<nanobind::numpy, T>(data, shape, owner));
}

}  // namespace sta::python
