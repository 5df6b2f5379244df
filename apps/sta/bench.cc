// SPDX-License-Identifier: MIT
// `sta bench`: speed at several drop numbers and shares of still tokens. One process runs all of them in turns, so other load on the machine hits
// them alike, and it compares medians. The ratio of two such medians means something even if the times themselves do
// not.
//
// It times the forward pass, with the clip already where the model is: in memory for a CPU, uploaded before for a GPU.
// On a GPU it also times the whole way from 8-bit pictures in system memory, as the windows of a stream come. With --still
// it times that way alone, because still tokens are found in the pictures.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
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

// Of pixels that are drawn by chance: differences of moving tokens are far above it.
constexpr float kThreshold = 0.1f;

// Makes that share of a clip's tokens still: they repeat the pixels of the step before. clip: u8 [T,H,W,3].
void make_still(uint8_t *clip, double share, const sta_model_info &m, std::mt19937 &random) {
  const int columns = m.image_width / m.patch, step = m.tokens_per_step;
  std::vector<int> tokens(static_cast<size_t>(m.num_tokens - step));
  std::iota(tokens.begin(), tokens.end(), step);
  std::shuffle(tokens.begin(), tokens.end(), random);
  tokens.resize(static_cast<size_t>(std::lround(share * m.num_tokens)));
  std::sort(tokens.begin(), tokens.end());  // a token repeats what the step before has become
  const size_t row = size_t{3} * static_cast<size_t>(m.image_width), bytes = size_t{3} * static_cast<size_t>(m.patch);
  for (const int token : tokens)
    for (int y = 0; y < m.tubelet * m.patch; ++y) {
      const int frame = token / step * m.tubelet + y / m.patch, line = token % step / columns * m.patch + y % m.patch;
      uint8_t *to = clip + (static_cast<size_t>(frame) * static_cast<size_t>(m.image_height) + static_cast<size_t>(line)) * row +
                    static_cast<size_t>(token % columns) * bytes;
      std::memcpy(to, to - static_cast<size_t>(m.tubelet) * static_cast<size_t>(m.image_height) * row, bytes);
    }
}

// The clips of one pass, in each form that is timed.
class Clips {
 public:
  // still: the share of still tokens; below 0: not asked for.
  Clips(const sta::Engine &engine, int batch, bool upload, double still) : engine_(engine), batch_(batch), pictures_only_(still >= 0) {
    const sta_model_info m = engine.info();
    on_device_ = std::string(m.device) != "cpu";
    std::mt19937 random(1);
    if (!on_device_ && !pictures_only_) {
      std::normal_distribution<float> normal;
      normalised_.resize(static_cast<size_t>(batch) * 3 * static_cast<size_t>(m.num_frames) * static_cast<size_t>(m.image_height) *
                         static_cast<size_t>(m.image_width));
      for (float &v : normalised_) v = normal(random);
    }
    if (!on_device_ && !upload && !pictures_only_) return;
    // With more than 32 clips the pictures repeat.
    const size_t picture = size_t{3} * static_cast<size_t>(m.image_height) * static_cast<size_t>(m.image_width);
    const size_t pictures = static_cast<size_t>(std::min(batch, 32)) * static_cast<size_t>(m.num_frames);
    pixels_.resize(pictures * picture);
    for (uint8_t &v : pixels_) v = static_cast<uint8_t>(random());
    for (size_t i = 0; i < static_cast<size_t>(batch) * static_cast<size_t>(m.num_frames); ++i) frames_.push_back(&pixels_[i % pictures * picture]);
    for (size_t at = 0; still > 0 && at < pictures; at += static_cast<size_t>(m.num_frames)) make_still(&pixels_[at * picture], still, m, random);
    if (!on_device_ || pictures_only_) return;
    sta_device_clip *clip = nullptr;
    sta_error err;
    if (sta_engine_upload_frames(engine.get(), frames_.data(), batch, &clip, &err) != STA_OK) throw RunError(err.message);
    device_.reset(clip);
  }
  bool on_device() const { return on_device_; }
  // Where the clip is when a pass begins.
  const char *where() const { return pictures_only_ ? "pictures" : on_device_ ? "device" : "memory"; }
  // Tokens of a clip that enter the first block.
  int tokens(const sta_forward_options &options) const {
    if (!pictures_only_) return engine_.info().num_tokens;
    sta_clip_result *result = nullptr;
    sta_error err;
    if (sta_engine_forward_frames(engine_.get(), frames_.data(), batch_, &options, &result, &err) != STA_OK) throw RunError(err.message);
    const int tokens = tokens_of(result, 0, engine_.info());
    sta_clip_result_free(result);
    return tokens;
  }

