// SPDX-License-Identifier: MIT
// What a process holds: memory, open files, threads, GStreamer objects. Compared before and after something that should
// leave nothing behind.
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace sta::test {

size_t openFiles();
size_t threads();
// The same, once there are no more than `wanted`, or after a minute: a thread of GLib's pool that has nothing to do
// ends after 15 s.
size_t idleThreads(size_t wanted);
// Bytes that are in memory.
size_t residentBytes();

// How many more objects and mini objects of each type are alive than at the first call, by GStreamer's leaks tracer,
// which has to run: call traceLeaks() before gst_init. One thread at a time.
using LiveObjects = std::map<std::string, int>;
void traceLeaks();
LiveObjects liveObjects();
// "GstBuffer +3, GstPad +1", or "" if no type has more objects in `after`. Types of which GStreamer keeps some for the
// process are left out (see there).
std::string moreObjects(const LiveObjects &before, const LiveObjects &after);

}  // namespace sta::test
