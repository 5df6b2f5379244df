// SPDX-License-Identifier: MIT
// See options.h.
#include "options.h"

#include <algorithm>
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
