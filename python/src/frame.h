// SPDX-License-Identifier: MIT
// Arrays of Python into a sta_frame: every plane has the shape that the format says, so nothing outside an array is
// read.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <sta/sta.h>

#include <vector>

namespace sta::python {

// The frame and the arrays that it points into. With the GIL to make and to destroy; what is between may go without.
struct HeldFrame {
  sta_frame frame;
  std::vector<nanobind::ndarray<nanobind::ro, nanobind::device::cpu>> planes;
};

// `planes`: a sequence of arrays. `options`: time, duration (ns), matrix, full_range, par_n, par_d, flags, orientation;
// what is missing has its default. InvalidArgument says which plane is wrong and what its shape should be.
HeldFrame hold_frame(nanobind::sequence planes, int format, nanobind::dict options);

// options[name], where there is one, as a T.
template <class T>
void take(const nanobind::dict &options, const char *name, T *value) {
  if (options.contains(name)) *value = nanobind::cast<T>(options[name]);
}

}  // namespace sta::python
