// SPDX-License-Identifier: MIT
// Measures what load-adaptive pruning does when the load rises. Cameras that share one model come and go. The windows
// they ask for take a given share of the time that the model has without pruning: below 1 the model keeps up, above 1
// it does not.
//
// Writes CSV, one line for each half second: the load, the number of cameras, windows answered and lost, the drop
// number, and how long a window waited for its result. To compare, run it with --drop-number -1 (adaptive, the default)
// and with 0 (never pruned). tools/evaluation/plot_adaptive.py draws both.
//
//   adaptive-bench [--model models/camera-watch] [--drop-number -1] [--loads 0.3,0.6,0.9,1.2,1.5,0.9,0.3 | --cameras
//   N,N] [--seconds 10] [--out FILE.csv]
#include <glib.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "sta/sta.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// One camera. It gives one frame per sample interval. The content moves, so that no two windows in a row are equal.
struct Camera {
  Camera(const sta::Engine &engine, const sta_stream_options &options, int width, int height, double first)
      : stream(engine, options), width(width), height(height), next(first), pixels(static_cast<size_t>(width) * height * 3) {}

  void push(double interval) {
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i / 7 + static_cast<size_t>(frames) * 5);
    sta_frame frame;
    sta_frame_init(&frame);
    frame.format = STA_FORMAT_RGB;
    frame.width = width;
    frame.height = height;
    frame.plane[0] = pixels.data();
    frame.stride[0] = width * 3;
    frame.time = static_cast<uint64_t>(std::llround(static_cast<double>(frames++) * interval * 1e9));
    frame.duration = STA_TIME_NONE;
    stream.push(frame);
    next += interval;
  }
  uint64_t newlySkipped() {
    const uint64_t now = stream.stats().windows_skipped, more = now - skipped;
    skipped = now;
    return more;
  }

  sta::Stream stream;
  int width, height;
  double next;  // seconds since the begin: when the next frame is due
  int64_t frames = 0;
  uint64_t skipped = 0;
  std::vector<uint8_t> pixels;  // [H,W,3]
};

// Seconds that one window takes without pruning, by the engine's own clock. Windows of one camera in blocking mode are
// timed; the first one does not count.
double costOfAWindow(const sta::Engine &engine, sta_stream_options options, int width, int height, double interval) {
  options.blocking = 1;
  options.drop_number = 0;
  Camera camera(engine, options, width, height, 0);
  std::vector<double> times;
  for (int i = 0; times.size() < 30 && i < 1000; ++i) {
    camera.push(interval);
    while (auto result = camera.stream.pop()) times.push_back(static_cast<double>(result->info().inference_time) / 1e9);
  }
  std::sort(times.begin() + 1, times.end());
  return times[times.size() / 2];
}

struct Options {
  std::string model, loads, cameras;
  int drop_number = -1, seconds = 10;
};

