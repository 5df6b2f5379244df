// SPDX-License-Identifier: MIT
// Loads libsta-core.so when the first element goes from NULL to READY, so that inspecting the plugin costs nothing and
// a missing LibTorch becomes an element error that says what to install, instead of a plugin that silently does not
// exist.
#pragma once

#include <string>

#include "core_api.h"

namespace sta::gst {

// The table of the process, loading the library on the first call; thread-safe. nullptr: not loaded, *error is text for
// people that names every place tried and why it did not serve. A success holds for the life of the process (LibTorch
// does not survive being unloaded); a failure is tried again by the next call, since the user may have installed it
// meanwhile.
//
// Order: $STA_CORE_PATH (a full file path; if set, the only place), ../sta-core/ beside the folder of libgststa.so
// (running uninstalled), the installed libdir, the dynamic linker's own search for libsta-core.so.2.
const CoreApi *loadCore(std::string *error);

}  // namespace sta::gst