  double pass_seconds(const sta_forward_options &options) const {
    if (pictures_only_) return upload_seconds(options);
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
  const bool pictures_only_;
  bool on_device_ = false;
  std::vector<float> normalised_;        // f32 [B,3,T,H,W], for a CPU
  std::vector<uint8_t> pixels_;          // u8 [.., H,W,3]
  std::vector<const uint8_t *> frames_;  // B * T
  std::unique_ptr<sta_device_clip, Free> device_;
};

// "0,0.5,0.8" -> shares of still tokens. The first step never is still.
std::vector<double> still_shares(const std::string &text, const sta_model_info &m) {
  const double most = m.num_stages > 0 ? 0 : 1 - static_cast<double>(m.tokens_per_step) / m.num_tokens;
  std::vector<double> shares;
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    const std::string part = text.substr(at, comma - at);
    char *end = nullptr;
    const double share = g_ascii_strtod(part.c_str(), &end);
    if (part.empty() || *end != 0 || !(share >= 0 && share <= most)) {
      char most_text[32];
      std::snprintf(most_text, sizeof(most_text), "%g", most);
      throw UsageError("--still \"" + text + "\" should be shares of still tokens from 0 to " + most_text +
                       (m.num_stages > 0 ? ": a Video Swin needs all tokens" : " (the first step never is still)"));
    }
    shares.push_back(share);
    at = comma + 1;
  }
  return shares;
}

// One line of the table.
struct Row {
  size_t clips;  // which
  double still;  // the share that was asked for; below 0: none was
  int drop_number;
  int tokens = 0;
  std::vector<double> seconds{}, uploads{};
};

}  // namespace