void run(const Options &o, std::FILE *out) {
  sta_engine_options engine_options = sta::Engine::options();
  engine_options.model = o.model.c_str();
  engine_options.device = "cpu";
  engine_options.inference_threads = 1;
  const sta::Engine engine = sta::Engine::open(engine_options);
  const sta_model_info info = engine.info();
  const double interval = static_cast<double>(info.sample_interval_ns) / 1e9;
  sta_stream_options options = sta::Stream::options();
  options.hop = info.sample_interval_ns;  // a window with every sample: many windows of few cameras
  options.static_skip = 0;
  options.drop_number = o.drop_number;

  const double cost = costOfAWindow(engine, options, info.image_width, info.image_height, interval);
  std::fprintf(stderr, "%s: %.1f ms a window without pruning, %.0f windows a second; r up to %d\n", info.name, cost * 1e3, 1 / cost,
               info.max_drop_number);
  std::fprintf(out, "seconds,load,cameras,windows_per_s,lost_per_s,r_mean,r_max,latency_ms_median,latency_ms_max\n");

  std::vector<std::unique_ptr<Camera>> cameras;
  std::istringstream steps(o.cameras.empty() ? o.loads : o.cameras);
  const Clock::time_point begin = Clock::now();
  double until = 0, last_line = 0;
  uint64_t lost = 0;
  std::vector<double> latencies, drops;
  for (std::string item; std::getline(steps, item, ',');) {
    const double wish = std::stod(item);
    const size_t wanted = static_cast<size_t>(std::max(1.0, o.cameras.empty() ? std::round(wish * interval / cost) : wish));
    until += o.seconds;
    while (cameras.size() > wanted) {
      lost += cameras.back()->newlySkipped();
      cameras.pop_back();
    }
    // Cameras that are added together would also be due together. So they begin at even distances within an interval.
    for (size_t added = 0, more = wanted - cameras.size(); added < more; ++added)
      cameras.push_back(std::make_unique<Camera>(engine, options, info.image_width, info.image_height,
                                                 secondsSince(begin) + interval * static_cast<double>(added) / static_cast<double>(more)));
    for (double now = secondsSince(begin); now < until; now = secondsSince(begin)) {
      Camera &due = **std::min_element(cameras.begin(), cameras.end(), [](const auto &a, const auto &b) { return a->next < b->next; });
      if (due.next > now) std::this_thread::sleep_for(std::chrono::duration<double>(std::min(due.next, until) - now));
      if (due.next >= until) continue;
      due.push(interval);
      while (auto result = due.stream.pop()) {
        const sta_result_info r = result->info();
        latencies.push_back(static_cast<double>(r.queue_time + r.inference_time) / 1e6);
        drops.push_back(r.drop_number);
      }
      const double span = now - last_line;
      if (span < 0.5) continue;
      for (auto &camera : cameras) lost += camera->newlySkipped();
      std::sort(latencies.begin(), latencies.end());
      double sum = 0, most = 0;
      for (double r : drops) {
        sum += r;
        most = std::max(most, r);
      }
      if (!latencies.empty())
        std::fprintf(out, "%.2f,%.2f,%zu,%.1f,%.1f,%.2f,%.0f,%.2f,%.2f\n", now, static_cast<double>(cameras.size()) * cost / interval, cameras.size(),
                     static_cast<double>(latencies.size()) / span, static_cast<double>(lost) / span, sum / static_cast<double>(drops.size()), most,
                     latencies[latencies.size() / 2], latencies.back());
      std::fflush(out);
      latencies.clear();
      drops.clear();
      lost = 0;
      last_line = now;
    }
  }
}

}  // namespace

int main(int argc, char **argv) {
  Options options;
  gchar *model = g_strdup(STA_SOURCE_ROOT "/models/camera-watch"), *loads = g_strdup("0.3,0.6,0.9,1.2,1.5,0.9,0.3"), *cameras = nullptr,
        *path = nullptr;
  GOptionEntry entries[] = {{"model", 0, 0, G_OPTION_ARG_STRING, &model, "Model, default models/camera-watch", "MODEL"},
                            {"drop-number", 0, 0, G_OPTION_ARG_INT, &options.drop_number, "-1 (default): adaptive", "R"},
                            {"loads", 0, 0, G_OPTION_ARG_STRING, &loads, "Loads, one after the other, of what the model can do unpruned", "X,X"},
                            {"cameras", 0, 0, G_OPTION_ARG_STRING, &cameras, "Numbers of cameras, one after the other, instead of loads", "N,N"},
                            {"seconds", 0, 0, G_OPTION_ARG_INT, &options.seconds, "Length of each load, default 10", "S"},
                            {"out", 0, 0, G_OPTION_ARG_FILENAME, &path, "CSV file, default the standard output", "FILE"},
                            {}};
  GOptionContext *context = g_option_context_new(nullptr);
  g_option_context_add_main_entries(context, entries, nullptr);
  GError *error = nullptr;
  if (!g_option_context_parse(context, &argc, &argv, &error) || options.seconds < 1) {
    std::fprintf(stderr, "adaptive-bench: %s\n", error ? error->message : "--seconds should be at least 1");
    return 2;
  }
  g_option_context_free(context);
  options.model = model;
  options.loads = loads;
  options.cameras = cameras ? cameras : "";
  std::FILE *out = path ? std::fopen(path, "w") : stdout;
  if (!out) {
    std::fprintf(stderr, "adaptive-bench: %s cannot be written\n", path);
    return 2;
  }
  int status = 0;
  try {
    run(options, out);
  } catch (const std::exception &exception) {
    std::fprintf(stderr, "adaptive-bench: %s\n", exception.what());
    status = 1;
  }
  if (path) std::fclose(out);
  g_free(model);
  g_free(loads);
  g_free(cameras);
  g_free(path);
  return status;
}
