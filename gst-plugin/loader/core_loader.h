// SPDX-License-Identifier: MIT
// Loads libsta-core.so when the first element goes from NULL to READY. So inspecting the plugin costs nothing. And if
// LibTorch is missing, the user gets an element error that says what to install; the plugin does not silently
// disappear.
#pragma once

#include <string>

#include "core_api.h"

namespace sta::gst {

// Returns the table of the process and loads the library on the first call; thread-safe. On failure it returns nullptr,
// and *error becomes a text for people that names every place tried and why it failed. A success holds for the life of
// the process, because LibTorch does not survive being unloaded. After a failure the next call tries again, because the
// user may have installed the library meanwhile.
//
// Places, in this order: $STA_CORE_PATH (a full file path; if it is set, no other place is tried), ../sta-core/ beside
// the folder of libgststa.so (running uninstalled), the installed libdir, the dynamic linker's own search for
// libsta-core.so.2.
const CoreApi *loadCore(std::string *error);

}  // namespace sta::gst
