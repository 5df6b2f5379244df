// SPDX-License-Identifier: MIT
// Measures how many cameras one process carries. 1, 4, 16 and 64 live streams go through one staaction each, with one
// model for all. The bench counts windows that were classified and skipped, how evenly the worker served the streams,
// how long a buffer is inside the element, and what a further stream costs in memory. Each number of streams runs in
// its own process, and once more without staaction. The difference is the memory of the element without that of the
// test source.
//
//   streams-bench [--model models/camera-watch] [--streams 1,4,16,64] [--seconds 20] [--size 640x360] [--fps 30]
//                 [--still-threshold -1]
#include <gst/gst.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string model, size = "640x360";
  double still_threshold = -1;
  int seconds = 20, fps = 30;
};

// One stream's element as its pads see it. Both probes run in the stream's thread.
struct Seen {
  Clock::time_point entered;
  size_t in = 0, out = 0;
  std::vector<double> delays_ms;
};

GstPadProbeReturn entering(GstPad *, GstPadProbeInfo *, gpointer user) {
  auto &seen = *static_cast<Seen *>(user);
  seen.in++;
  seen.entered = Clock::now();
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn leaving(GstPad *, GstPadProbeInfo *, gpointer user) {
  auto &seen = *static_cast<Seen *>(user);
  seen.out++;
  seen.delays_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - seen.entered).count());
  return GST_PAD_PROBE_OK;
}

void watch(GstElement *element, const char *pad_name, GstPadProbeCallback probe, Seen *seen) {
  GstPad *pad = gst_element_get_static_pad(element, pad_name);
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, probe, seen, nullptr);
  gst_object_unref(pad);
}

double residentMib() {
  std::ifstream in("/proc/self/statm");
  double total = 0, resident = 0;
  in >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

guint64 number(const GstStructure *s, const char *field) {
  guint64 value = 0;
  gst_structure_get_uint64(s, field, &value);
  return value;
}

// The work of one process. Prints: buffers in, out, windows, classified, skipped, fewest and most classified of a
// stream, median, p99 and longest delay in ms, RSS in MiB.
int runStreams(const Options &options, int streams, bool without) {
  int width = 0, height = 0;
  std::sscanf(options.size.c_str(), "%dx%d", &width, &height);
  GstElement *pipeline = gst_pipeline_new(nullptr);
  std::vector<std::unique_ptr<Seen>> seen;
  std::vector<GstElement *> actions;
  for (int i = 0; i < streams; i++) {
    gchar *action =
        without ? g_strdup("identity") : g_strdup_printf("staaction model=%s still-threshold=%.6f", options.model.c_str(), options.still_threshold);
    gchar *line = g_strdup_printf(
        "videotestsrc is-live=true pattern=ball num-buffers=%d ! video/x-raw,format=NV12,width=%d,height=%d,framerate=%d/1 ! %s name=action%d ! "
        "fakesink sync=true",
        options.seconds * options.fps, width, height, options.fps, action, i);
    GError *error = nullptr;
    GstElement *bin = gst_parse_bin_from_description(line, FALSE, &error);
    g_free(line);
    g_free(action);
    if (error) {
      std::fprintf(stderr, "streams-bench: %s\n", error->message);
      return 1;
    }
    actions.push_back(gst_bin_get_by_name(GST_BIN(bin), ("action" + std::to_string(i)).c_str()));
    seen.push_back(std::make_unique<Seen>());
    seen.back()->delays_ms.reserve(static_cast<size_t>(options.seconds) * options.fps + 1);
    watch(actions.back(), "sink", entering, seen.back().get());
    watch(actions.back(), "src", leaving, seen.back().get());
    gst_bin_add(GST_BIN(pipeline), bin);
  }
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus *bus = gst_element_get_bus(pipeline);
  double mib = 0;
  GstMessage *message = nullptr;
  while (!(message = gst_bus_timed_pop_filtered(bus, GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR))))
    mib = residentMib();
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    GError *error = nullptr;
    gst_message_parse_error(message, &error, nullptr);
    std::fprintf(stderr, "streams-bench: %s\n", error->message);
    return 1;
  }
  gst_message_unref(message);
  size_t in = 0, out = 0;
  guint64 windows = 0, classified = 0, skipped = 0, fewest = G_MAXUINT64, most = 0;
  std::vector<double> delays;
  for (int i = 0; i < streams; i++) {
    in += seen[i]->in;
    out += seen[i]->out;
    delays.insert(delays.end(), seen[i]->delays_ms.begin(), seen[i]->delays_ms.end());
    if (without) continue;
    GstStructure *stats = nullptr;
    g_object_get(actions[i], "stats", &stats, nullptr);
    const guint64 served = number(stats, "windows-classified");
    windows += number(stats, "windows");
    skipped += number(stats, "windows-skipped");
    classified += served;
    fewest = std::min(fewest, served);
    most = std::max(most, served);
    gst_structure_free(stats);
  }
  std::sort(delays.begin(), delays.end());
  auto percentile = [&](double p) { return delays.empty() ? 0 : delays[static_cast<size_t>(p * static_cast<double>(delays.size() - 1))]; };
  std::printf("%zu %zu %llu %llu %llu %llu %llu %.3f %.3f %.3f %.2f\n", in, out, static_cast<unsigned long long>(windows),
              static_cast<unsigned long long>(classified), static_cast<unsigned long long>(skipped),
              static_cast<unsigned long long>(without ? 0 : fewest), static_cast<unsigned long long>(most), percentile(0.5), percentile(0.99),
              percentile(1), mib);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  for (GstElement *action : actions) gst_object_unref(action);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  return 0;
}