int bench(int argc, char **argv) {
  EngineFlags engine_flags;
  PruneFlags prune_flags;
  Text arch, drops, still;
  int runs = 10, warmup = 2, batch = 1;
  gboolean json = FALSE, upload = FALSE;
  const std::vector<GOptionEntry> own = {
      {"arch", 'a', 0, G_OPTION_ARG_STRING, &arch.value,
       "An architecture with generated weights instead of MODEL: vit_small, vit_base, vit_large, vit_huge, vivit_base, vjepa2_large, "
       "vjepa2_huge, vjepa2_giant, video_swin_tiny, video_swin_small, video_swin_base or video_swin_base_w16",
       "NAME"},
      {"drop-number", 'r', 0, G_OPTION_ARG_STRING, &drops.value, "Default 0,32,48,64 (Video Swin: 0,192,256,320) for architectures", "R,R,..."},
      {"still", 0, 0, G_OPTION_ARG_STRING, &still.value,
       "Shares of still tokens in the clips, 0 to 1 less one step; then passes are timed from 8-bit pictures, in which still tokens are found",
       "S,S,..."},
      {"runs", 'n', 0, G_OPTION_ARG_INT, &runs, "Timed runs of each, default 10", "N"},
      {"warmup", 'w', 0, G_OPTION_ARG_INT, &warmup, "Runs before that, default 2", "N"},
      {"batch", 'b', 0, G_OPTION_ARG_INT, &batch, "Clips in one forward pass, default 1", "N"},
      {"upload", 'u', 0, G_OPTION_ARG_NONE, &upload, "Beside it, the pass together with the way of its pictures there (on a GPU: always)", nullptr},
      {"json", 'j', 0, G_OPTION_ARG_NONE, &json, "Print one JSON object a line of the table", nullptr}};
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

  const std::vector<double> shares = still.given() ? still_shares(still.str(), m) : std::vector<double>{-1};
  std::vector<Clips> clips;
  std::vector<Row> rows;
  const auto options_of = [&](const Row &row) {
    sta_forward_options options = prune_flags.options(row.drop_number);
    options.still_threshold = row.still > 0 ? kThreshold : 0;
    return options;
  };
  clips.reserve(shares.size());
  for (const double share : shares) {
    clips.emplace_back(engine, batch, upload, share);
    for (const int r : list) {
      rows.push_back({clips.size() - 1, share, r});
      rows.back().tokens = clips.back().tokens(options_of(rows.back()));
    }
  }
  const bool on_device = clips[0].on_device();
  if (on_device) upload = TRUE;
  if (still.given()) upload = FALSE;  // what is timed has it
  const bool show = isatty(STDERR_FILENO);
  for (int run = -warmup; run < runs; ++run) {
    if (show) std::fprintf(stderr, "\r%s %d of %d ", run < 0 ? "warm-up" : "run", run < 0 ? run + warmup + 1 : run + 1, run < 0 ? warmup : runs);
    for (Row &row : rows) {
      const sta_forward_options options = options_of(row);
      const double s = clips[row.clips].pass_seconds(options), u = upload ? clips[row.clips].upload_seconds(options) : 0;
      if (run < 0) continue;
      row.seconds.push_back(s);
      row.uploads.push_back(u);
    }
  }
  if (show) std::fprintf(stderr, "\r%30s\r", "");

  const Row *dense = nullptr;
  for (const Row &row : rows)
    if (row.drop_number == 0 && row.still <= 0) dense = &row;
  if (!json) {
    std::printf("%s, %s, batch %d, median of %d warm runs, all lines interleaved\n", m.name, describe(m).c_str(), batch, runs);
    if (still.given())
      std::printf("ms, clips/s, speed-up: the pass from 8-bit pictures in system memory, with the search for still tokens\n");
    else if (upload)
      std::printf(
          "ms, clips/s, speed-up: the clip is %s; with upload: the same pass from 8-bit pictures in system memory, as a stream's windows come\n",
          on_device ? "on the device already" : "normalised already");
    if (still.given()) std::printf("%6s %8s ", "still", "tokens");
    std::printf("%6s %10s %12s %12s%s %10s\n", "r", "ms", "clips/s", "speed-up", upload ? "  with upload, ms" : "", "GMACs");
  }
  for (const Row &row : rows) {
    const double s = median(row.seconds);
    const double speedup = dense ? median(dense->seconds) / s : 0;
    const double gmacs = static_cast<double>(flops_of(engine, row.drop_number, row.tokens).total) / 1e9;
    if (json) {
      nlohmann::ordered_json out = {{"model", m.name},
                                    {"device", m.device},
                                    {"precision", m.precision},
                                    {"attention", m.attention},
                                    {"batch", batch},
                                    {"runs", runs},
                                    {"drop_number", row.drop_number},
                                    {"tokens", row.tokens},
                                    {"clip", clips[row.clips].where()},
                                    {"seconds", s},
                                    {"min_seconds", *std::min_element(row.seconds.begin(), row.seconds.end())},
                                    {"clips_per_second", batch / s},
                                    {"speedup", dense ? nlohmann::ordered_json(speedup) : nlohmann::ordered_json()},
                                    {"gmacs", gmacs}};
      if (still.given()) out["still"] = row.still;
      if (upload) out["seconds_with_upload"] = median(row.uploads);
      std::printf("%s\n", out.dump().c_str());
      continue;
    }
    char ratio[32] = "-", with_upload[32] = "";
    if (dense) std::snprintf(ratio, sizeof(ratio), "%.2fx", speedup);
    if (upload) std::snprintf(with_upload, sizeof(with_upload), " %16.*f", on_device ? 2 : 1, median(row.uploads) * 1e3);
    if (still.given()) std::printf("%6g %8d ", row.still, row.tokens);
    std::printf("%6d %10.*f %12.2f %12s%s %10.2f\n", row.drop_number, on_device ? 2 : 1, s * 1e3, batch / s, ratio, with_upload, gmacs);
  }
  return 0;
}

}  // namespace cli
