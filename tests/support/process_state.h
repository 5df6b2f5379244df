// SPDX-License-Identifier: MIT
// Measures what a process holds: memory, open files, threads, GStreamer objects. Tests compare it before and after an
// operation that should leave nothing behind.
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace sta::test {

size_t openFiles();
size_t threads();
// The number of threads once it is no more than `wanted`, or after a minute. Idle threads of GLib's pool end after 15
// s.
size_t idleThreads(size_t wanted);
// Bytes of resident memory.
size_t residentBytes();

// How many more objects and mini objects of each type are alive than at the first call. It asks GStreamer's leaks
// tracer, which has to run: call traceLeaks() before gst_init. One thread at a time.
using LiveObjects = std::map<std::string, int>;
void traceLeaks();
LiveObjects liveObjects();
// "GstBuffer +3, GstPad +1", or "" if no type has more objects in `after`. Leaves out types of which GStreamer keeps
// some for the whole process (see the implementation).
std::string moreObjects(const LiveObjects &before, const LiveObjects &after);

}  // namespace sta::test