struct Measured {
  size_t in = 0, out = 0;
  unsigned long long windows = 0, classified = 0, skipped = 0, fewest = 0, most = 0;
  double median = 0, p99 = 0, longest = 0, mib = 0;
};

// Runs this program again, in its own process.
bool measure(const Options &options, int streams, bool without, Measured *m) {
  gchar *model = g_shell_quote(options.model.c_str()), *size = g_shell_quote(options.size.c_str());
  gchar *command =
      g_strdup_printf("exec /proc/%d/exe --one %d%s --model %s --size %s --seconds %d --fps %d --still-threshold %.6f", static_cast<int>(getpid()),
                      streams, without ? " --without" : "", model, size, options.seconds, options.fps, options.still_threshold);
  std::FILE *out = popen(command, "r");
  const bool good = out && std::fscanf(out, "%zu %zu %llu %llu %llu %llu %llu %lf %lf %lf %lf", &m->in, &m->out, &m->windows, &m->classified,
                                       &m->skipped, &m->fewest, &m->most, &m->median, &m->p99, &m->longest, &m->mib) == 11;
  g_free(command);
  g_free(model);
  g_free(size);
  return out && pclose(out) == 0 && good;
}

}  // namespace

int main(int argc, char **argv) {
  Options options;
  gchar *model = g_strdup(STA_SOURCE_ROOT "/models/camera-watch"), *size = g_strdup("640x360"), *counts = g_strdup("1,4,16,64");
  gint one = 0;
  gboolean without = FALSE;
  GOptionEntry entries[] = {{"model", 0, 0, G_OPTION_ARG_STRING, &model, "Model, default models/camera-watch", "MODEL"},
                            {"streams", 0, 0, G_OPTION_ARG_STRING, &counts, "Numbers of streams, default 1,4,16,64", "N,N"},
                            {"seconds", 0, 0, G_OPTION_ARG_INT, &options.seconds, "Length of each run, default 20", "S"},
                            {"size", 0, 0, G_OPTION_ARG_STRING, &size, "Frame size, default 640x360", "WxH"},
                            {"fps", 0, 0, G_OPTION_ARG_INT, &options.fps, "Frames a second, default 30", "N"},
                            {"still-threshold", 0, 0, G_OPTION_ARG_DOUBLE, &options.still_threshold, "Default -1: the model's", "X"},
                            {"one", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT, &one, "Only this number, as numbers", "N"},
                            {"without", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &without, "Without staaction", nullptr},
                            {}};
  GOptionContext *context = g_option_context_new(nullptr);
  g_option_context_add_main_entries(context, entries, nullptr);
  g_option_context_add_group(context, gst_init_get_option_group());
  GError *error = nullptr;
  int width = 0, height = 0;
  if (!g_option_context_parse(context, &argc, &argv, &error) || std::sscanf(size, "%dx%d", &width, &height) != 2 || options.seconds < 3 ||
      options.fps < 1) {
    std::fprintf(stderr, "streams-bench: %s\n",
                 error ? error->message : "bad option value (--size WIDTHxHEIGHT, --seconds at least 3, --fps at least 1)");
    return 2;
  }
  g_option_context_free(context);
  options.model = model;
  options.size = size;
  if (one > 0) return runStreams(options, one, without);

  std::printf("%s, %s at %d fps, live, %d s each\n", model, size, options.fps, options.seconds);
  std::printf(
      "  streams  buffers in/out   windows  classified  skipped  min/max of a stream  in the element, ms: median    p99    max   MiB a further "
      "stream\n");
  std::istringstream list(counts);
  double first_mib = 0;
  int first_streams = 0;
  bool good = true;
  for (std::string item; std::getline(list, item, ',');) {
    const int streams = std::atoi(item.c_str());
    Measured with, plain;
    if (streams < 1 || !measure(options, streams, false, &with) || !measure(options, streams, true, &plain)) {
      std::fprintf(stderr, "streams-bench: the run of %s streams failed\n", item.c_str());
      return 1;
    }
    const double mib = with.mib - plain.mib;
    char further[32] = "-";
    if (first_streams == 0) {
      first_streams = streams;
      first_mib = mib;
    } else if (streams > first_streams) {
      std::snprintf(further, sizeof(further), "%.2f", (mib - first_mib) / (streams - first_streams));
    }
    std::printf("  %7d  %7zu/%-7zu  %7llu  %10llu  %6.1f %%  %9llu/%-9llu  %26.3f  %5.2f  %5.1f   %s\n", streams, with.in, with.out, with.windows,
                with.classified, with.windows ? 100.0 * static_cast<double>(with.skipped) / static_cast<double>(with.windows) : 0, with.fewest,
                with.most, with.median, with.p99, with.longest, further);
    std::fflush(stdout);
    good = good && with.in == with.out;
  }
  g_free(model);
  g_free(size);
  g_free(counts);
  return good ? 0 : 1;
}
