// SPDX-License-Identifier: MIT
// Checks that the stream does not stall. A live source runs through staaction with a model that is too slow for it.
// Probes watch the pads on both sides of the element: how many buffers go in and come out, how long each one is inside,
// whether a timestamp changes, and how memory grows. The numbers are printed at the end, with the share of windows that
// had to be skipped.
//
//   live-bench [--model arch:vit_base] [--seconds 60] [--size 1920x1080] [--fps 30] [--drop-number 0]
//              [--still-threshold -1] [--json]
#include <gst/gst.h>

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Seen {
  std::mutex mutex;
  std::deque<std::pair<GstClockTime, Clock::time_point>> inside;  // pts and time of entry
  size_t in = 0, out = 0, changed = 0;
  std::vector<double> delays_ms;
};

GstPadProbeReturn entered(GstPad *, GstPadProbeInfo *info, gpointer user) {
  Seen &seen = *static_cast<Seen *>(user);
  std::lock_guard lock(seen.mutex);
  ++seen.in;
  seen.inside.emplace_back(GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info)), Clock::now());
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn left(GstPad *, GstPadProbeInfo *info, gpointer user) {
  Seen &seen = *static_cast<Seen *>(user);
  std::lock_guard lock(seen.mutex);
  ++seen.out;
  if (seen.inside.empty()) return GST_PAD_PROBE_OK;
  const auto [pts, when] = seen.inside.front();
  seen.inside.pop_front();
  if (pts != GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info))) ++seen.changed;
  seen.delays_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - when).count());
  return GST_PAD_PROBE_OK;
}

double resident_mib() {
  std::ifstream in("/proc/self/statm");
  long total = 0, resident = 0;
  in >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

double percentile(const std::vector<double> &sorted, double p) {
  return sorted.empty() ? 0 : sorted[static_cast<size_t>(p * static_cast<double>(sorted.size() - 1))];
}

void watch(GstElement *element, const char *pad_name, GstPadProbeCallback probe, Seen *seen) {
  GstPad *pad = gst_element_get_static_pad(element, pad_name);
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, probe, seen, nullptr);
  gst_object_unref(pad);
}

guint64 number(const GstStructure *s, const char *field) {
  guint64 value = 0;
  gst_structure_get_uint64(s, field, &value);
  return value;
}

}  // namespace

