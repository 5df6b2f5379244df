// SPDX-License-Identifier: MIT
// `sta bench`: speed at several drop numbers. One process runs all of them in turns, so other load on the machine hits
// them alike, and it compares medians. The ratio of two such medians means something even if the times themselves do
// not.
//
// It times the forward pass, with the clip already where the model is: in memory for a CPU, uploaded before for a GPU.
// On a GPU it also times the whole way from 8-bit pictures in system memory, as the windows of a stream come.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "options.h"

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.size() % 2 ? v[v.size() / 2] : (v[v.size() / 2 - 1] + v[v.size() / 2]) / 2;
}

// The clips of one pass, in each form that is timed.
class Clips {
 public:
  Clips(const sta::Engine &engine, int batch, bool upload) : engine_(engine), batch_(batch) {
    const sta_model_info m = engine.info();
    on_device_ = std::string(m.device) != "cpu";
    std::mt19937 random(1);
    if (!on_device_) {
      std::normal_distribution<float> normal;
      normalised_.resize(static_cast<size_t>(batch) * 3 * static_cast<size_t>(m.num_frames) * static_cast<size_t>(m.image_height) *
                         static_cast<size_t>(m.image_width));
      for (float &v : normalised_) v = normal(random);
    }
    if (!on_device_ && !upload) return;
    // With more than 32 clips the pictures repeat.
    const size_t picture = size_t{3} * static_cast<size_t>(m.image_height) * static_cast<size_t>(m.image_width);
    const size_t pictures = static_cast<size_t>(std::min(batch, 32)) * static_cast<size_t>(m.num_frames);
    pixels_.resize(pictures * picture);
    for (uint8_t &v : pixels_) v = static_cast<uint8_t>(random());
    for (size_t i = 0; i < static_cast<size_t>(batch) * static_cast<size_t>(m.num_frames); ++i) frames_.push_back(&pixels_[i % pictures * picture]);
    if (!on_device_) return;
    sta_device_clip *clip = nullptr;
    sta_error err;
    if (sta_engine_upload_frames(engine.get(), frames_.data(), batch, &clip, &err) != STA_OK) throw RunError(err.message);
    device_.reset(clip);
  }
  bool on_device() const { return on_device_; }

  double pass_seconds(const sta_forward_options &options) const {
    return timed([&](sta_clip_result **result, sta_error *err) {
      return on_device_ ? sta_engine_forward_uploaded(engine_.get(), device_.get(), &options, result, err)
                        : sta_engine_forward(engine_.get(), normalised_.data(), batch_, &options, result, err);
    });
  }
  double upload_seconds(const sta_forward_options &options) const {
    return timed([&](sta_clip_result **result, sta_error *err) {
      return sta_engine_forward_frames(engine_.get(), frames_.data(), batch_, &options, result, err);
    });
  }

 private:
  template <typename Pass>
  static double timed(Pass pass) {
    sta_clip_result *result = nullptr;
    sta_error err;
    const auto begin = Clock::now();
    if (pass(&result, &err) != STA_OK) throw RunError(err.message);
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    sta_clip_result_free(result);
    return seconds;
  }
  struct Free {
    void operator()(sta_device_clip *clip) const { sta_device_clip_free(clip); }
  };
  const sta::Engine &engine_;
  const int batch_;
  bool on_device_ = false;
  std::vector<float> normalised_;        // f32 [B,3,T,H,W], for a CPU
  std::vector<uint8_t> pixels_;          // u8 [.., H,W,3]
  std::vector<const uint8_t *> frames_;  // B * T
  std::unique_ptr<sta_device_clip, Free> device_;
};

}  // namespace

