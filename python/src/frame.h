// SPDX-License-Identifier: MIT
// Turns Python arrays into a sta_frame. Every plane is checked to have the shape that the format says, so nothing
// outside an array is read.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <sta/sta.h>

#include <vector>

namespace sta::python {

// The frame and the arrays that it points into. Make and destroy it with the GIL held; use in between needs no GIL.
struct HeldFrame {
  sta_frame frame;
  std::vector<nanobind::ndarray<nanobind::ro, nanobind::device::cpu>> planes;
};

// `planes`: a sequence of arrays. `options`: time, duration (ns), matrix, full_range, par_n, par_d, flags, orientation;
// missing ones have their defaults. InvalidArgument says which plane is wrong and what its shape should be.
HeldFrame hold_frame(nanobind::sequence planes, int format, nanobind::dict options);

// options[name] as a T, if there is one.
template <class T>
void take(const nanobind::dict &options, const char *name, T *value) {
  if (options.contains(name)) *value = nanobind::cast<T>(options[name]);
}

}  // namespace sta::python
