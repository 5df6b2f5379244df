// SPDX-License-Identifier: MIT
// Where the libraries are looked for that sta-core loads on demand, and how what was tried is told.
#pragma once

#include <functional>
#include <string>

namespace sta {

struct LibraryPlace {
  const char *file;      // libX.so.1
  const char *variable;  // of the environment: a full path; if set, the only place
  const char *folder;    // beside libsta-core, where the library lies in a build folder
};

/// Opens the library at the first place where it can be opened and `accept` (the reason against it, or "") takes it.
/// Order: the variable, beside libsta-core, in the folder there, the dynamic linker's own search. NULL: *why names
/// every place and reason. It is never closed once accepted.
void *open_library(const LibraryPlace &place, const std::function<std::string(void *library)> &accept, std::string *why);

}  // namespace sta
