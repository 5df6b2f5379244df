// SPDX-License-Identifier: MIT
// See options.h.
#include "options.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace cli {

std::vector<GOptionEntry> EngineFlags::entries() {
  return {{"device", 'd', 0, G_OPTION_ARG_STRING, &device.value, "Where to compute: auto (default), cpu, cuda, cuda:N", "DEVICE"},
          {"precision", 'p', 0, G_OPTION_ARG_STRING, &precision.value, "fp32, bf16, fp16, or auto (default): bf16 where the device is fast at it",
           "TYPE"},
          {"threads", 't', 0, G_OPTION_ARG_INT, &threads, "CPU threads of a forward pass, 0 (default) = automatic", "N"},
          {"labels", 'l', 0, G_OPTION_ARG_FILENAME, &labels.value, "File with the labels (lines, CSV or JSON), instead of the model's", "FILE"},
          {"num-heads", 0, 0, G_OPTION_ARG_INT, &num_heads, "Attention heads, where the model file does not say", "N"},
          {"image-size", 0, 0, G_OPTION_ARG_STRING, &image_size.value, kImageSizeHelp, "N or HxW"},
          {"num-frames", 0, 0, G_OPTION_ARG_INT, &num_frames,
           "Frames of a window, where the model file does not say and it is not 16 (Video Swin: 32)", "N"}};
}

sta::Engine EngineFlags::open(const std::string &model, const ImageSize &usual) const {
  sta_engine_options o = sta::Engine::options();
  const std::string d = device.str(), l = labels.str();
  o.model = model.c_str();
  o.device = d.c_str();
  o.labels = l.empty() ? nullptr : l.c_str();
  o.precision = precision_of(precision.str());
  o.inference_threads = threads;
  o.num_heads = num_heads;
  const ImageSize size = image_size.str().empty() ? usual : image_size_of(image_size.str());
  o.image_size = size.height;
  o.image_width = size.width;
  o.num_frames = num_frames;
  o.worker_nice = 0;
  sta::Engine engine = sta::Engine::open(o);
  if (const std::string warnings = engine.info().warnings; !warnings.empty()) std::fprintf(stderr, "sta: warning: %s", warnings.c_str());
  return engine;
}

std::vector<GOptionEntry> PruneFlags::entries() {
  return {{"pruning", 0, 0, G_OPTION_ARG_STRING, &pruning.value, "Which tokens are dropped: sta (default), random, none", "RULE"},
          {"seed", 0, 0, G_OPTION_ARG_INT64, &seed, "Seed of --pruning random", "N"}};
}

sta_forward_options PruneFlags::options(int drop_number) const {
  sta_forward_options o;
  sta_forward_options_init(&o);
  o.pruning = pruning_of(pruning.str());
  o.drop_number = drop_number;
  o.seed = static_cast<uint64_t>(seed);
  return o;
}

std::vector<std::string> parse(int argc, char **argv, const char *parameters, const char *summary,
                               const std::vector<std::vector<GOptionEntry>> &tables) {
  GOptionContext *context = g_option_context_new(parameters);
  g_option_context_set_summary(context, summary);
  for (auto table : tables) {
    table.push_back({});
    g_option_context_add_main_entries(context, table.data(), nullptr);
  }
  // GLib shows the program's name before the parameters.
  const std::string command = std::string("sta ") + argv[0];
  g_set_prgname(command.c_str());
  std::vector<char *> args(argv, argv + argc);
  args.push_back(nullptr);
  char **list = args.data();
  GError *error = nullptr;
  const bool good = g_option_context_parse(context, &argc, &list, &error);
  g_option_context_free(context);
  if (!good) {
    const std::string message = error->message;
    g_error_free(error);
    throw UsageError(message);
  }
  return {list + 1, list + argc};
}

