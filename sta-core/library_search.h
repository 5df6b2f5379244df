// SPDX-License-Identifier: MIT
// Finds the libraries that sta-core loads on demand, and reports the places that were tried.
#pragma once

#include <functional>
#include <string>

namespace sta {

struct LibraryPlace {
  const char *file;      // libX.so.1
  const char *variable;  // an environment variable with a full path; if set, the only place
  const char *folder;    // a folder beside libsta-core; in a build folder the library is there
};

/// Opens the library at the first place where it can be opened and `accept` takes it. accept returns the reason against
/// the library, or "". Places, in this order: the variable, beside libsta-core, in `folder` there, the dynamic linker's
/// own search. NULL: *why names every place and reason. An accepted library is never closed.
void *open_library(const LibraryPlace &place, const std::function<std::string(void *library)> &accept, std::string *why);

}  // namespace sta
