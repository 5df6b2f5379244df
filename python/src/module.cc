// SPDX-License-Identifier: MIT
// sta._core: the module that sta/*.py is built on. It links neither LibTorch nor sta-core.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "core_loader.h"
#include "engine.h"

NB_MODULE(_core, module) {
  // An engine that is still open when the interpreter ends is no leak that matters.
  nanobind::set_leak_warnings(false);
  module.def("load", &sta::python::load_core);
  module.def("version", [] { return std::string(sta::python::core().sta_version()); });
  sta::python::bind_engine(module);
  sta::python::bind_stream(module);
}
