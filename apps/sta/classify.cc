// SPDX-License-Identifier: MIT
// `sta classify MODEL VIDEO...`: prints the labels of video files with their times, as a table for people or as JSON
// lines for programs.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "classify_pipeline.h"
#include "gst_source.h"
#include "options.h"
#include "picture_sequence.h"

namespace cli {
namespace {

std::string clock_text(double seconds) {
  char text[40];
  const long tenths = std::lround(seconds * 10);
  std::snprintf(text, sizeof(text), "%02ld:%02ld.%ld", tenths / 600, tenths / 10 % 60, tenths % 10);
  return text;
}

// Multiplies and divides by a whole number, so that JSON shows no rounding noise.
double rounded(double value, double parts) { return std::round(value * parts) / parts; }

void print_json(const std::string &video, const ClassifiedWindow &w) {
  nlohmann::ordered_json out = {{"file", video}, {"window", w.id}, {"start", rounded(w.start, 1e6)}, {"end", rounded(w.end, 1e6)}};
  if (!w.error.empty()) {
    out["error"] = w.error;
  } else if (!w.top.empty()) {
    out["label"] = w.top[0].first;
    out["confidence"] = rounded(w.top[0].second, 1e6);
    out["below_threshold"] = w.below_threshold;
    out["top"] = nlohmann::ordered_json::array();
    for (const auto &[label, confidence] : w.top) out["top"].push_back({{"label", label}, {"confidence", rounded(confidence, 1e6)}});
  }
  out["degraded"] = w.degraded;
  out["drop_number"] = w.drop_number;
  out["tokens"] = w.tokens;
  out["gmacs"] = rounded(w.gmacs, 1e6);
  out["inference_ms"] = rounded(w.inference_ms, 1e3);
  std::printf("%s\n", out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  std::fflush(stdout);
}

void print_row(const ClassifiedWindow &w) {
  std::printf("%8s - %-8s ", clock_text(w.start).c_str(), clock_text(w.end).c_str());
  if (!w.error.empty())
    std::printf("failed: %s", w.error.c_str());
  else if (w.top.empty() || w.below_threshold)
    std::printf("%-24s", "-");
  else
    std::printf("%-24s %5.1f %%", w.top[0].first.c_str(), 100 * w.top[0].second);
  std::printf("%s\n", w.degraded ? "  (incomplete window)" : "");
  std::fflush(stdout);
}

// Turns seconds on the command line into the element's nanoseconds.
std::string nanoseconds(double seconds, const char *option) {
  if (!(seconds >= 0 && seconds <= 3600)) throw UsageError(std::string(option) + " should be 0 to 3600 seconds");
  return std::to_string(static_cast<guint64>(seconds * 1e9 + 0.5));
}

}  // namespace

int classify(int argc, char **argv) {
  Text annotate, labels, device, precision, pruning, resize, image_size;
  double hop = 0, interval = 0, threshold = 0, rate = 0, still = -1;
  int drop_number = 0, top_k = 3, threads = 0, num_heads = 0, num_frames = 0;
  gboolean json = FALSE;
  const std::vector<GOptionEntry> own = {
      {"json", 'j', 0, G_OPTION_ARG_NONE, &json, "Print one JSON object a window", nullptr},
      {"annotate", 'o', 0, G_OPTION_ARG_FILENAME, &annotate.value, "Write the video with the labels drawn in (one input only)", "OUT.mp4"},
      {"rate", 0, 0, G_OPTION_ARG_DOUBLE, &rate, "Pictures a second, of a sequence of pictures such as frames/%04d.png", "FPS"},
      {"drop-number", 'r', 0, G_OPTION_ARG_INT, &drop_number, "Tokens dropped per group and pruning call, 0 (default) = none", "R"},
      {"still-threshold", 0, 0, G_OPTION_ARG_DOUBLE, &still, kStillHelp, "X"},
      {"hop", 0, 0, G_OPTION_ARG_DOUBLE, &hop, "Seconds from one window to the next, 0 (default) = a quarter of a window", "S"},
      {"sample-interval", 0, 0, G_OPTION_ARG_DOUBLE, &interval, "Seconds between the frames of a window, 0 (default) = the model's", "S"},
      {"top-k", 'k', 0, G_OPTION_ARG_INT, &top_k, "Labels of each window in --json, default 3", "K"},
      {"threshold", 0, 0, G_OPTION_ARG_DOUBLE, &threshold, "Show no label below this confidence, 0 (default) to 1", "P"},
      {"pruning", 0, 0, G_OPTION_ARG_STRING, &pruning.value, "Which tokens are dropped: sta (default), random, none", "RULE"},
      {"resize", 0, 0, G_OPTION_ARG_STRING, &resize.value, "auto (default, the model decides), bilinear, antialias", "HOW"},
      {"labels", 'l', 0, G_OPTION_ARG_FILENAME, &labels.value, "File with the labels (lines, CSV or JSON), instead of the model's", "FILE"},
      {"device", 'd', 0, G_OPTION_ARG_STRING, &device.value, "auto (default), cpu, cuda, cuda:N", "DEVICE"},
      {"precision", 'p', 0, G_OPTION_ARG_STRING, &precision.value, "auto (default), fp32, bf16, fp16", "TYPE"},
      {"threads", 't', 0, G_OPTION_ARG_INT, &threads, "CPU threads of a forward pass, 0 (default) = automatic", "N"},
      {"num-heads", 0, 0, G_OPTION_ARG_INT, &num_heads, "Attention heads, where the model file does not say", "N"},
      {"image-size", 0, 0, G_OPTION_ARG_STRING, &image_size.value, kImageSizeHelp, "N or HxW"},
      {"num-frames", 0, 0, G_OPTION_ARG_INT, &num_frames, "Frames of a window, where the model file does not say and it is not 16 (Video Swin: 32)",
       "N"}};
  const auto rest = parse(argc, argv, "MODEL VIDEO...", "Labels the sliding windows of videos (files or URIs) through the staaction element.", {own});
  if (rest.size() < 2) throw UsageError("a model and at least one video are needed");
  if (annotate.given() && rest.size() > 2) throw UsageError("--annotate takes one video");
  if (drop_number < 0) throw UsageError("--drop-number should be 0 or more");
  char still_text[G_ASCII_DTOSTR_BUF_SIZE];
  g_ascii_dtostr(still_text, sizeof(still_text), checked_threshold(still, "--still-threshold"));

  ClassifyRequest request;
  request.annotate = annotate.str();
  request.properties = {{"model", rest[0]},
                        {"drop-number", std::to_string(drop_number)},
                        {"still-threshold", still_text},
                        {"hop", nanoseconds(hop, "--hop")},
                        {"top-k", std::to_string(top_k)},
                        {"sample-interval", nanoseconds(interval, "--sample-interval")},
                        {"threshold", std::to_string(threshold)},
                        {"inference-threads", std::to_string(threads)}};
  const ImageSize size = image_size_of(image_size.str());
  for (const auto &[property, value] :
       {std::pair{"num-heads", num_heads}, {"image-size", size.height}, {"image-width", size.width}, {"num-frames", num_frames}})
    if (value != 0) request.properties.emplace_back(property, std::to_string(value));
  for (const auto &[property, text] : {std::pair<const char *, const Text *>{"labels", &labels},
                                       {"device", &device},
                                       {"precision", &precision},
                                       {"pruning", &pruning},
                                       {"resize", &resize}})
    if (text->given()) request.properties.emplace_back(property, text->str());

  // The number of frames in the model's windows, with all options that may change it. Called only if a video had no
  // window.
  const auto num_frames_of = [&] {
    EngineFlags flags;
    flags.num_heads = num_heads;
    flags.num_frames = num_frames;
    flags.device.value = g_strdup("cpu");
    flags.image_size.value = g_strdup(image_size.str().c_str());
    return flags.open(rest[0]).info().num_frames;
  };
  if (rate != 0) {
    request.rate = checked_rate(rate);
    if (std::none_of(rest.begin() + 1, rest.end(), is_sequence)) throw UsageError("--rate is for sequences of pictures, such as frames/%04d.png");
  } else if (const auto it = std::find_if(rest.begin() + 1, rest.end(), is_sequence); it != rest.end()) {
    throw UsageError(*it + " is a sequence of pictures: --rate says how many of them make a second");
  }

  prepare_gstreamer();
  const bool show = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
  for (size_t i = 1; i < rest.size(); ++i) {
    request.video = rest[i];
    if (!json && rest.size() > 2) std::printf("%s\n", rest[i].c_str());
    const ClassifyOutcome outcome = classify_video(
        request,
        [&](const ClassifiedWindow &w) {
          if (json)
            print_json(rest[i], w);
          else
            print_row(w);
        },
        [&](double done) {
          if (show && done >= 0) std::fprintf(stderr, "\r%3.0f %%", done * 100);
        });
    if (show) std::fprintf(stderr, "\r      \r");
    if (outcome.windows == 0)
      std::fprintf(stderr, "sta classify: %s: %s\n", rest[i].c_str(), why_no_window(rest[i], outcome.seen, num_frames_of()).c_str());
  }
  return 0;
}

}  // namespace cli
