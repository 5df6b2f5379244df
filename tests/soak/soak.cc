// SPDX-License-Identifier: MIT
// Shows whether the pipeline can be left running. A live source at ten times a camera's frame rate goes through
// staaction and staoverlay, with the tiny model. The program records what the process holds: memory, open files and
// threads. At the end it adds what GStreamer's leaks tracer still finds alive. Prints a table. Exit status 1 if files
// or threads grew, an object was left or a frame was lost. Runs of ten minutes and more also fail if memory grew by 1 %
// or more; shorter ones are still warming up.
//
//   soak [--seconds 1800] [--fps 300] [--model tests/golden/checkpoints/tiny_hf_qkv_bias]
#include <gst/gst.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/process_state.h"

namespace {

using sta::test::openFiles;
using sta::test::residentBytes;
using sta::test::threads;

struct Sample {
  double minutes, mib;
  size_t files, threads;
  guint64 frames, windows, classified, skipped;
};

guint64 number(const GstStructure *s, const char *field) {
  guint64 value = 0;
  gst_structure_get_uint64(s, field, &value);
  return value;
}

Sample sampleOf(GstElement *action, double seconds) {
  GstStructure *stats = nullptr;
  g_object_get(action, "stats", &stats, nullptr);
  const Sample sample{seconds / 60,
                      static_cast<double>(residentBytes()) / (1 << 20),
                      openFiles(),
                      threads(),
                      number(stats, "frames"),
                      number(stats, "windows"),
                      number(stats, "windows-classified"),
                      number(stats, "windows-skipped")};
  gst_structure_free(stats);
  return sample;
}

void print(const Sample &s) {
  std::printf("  %6.1f  %9.1f  %5zu  %7zu  %10llu  %8llu  %10llu  %7llu\n", s.minutes, s.mib, s.files, s.threads,
              static_cast<unsigned long long>(s.frames), static_cast<unsigned long long>(s.windows), static_cast<unsigned long long>(s.classified),
              static_cast<unsigned long long>(s.skipped));
  std::fflush(stdout);
}

GstPadProbeReturn counted(GstPad *, GstPadProbeInfo *, gpointer user) {
  static_cast<std::atomic<guint64> *>(user)->fetch_add(1);
  return GST_PAD_PROBE_OK;
}

void count(GstElement *element, const char *name, std::atomic<guint64> *counter) {
  GstPad *pad = gst_element_get_static_pad(element, name);
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, counted, counter, nullptr);
  gst_object_unref(pad);
}

// The lines that the leaks tracer wrote at the end.
int leaked(const std::string &log) {
  int found = 0;
  std::ifstream in(log);
  for (std::string line; std::getline(in, line);)
    // Two more lines declare the record: one with "object-alive.class" and one with %s.
    if (line.find("object-alive, type-name=(string)") != std::string::npos && line.find("%s") == std::string::npos) {
      std::printf("  left: %s\n", line.substr(line.find("object-alive")).c_str());
      found++;
    }
  return found;
}

}  // namespace

