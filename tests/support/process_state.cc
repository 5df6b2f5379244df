// SPDX-License-Identifier: MIT
// See process_state.h.
#include "support/process_state.h"

#include <gst/gst.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>
#include <utility>

namespace sta::test {
namespace {

size_t entries(const char *folder) {
  size_t count = 0;
  for ([[maybe_unused]] const auto &entry : std::filesystem::directory_iterator(folder)) count++;
  return count;
}

}  // namespace

// One of them is always the opened folder itself.
size_t openFiles() { return entries("/proc/self/fd"); }
size_t threads() { return entries("/proc/self/task"); }

size_t idleThreads(size_t wanted) {
  for (int tenth = 0; tenth < 600 && threads() > wanted; tenth++) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  return threads();
}

size_t residentBytes() {
  std::ifstream in("/proc/self/statm");
  size_t total = 0, resident = 0;
  in >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

void traceLeaks() { setenv("GST_TRACERS", "leaks", 1); }

// Uses the tracer's checkpoints. They are texts that say what was made and what went away since the previous one. The
// tracer's signal get-live-objects would be shorter. But it hands out objects without a reference (GStreamer 1.22), and
// one dies when the answer is freed.
LiveObjects liveObjects() {
  static LiveObjects alive;
  static bool started = false;
  GList *tracers = gst_tracing_get_active_tracers();
  EXPECT_NE(tracers, nullptr) << "the leaks tracer does not run: call traceLeaks() before gst_init()";
  for (GList *item = tracers; item; item = item->next) {
    if (std::strcmp(G_OBJECT_TYPE_NAME(item->data), "GstLeaksTracer") != 0) continue;
    if (!std::exchange(started, true)) g_signal_emit_by_name(item->data, "activity-start-tracking");
    GstStructure *changes = nullptr;
    g_signal_emit_by_name(item->data, "activity-get-checkpoint", &changes);
    if (!changes) {
      ADD_FAILURE() << "the leaks tracer gives no checkpoint";
      continue;
    }
    for (const auto &[name, sign] : {std::pair<const char *, int>{"objects-created-list", 1}, {"objects-removed-list", -1}}) {
      const GValue *list = gst_structure_get_value(changes, name);
      for (guint i = 0; list && i < gst_value_list_get_size(list); i++)
        alive[gst_structure_get_string(gst_value_get_structure(gst_value_list_get_value(list, i)), "type-name")] += sign;
    }
    gst_structure_free(changes);
  }
  g_list_free_full(tracers, gst_object_unref);
  return alive;
}

std::string moreObjects(const LiveObjects &before, const LiveObjects &after) {
  // Made once for the process, when first needed, and kept.
  static const std::set<std::string> kept = {"GstSystemClock", "GstTaskPool",  "GstPluginFeature", "GstElementFactory",
                                             "GstPlugin",      "GstAllocator", "GstPadTemplate"};
  std::string text;
  for (const auto &[type, count] : after) {
    const auto it = before.find(type);
    const int had = it == before.end() ? 0 : it->second;
    if (count > had && !kept.count(type)) text += (text.empty() ? "" : ", ") + type + " +" + std::to_string(count - had);
  }
  return text;
}

}  // namespace sta::test
