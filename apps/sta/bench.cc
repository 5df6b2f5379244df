// SPDX-License-Identifier: MIT
// `sta bench`: speed at several drop numbers. All of them are interleaved in one process, so that whatever else the machine does hits them alike, and
// medians are compared; a ratio of two such medians means something even where the times themselves do not.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>

#include "options.h"

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.size() % 2 ? v[v.size() / 2] : (v[v.size() / 2 - 1] + v[v.size() / 2]) / 2;
}

double forward_seconds(const sta::Engine &engine, const std::vector<float> &clip, int batch, const sta_forward_options &options) {
  sta_clip_result *result = nullptr;
  sta_error err;
  const auto begin = Clock::now();
  if (sta_engine_forward(engine.get(), clip.data(), batch, &options, &result, &err) != STA_OK) throw RunError(err.message);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  sta_clip_result_free(result);
  return seconds;
}

}  // namespace

int bench(int argc, char **argv) {
  EngineFlags engine_flags;
  PruneFlags prune_flags;
  Text arch, drops;
  int runs = 10, warmup = 2, batch = 1;
  gboolean json = FALSE;
  const std::vector<GOptionEntry> own = {
      {"arch", 'a', 0, G_OPTION_ARG_STRING, &arch.value,
       "An architecture with generated weights instead of MODEL: vit_small, vit_base, vit_large, vit_huge, video_swin_tiny, video_swin_small, "
       "video_swin_base or video_swin_base_w16",
       "NAME"},
      {"drop-number", 'r', 0, G_OPTION_ARG_STRING, &drops.value, "Default 0,32,48,64 (Video Swin: 0,192,256,320) for architectures", "R,R,..."},
      {"runs", 'n', 0, G_OPTION_ARG_INT, &runs, "Timed runs of each, default 10", "N"},
      {"warmup", 'w', 0, G_OPTION_ARG_INT, &warmup, "Runs before that, default 2", "N"},
      {"batch", 'b', 0, G_OPTION_ARG_INT, &batch, "Clips in one forward pass, default 1", "N"},
      {"json", 'j', 0, G_OPTION_ARG_NONE, &json, "Print one JSON object a drop number", nullptr}};
  const auto rest = parse(argc, argv, "[MODEL]", "Measures forward passes: median of warm runs, all drop numbers interleaved in one process.",
                          {own, engine_flags.entries(), prune_flags.entries()});
  if (rest.size() + (arch.given() ? 1 : 0) != 1) throw UsageError("give one model or --arch");
  if (runs < 1 || runs > 100000 || warmup < 0 || warmup > 100000) throw UsageError("--runs should be 1 to 100000, --warmup 0 to 100000");
  if (batch < 1 || batch > 1024) throw UsageError("--batch should be 1 to 1024");
  const std::string model = arch.given() ? "arch:" + arch.str() : rest[0];
  const std::vector<int> list = number_list(drops.given()                          ? drops.str()
                                            : !arch.given()                        ? "0"
                                            : arch.str().starts_with("video_swin") ? "0,192,256,320"
                                                                                   : "0,32,48,64",
                                            "--drop-number");
  const sta::Engine engine = engine_flags.open(model);
  const sta_model_info m = engine.info();
  sta_error err;
  for (int r : list)
    if (sta_engine_check_drop_number(engine.get(), r, &err) != STA_OK) throw UsageError(err.message);

  std::vector<float> clip(static_cast<size_t>(batch) * 3 * static_cast<size_t>(m.num_frames) * static_cast<size_t>(m.image_height) *
                          static_cast<size_t>(m.image_width));
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (float &v : clip) v = normal(random);

  std::vector<std::vector<double>> seconds(list.size());
  const bool show = isatty(STDERR_FILENO);
  for (int run = -warmup; run < runs; ++run) {
    if (show) std::fprintf(stderr, "\r%s %d of %d ", run < 0 ? "warm-up" : "run", run < 0 ? run + warmup + 1 : run + 1, run < 0 ? warmup : runs);
    for (size_t i = 0; i < list.size(); ++i) {
      const double s = forward_seconds(engine, clip, batch, prune_flags.options(list[i]));
      if (run >= 0) seconds[i].push_back(s);
    }
  }
  if (show) std::fprintf(stderr, "\r%30s\r", "");

  size_t dense = list.size();
  for (size_t i = 0; i < list.size(); ++i)
    if (list[i] == 0) dense = i;
  if (!json) {
    std::printf("%s, %s, batch %d, median of %d warm runs, drop numbers interleaved\n", m.name, describe(m).c_str(), batch, runs);
    std::printf("%6s %10s %12s %12s %10s\n", "r", "ms", "clips/s", "speed-up", "GMACs");
  }
  for (size_t i = 0; i < list.size(); ++i) {
    const double s = median(seconds[i]);
    const double speedup = dense < list.size() ? median(seconds[dense]) / s : 0;
    sta_flops f{};
    f.struct_size = sizeof(f);
    if (sta_engine_flops(engine.get(), list[i], &f, &err) != STA_OK) throw RunError(err.message);
    const double gmacs = static_cast<double>(f.total) / 1e9;
    if (json) {
      const nlohmann::ordered_json out = {{"model", m.name},
                                          {"device", m.device},
                                          {"precision", m.precision},
                                          {"batch", batch},
                                          {"runs", runs},
                                          {"drop_number", list[i]},
                                          {"seconds", s},
                                          {"min_seconds", *std::min_element(seconds[i].begin(), seconds[i].end())},
                                          {"clips_per_second", batch / s},
                                          {"speedup", dense < list.size() ? nlohmann::ordered_json(speedup) : nlohmann::ordered_json()},
                                          {"gmacs", gmacs}};
      std::printf("%s\n", out.dump().c_str());
    } else if (dense < list.size()) {
      std::printf("%6d %10.1f %12.2f %11.2fx %10.2f\n", list[i], s * 1e3, batch / s, speedup, gmacs);
    } else {
      std::printf("%6d %10.1f %12.2f %12s %10.2f\n", list[i], s * 1e3, batch / s, "-", gmacs);
    }
  }
  return 0;
}

}  // namespace cli
