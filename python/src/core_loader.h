// SPDX-License-Identifier: MIT
// Opens libsta-core.so. Which file, and which LibTorch before it, is decided in sta/_load.py.
#pragma once

#include <string>

#include "core_api.h"

namespace sta::python {

// Opens `path` and fills the table of the process; "" or why it does not serve. With the GIL. A success holds for the
// life of the process, since LibTorch does not survive being unloaded.
std::string load_core(const std::string &path);

// The table; a RuntimeError of Python if nothing was loaded.
const CoreApi &core();

}  // namespace sta::python
