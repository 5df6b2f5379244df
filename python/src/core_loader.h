// SPDX-License-Identifier: MIT
// Opens libsta-core.so. sta/_load.py decides which file it is, and which LibTorch goes before it.
#pragma once

#include <string>

#include "core_api.h"

namespace sta::python {

// Opens `path` and fills the table of the process. Returns "", or why the library cannot be used. Call with the GIL
// held. A success holds for the life of the process, since LibTorch does not survive being unloaded.
std::string load_core(const std::string &path);

// The table. Throws a RuntimeError of Python if nothing was loaded.
const CoreApi &core();

}  // namespace sta::python
