// SPDX-License-Identifier: MIT
// sta._core: what sta/*.py is written on. It links neither LibTorch nor sta-core.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "core_loader.h"
#include "engine.h"

NB_MODULE(_core, module) {
  // Whoever ends the interpreter with an engine open has leaked nothing that matters.
  nanobind::set_leak_warnings(false);
  module.def("load", &sta::python::load_core);
  module.def("version", [] { return std::string(sta::python::core().sta_version()); });
  sta::python::bind_engine(module);
  sta::python::bind_stream(module);
}