int main(int argc, char **argv) {
  gint seconds = 1800, fps = 300;
  gchar *model = g_strdup(STA_TEST_GOLDEN "/checkpoints/tiny_hf_qkv_bias");
  GOptionEntry entries[] = {{"seconds", 0, 0, G_OPTION_ARG_INT, &seconds, "Length, default 1800", "S"},
                            {"fps", 0, 0, G_OPTION_ARG_INT, &fps, "Frames a second, default 300", "N"},
                            {"model", 0, 0, G_OPTION_ARG_STRING, &model, "Model, default the tiny one of the tests", "MODEL"},
                            {}};
  const std::string log = std::filesystem::temp_directory_path() / ("sta-soak-" + std::to_string(getpid()) + ".log");
  setenv("GST_TRACERS", "leaks", 1);
  setenv("GST_DEBUG", "GST_TRACER:7", 1);
  setenv("GST_DEBUG_FILE", log.c_str(), 1);
  setenv("GST_DEBUG_NO_COLOR", "1", 1);
  GOptionContext *context = g_option_context_new(nullptr);
  g_option_context_add_main_entries(context, entries, nullptr);
  GError *error = nullptr;
  if (!g_option_context_parse(context, &argc, &argv, &error) || seconds < 10 || fps < 1) {
    std::fprintf(stderr, "soak: %s\n", error ? error->message : "--seconds should be at least 10, --fps at least 1");
    return 2;
  }
  g_option_context_free(context);
  gst_init(nullptr, nullptr);

  gchar *line = g_strdup_printf(
      "videotestsrc is-live=true pattern=ball num-buffers=%d ! video/x-raw,format=I420,width=320,height=240,framerate=%d/1 ! staaction name=action "
      "model=%s device=cpu inference-threads=1 drop-number=2 sample-interval=40000000 post-windows=true ! staoverlay name=overlay ! fakesink "
      "sync=false",
      seconds * fps, fps, model);
  GstElement *pipeline = gst_parse_launch(line, &error);
  if (error) {
    std::fprintf(stderr, "soak: %s\n", error->message);
    return 2;
  }
  std::atomic<guint64> in{0}, out{0};
  GstElement *action = gst_bin_get_by_name(GST_BIN(pipeline), "action"), *overlay = gst_bin_get_by_name(GST_BIN(pipeline), "overlay");
  count(action, "sink", &in);
  count(overlay, "src", &out);
  GstBus *bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);

  std::printf("%d frames a second for %d s, live, tiny model\n  %6s  %9s  %5s  %7s  %10s  %8s  %10s  %7s\n", fps, seconds, "minute", "RSS MiB",
              "files", "threads", "frames", "windows", "classified", "skipped");
  const gint64 begin = g_get_monotonic_time();
  const double step = std::max(1.0, seconds / 30.0);
  std::vector<Sample> samples;
  bool failed = false;
  for (bool done = false; !done;) {
    GstMessage *message = gst_bus_timed_pop(bus, 200 * GST_MSECOND);
    const double now = static_cast<double>(g_get_monotonic_time() - begin) / 1e6;
    if (message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) done = true;
    if (message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      gst_message_parse_error(message, &error, nullptr);
      std::fprintf(stderr, "soak: %s\n", error->message);
      failed = done = true;
    }
    gst_clear_message(&message);
    if (!done && now >= step * static_cast<double>(samples.size() + 1)) {
      samples.push_back(sampleOf(action, now));
      print(samples.back());
    }
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(action);
  gst_object_unref(overlay);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  g_free(line);
  g_free(model);
  gst_deinit();

  // The first tenth is warm-up. Memory: the mean of the second tenth is compared with that of the last, so no single
  // sample decides.
  const size_t tenth = std::max<size_t>(1, samples.size() / 10);
  if (samples.size() < 3 * tenth) {
    std::fprintf(stderr, "soak: the run ended before there was anything to compare\n");
    return 1;
  }
  auto mean = [&](size_t from) {
    double sum = 0;
    for (size_t i = from; i < from + tenth; i++) sum += samples[i].mib;
    return sum / static_cast<double>(tenth);
  };
  const double growth = 100 * (mean(samples.size() - tenth) / mean(tenth) - 1);
  const Sample &early = samples[tenth], &late = samples.back();
  const int left = leaked(log);
  std::filesystem::remove(log);
  std::printf("  memory %+.2f %%, files %+d, threads %+d, frames lost %lld, objects left %d\n", growth,
              static_cast<int>(late.files) - static_cast<int>(early.files), static_cast<int>(late.threads) - static_cast<int>(early.threads),
              static_cast<long long>(in) - static_cast<long long>(out), left);
  failed = failed || late.files > early.files || late.threads > early.threads || in != out || left > 0 || (seconds >= 600 && growth >= 1);
  return failed ? 1 : 0;
}