int main(int argc, char **argv) {
  gchar *model = g_strdup("arch:vit_base"), *size = g_strdup("1920x1080");
  gint seconds = 60, fps = 30, drop_number = 0;
  gdouble still_threshold = -1;
  gboolean json = FALSE;
  GOptionEntry entries[] = {{"model", 0, 0, G_OPTION_ARG_STRING, &model, "Model, default arch:vit_base", "MODEL"},
                            {"seconds", 0, 0, G_OPTION_ARG_INT, &seconds, "Length, default 60", "S"},
                            {"size", 0, 0, G_OPTION_ARG_STRING, &size, "Frame size, default 1920x1080", "WxH"},
                            {"fps", 0, 0, G_OPTION_ARG_INT, &fps, "Frames a second, default 30", "N"},
                            {"drop-number", 0, 0, G_OPTION_ARG_INT, &drop_number, "Default 0", "R"},
                            {"still-threshold", 0, 0, G_OPTION_ARG_DOUBLE, &still_threshold, "Default -1: the model's", "X"},
                            {"json", 0, 0, G_OPTION_ARG_NONE, &json, "One JSON object", nullptr},
                            {}};
  GOptionContext *context = g_option_context_new(nullptr);
  g_option_context_add_main_entries(context, entries, nullptr);
  g_option_context_add_group(context, gst_init_get_option_group());
  GError *error = nullptr;
  int width = 0, height = 0;
  if (!g_option_context_parse(context, &argc, &argv, &error) || std::sscanf(size, "%dx%d", &width, &height) != 2 || seconds < 1 || fps < 1) {
    std::fprintf(stderr, "live-bench: %s\n", error ? error->message : "bad option value");
    return 2;
  }
  g_option_context_free(context);

  gchar *launch = g_strdup_printf(
      "videotestsrc is-live=true pattern=ball num-buffers=%d ! video/x-raw,format=NV12,width=%d,height=%d,framerate=%d/1 ! staaction name=action "
      "model=%s drop-number=%d still-threshold=%.6f ! fakesink sync=true",
      seconds * fps, width, height, fps, model, drop_number, still_threshold);
  GstElement *pipeline = gst_parse_launch(launch, &error);
  if (!pipeline || error) {
    std::fprintf(stderr, "live-bench: %s\n", error ? error->message : "cannot build the pipeline");
    return 1;
  }
  Seen seen;
  GstElement *action = gst_bin_get_by_name(GST_BIN(pipeline), "action");
  watch(action, "sink", entered, &seen);
  watch(action, "src", left, &seen);
  GstBus *bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);

  // Memory is flat if the second half does not grow: the first holds the warm-up.
  double middle = 0;
  GstMessage *message = nullptr;
  for (int tick = 0; !message; ++tick) {
    message = gst_bus_timed_pop_filtered(bus, GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS));
    if (tick == seconds / 2) middle = resident_mib();
  }
  const double end = resident_mib();
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error(message, &error, nullptr);
    std::fprintf(stderr, "live-bench: %s\n", error->message);
    return 1;
  }
  GstStructure *stats = nullptr;
  g_object_get(action, "stats", &stats, nullptr);
  const guint64 windows = number(stats, "windows"), skipped = number(stats, "windows-skipped"), classified = number(stats, "windows-classified");
  std::vector<double> delays = seen.delays_ms;
  std::sort(delays.begin(), delays.end());
  const double share = windows ? 100.0 * static_cast<double>(skipped) / static_cast<double>(windows) : 0;
  const double inference_ms = static_cast<double>(number(stats, "mean-inference-time")) / 1e6;
  if (json) {
    std::printf(
        "{\"model\":\"%s\",\"size\":\"%s\",\"fps\":%d,\"buffers_in\":%zu,\"buffers_out\":%zu,\"pts_changed\":%zu,\"delay_ms_median\":%.3f,\"delay_ms_"
        "p99\":%.3f,\"delay_ms_max\":%.3f,"
        "\"windows\":%" G_GUINT64_FORMAT ",\"classified\":%" G_GUINT64_FORMAT ",\"skipped\":%" G_GUINT64_FORMAT
        ",\"inference_ms\":%.1f,\"rss_mib_middle\":%.1f,\"rss_mib_end\":%.1f}\n",
        model, size, fps, seen.in, seen.out, seen.changed, percentile(delays, 0.5), percentile(delays, 0.99), percentile(delays, 1), windows,
        classified, skipped, inference_ms, middle, end);
  } else {
    std::printf("%s, %s at %d fps for %d s, live\n", model, size, fps, seconds);
    std::printf("  buffers        %zu in, %zu out, %zu with another timestamp\n", seen.in, seen.out, seen.changed);
    std::printf("  in the element median %.2f ms, 99th percentile %.2f ms, longest %.2f ms\n", percentile(delays, 0.5), percentile(delays, 0.99),
                percentile(delays, 1));
    std::printf("  windows        %" G_GUINT64_FORMAT ": %" G_GUINT64_FORMAT " classified, %" G_GUINT64_FORMAT " skipped (%.0f %%), %.0f ms each\n",
                windows, classified, skipped, share, inference_ms);
    std::printf("  memory         %.0f MiB at half time, %.0f MiB at the end\n", middle, end);
  }
  gst_structure_free(stats);
  gst_message_unref(message);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(action);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  g_free(launch);
  g_free(model);
  g_free(size);
  return seen.in == seen.out ? 0 : 1;
}