int bench(int argc, char **argv) {
  EngineFlags engine_flags;
  PruneFlags prune_flags;
  Text arch, drops;
  int runs = 10, warmup = 2, batch = 1;
  gboolean json = FALSE, upload = FALSE;
  const std::vector<GOptionEntry> own = {
      {"arch", 'a', 0, G_OPTION_ARG_STRING, &arch.value,
       "An architecture with generated weights instead of MODEL: vit_small, vit_base, vit_large, vit_huge, video_swin_tiny, video_swin_small, "
       "video_swin_base or video_swin_base_w16",
       "NAME"},
      {"drop-number", 'r', 0, G_OPTION_ARG_STRING, &drops.value, "Default 0,32,48,64 (Video Swin: 0,192,256,320) for architectures", "R,R,..."},
      {"runs", 'n', 0, G_OPTION_ARG_INT, &runs, "Timed runs of each, default 10", "N"},
      {"warmup", 'w', 0, G_OPTION_ARG_INT, &warmup, "Runs before that, default 2", "N"},
      {"batch", 'b', 0, G_OPTION_ARG_INT, &batch, "Clips in one forward pass, default 1", "N"},
      {"upload", 'u', 0, G_OPTION_ARG_NONE, &upload, "Beside it, the pass together with the way of its pictures there (on a GPU: always)", nullptr},
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

  const Clips clips(engine, batch, upload);
  if (clips.on_device()) upload = TRUE;
  std::vector<std::vector<double>> seconds(list.size()), uploads(list.size());
  const bool show = isatty(STDERR_FILENO);
  for (int run = -warmup; run < runs; ++run) {
    if (show) std::fprintf(stderr, "\r%s %d of %d ", run < 0 ? "warm-up" : "run", run < 0 ? run + warmup + 1 : run + 1, run < 0 ? warmup : runs);
    for (size_t i = 0; i < list.size(); ++i) {
      const sta_forward_options options = prune_flags.options(list[i]);
      const double s = clips.pass_seconds(options), u = upload ? clips.upload_seconds(options) : 0;
      if (run < 0) continue;
      seconds[i].push_back(s);
      uploads[i].push_back(u);
    }
  }
  if (show) std::fprintf(stderr, "\r%30s\r", "");

  size_t dense = list.size();
  for (size_t i = 0; i < list.size(); ++i)
    if (list[i] == 0) dense = i;
  if (!json) {
    std::printf("%s, %s, batch %d, median of %d warm runs, drop numbers interleaved\n", m.name, describe(m).c_str(), batch, runs);
    if (upload)
      std::printf(
          "ms, clips/s, speed-up: the clip is %s; with upload: the same pass from 8-bit pictures in system memory, as a stream's windows come\n",
          clips.on_device() ? "on the device already" : "normalised already");
    std::printf("%6s %10s %12s %12s%s %10s\n", "r", "ms", "clips/s", "speed-up", upload ? "  with upload, ms" : "", "GMACs");
  }
  for (size_t i = 0; i < list.size(); ++i) {
    const double s = median(seconds[i]);
    const double speedup = dense < list.size() ? median(seconds[dense]) / s : 0;
    sta_flops f{};
    f.struct_size = sizeof(f);
    if (sta_engine_flops(engine.get(), list[i], &f, &err) != STA_OK) throw RunError(err.message);
    const double gmacs = static_cast<double>(f.total) / 1e9;
    if (json) {
      nlohmann::ordered_json out = {{"model", m.name},
                                    {"device", m.device},
                                    {"precision", m.precision},
                                    {"attention", m.attention},
                                    {"batch", batch},
                                    {"runs", runs},
                                    {"drop_number", list[i]},
                                    {"clip", clips.on_device() ? "device" : "memory"},
                                    {"seconds", s},
                                    {"min_seconds", *std::min_element(seconds[i].begin(), seconds[i].end())},
                                    {"clips_per_second", batch / s},
                                    {"speedup", dense < list.size() ? nlohmann::ordered_json(speedup) : nlohmann::ordered_json()},
                                    {"gmacs", gmacs}};
      if (upload) out["seconds_with_upload"] = median(uploads[i]);
      std::printf("%s\n", out.dump().c_str());
      continue;
    }
    char ratio[32] = "-", with_upload[32] = "";
    if (dense < list.size()) std::snprintf(ratio, sizeof(ratio), "%.2fx", speedup);
    if (upload) std::snprintf(with_upload, sizeof(with_upload), " %16.*f", clips.on_device() ? 2 : 1, median(uploads[i]) * 1e3);
    std::printf("%6d %10.*f %12.2f %12s%s %10.2f\n", list[i], clips.on_device() ? 2 : 1, s * 1e3, batch / s, ratio, with_upload, gmacs);
  }
  return 0;
}

}  // namespace cli