std::vector<int> number_list(const std::string &text, const char *option) {
  std::vector<int> numbers;
  size_t at = 0;
  while (at <= text.size()) {
    const size_t comma = std::min(text.find(',', at), text.size());
    const std::string part = text.substr(at, comma - at);
    char *end = nullptr;
    const long value = std::strtol(part.c_str(), &end, 10);
    if (part.empty() || *end != 0 || value < 0 || value > 1'000'000)
      throw UsageError(std::string(option) + " \"" + text + "\" should be numbers separated by commas, such as 0,32,64");
    numbers.push_back(static_cast<int>(value));
    at = comma + 1;
  }
  return numbers;
}

namespace {

// false for what is not a number.
bool is_threshold(double v) { return v == -1 || (v >= 0 && v <= 10); }

}  // namespace

double checked_threshold(double threshold, const char *option) {
  if (!is_threshold(threshold)) throw UsageError(std::string(option) + " should be 0 (off) to 10, or -1 (the model's own)");
  return threshold;
}

std::vector<double> threshold_list(const std::string &text, const char *option) {
  std::vector<double> thresholds;
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    const std::string part = text.substr(at, comma - at);
    char *end = nullptr;
    const double value = g_ascii_strtod(part.c_str(), &end);
    if (part.empty() || *end != 0 || !is_threshold(value))
      throw UsageError(std::string(option) + " \"" + text + "\" should be numbers from 0 (off) to 10, or -1 (the model's own), such as 0,0.1");
    thresholds.push_back(value);
    at = comma + 1;
  }
  return thresholds;
}

double effective_threshold(double threshold, const sta_model_info &info) {
  // As the model folder has it: a float has seven digits.
  return threshold >= 0 ? threshold : std::round(static_cast<double>(info.still_threshold) * 1e6) / 1e6;
}

sta_flops flops_of(const sta::Engine &engine, int drop_number, int tokens) {
  sta_flops flops{};
  flops.struct_size = sizeof(flops);
  sta_error err;
  const int some = tokens == engine.info().num_tokens ? 0 : tokens;  // a Video Swin takes no other number than 0
  if (sta_engine_flops_of_tokens(engine.get(), drop_number, some, &flops, &err) != STA_OK) throw RunError(err.message);
  return flops;
}

int tokens_of(const sta_clip_result *result, int item, const sta_model_info &info) {
  int32_t count = 0;
  return sta_clip_result_tokens(result, item, &count) ? count : info.num_tokens;
}

ImageSize image_size_of(const std::string &text) {
  if (text.empty()) return {};
  int height = 0, width = 0, used = 0;
  const int size = static_cast<int>(text.size());
  if (std::sscanf(text.c_str(), "%d%n", &height, &used) == 1 && used == size)
    width = height;
  else if (std::sscanf(text.c_str(), "%dx%d%n", &height, &width, &used) != 2 || used != size)
    height = 0;
  if (height < 1 || width < 1 || height > 4096 || width > 4096)
    throw UsageError("--image-size \"" + text + "\" should be a number of pixels, or HEIGHTxWIDTH such as 180x320, 1 to 4096");
  return {height, width};
}

sta_pruning pruning_of(const std::string &text) {
  if (text.empty() || text == "sta") return STA_PRUNING_STA;
  if (text == "random") return STA_PRUNING_RANDOM;
  if (text == "none") return STA_PRUNING_NONE;
  throw UsageError("--pruning \"" + text + "\" should be sta, random or none");
}

sta_precision precision_of(const std::string &text) {
  if (text.empty() || text == "auto") return STA_PRECISION_AUTO;
  if (text == "fp32") return STA_PRECISION_FP32;
  if (text == "bf16") return STA_PRECISION_BF16;
  if (text == "fp16") return STA_PRECISION_FP16;
  throw UsageError("--precision \"" + text + "\" should be auto, fp32, bf16 or fp16");
}

std::string describe(const sta_model_info &info) { return std::string(info.precision) + " on " + info.device; }

}  // namespace cli
