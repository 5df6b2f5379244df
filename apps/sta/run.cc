// SPDX-License-Identifier: MIT
// `sta run MODEL --clip F.safetensors`: runs forward passes on clip tensors, and gives logits and kept tokens to
// whoever wants to check or use the numbers.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "options.h"

namespace cli {
namespace {

struct FreeResult {
  void operator()(sta_clip_result *r) const { sta_clip_result_free(r); }
};
using ClipResult = std::unique_ptr<sta_clip_result, FreeResult>;

struct FreeMemory {
  void operator()(float *p) const { sta_free(p); }
};

void check_shape(const sta_model_info &m, const int32_t shape[5]) {
  if (shape[2] == m.num_frames && shape[3] == m.image_height && shape[4] == m.image_width) return;
  throw RunError("the clip has " + std::to_string(shape[2]) + " frames of " + std::to_string(shape[3]) + "x" + std::to_string(shape[4]) +
                 ", the model needs " + std::to_string(m.num_frames) + " of " + std::to_string(m.image_height) + "x" + std::to_string(m.image_width) +
                 " (tensor clip: [B,3,T,H,W])");
}

// A Video Swin file takes any size and mostly does not say one. Then this takes the clip's size.
sta::Engine open_for(const EngineFlags &flags, const std::string &model, const ImageSize &clip) {
  sta::Engine engine = flags.open(model);
  const sta_model_info m = engine.info();
  if (flags.image_size.given() || m.num_stages == 0 || (m.image_height == clip.height && m.image_width == clip.width)) return engine;
  return flags.open(model, clip);
}

// What a clip took.
struct Spent {
  int tokens = 0;  // that entered the first block
  double gmacs = 0;
};

void print_clip(const sta::Engine &engine, int index, const float *logits, int n, const Spent &spent, bool json) {
  std::vector<int> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  const int k = std::min(5, n);
  std::partial_sort(order.begin(), order.begin() + k, order.end(), [&](int a, int b) { return logits[a] > logits[b]; });
  double sum = 0;
  for (int i = 0; i < n; ++i) sum += std::exp(static_cast<double>(logits[i] - logits[order[0]]));
  const bool multi_label = engine.info().multi_label != 0;
  const auto confidence = [&](int c) {
    return multi_label ? 1 / (1 + std::exp(-static_cast<double>(logits[c]))) : std::exp(static_cast<double>(logits[c] - logits[order[0]])) / sum;
  };
  if (json) {
    nlohmann::ordered_json out = {{"clip", index},
                                  {"top", nlohmann::json::array()},
                                  {"tokens", spent.tokens},
                                  {"gmacs", spent.gmacs},
                                  {"logits", std::vector<float>(logits, logits + n)}};
    for (int i = 0; i < k; ++i) out["top"].push_back({{"class", order[i]}, {"label", engine.label(order[i])}, {"confidence", confidence(order[i])}});
    std::printf("%s\n", out.dump().c_str());
    return;
  }
  std::printf("clip %d", index);
  if (spent.tokens < engine.info().num_tokens) std::printf(", %d of %d tokens", spent.tokens, engine.info().num_tokens);
  std::printf("\n");
  for (int i = 0; i < k; ++i)
    std::printf("  %6.2f %%  %-30s logit %.5f\n", 100 * confidence(order[i]), engine.label(order[i]).c_str(), logits[order[i]]);
}

}  // namespace

int run(int argc, char **argv) {
  EngineFlags engine_flags;
  PruneFlags prune_flags;
  Text clip_path, dump;
  int drop_number = 0, batch = 8;
  double still = -1;
  gboolean json = FALSE;
  const std::vector<GOptionEntry> own = {
      {"clip", 'c', 0, G_OPTION_ARG_FILENAME, &clip_path.value, "Tensor \"clip\", F32 [3,T,H,W] or [B,3,T,H,W], already normalised",
       "FILE.safetensors"},
      {"drop-number", 'r', 0, G_OPTION_ARG_INT, &drop_number, "Tokens dropped per group and pruning call, 0 (default) = none", "R"},
      {"still-threshold", 0, 0, G_OPTION_ARG_DOUBLE, &still, kStillHelp, "X"},
      {"batch", 'b', 0, G_OPTION_ARG_INT, &batch, "Clips in one forward pass, default 8; they take as many tokens as the one that changes most", "N"},
      {"dump", 0, 0, G_OPTION_ARG_FILENAME, &dump.value, "Write logits and, for one clip, kept_1, kept_2, kept_3, final_tokens, input_tokens",
       "FILE.safetensors"},
      {"json", 'j', 0, G_OPTION_ARG_NONE, &json, "Print one JSON object a clip", nullptr}};
  const auto rest = parse(argc, argv, "MODEL", "Runs a model on clip tensors and prints the most probable classes.",
                          {own, engine_flags.entries(), prune_flags.entries()});
  if (rest.size() != 1) throw UsageError("one model is needed");
  if (!clip_path.given()) throw UsageError("--clip FILE.safetensors is needed");
  if (batch < 1 || batch > 1024) throw UsageError("--batch should be 1 to 1024");
  if (drop_number < 0) throw UsageError("--drop-number should be 0 or more");

  sta_forward_options options = prune_flags.options(drop_number);
  options.still_threshold = static_cast<float>(checked_threshold(still, "--still-threshold"));
  sta_error err;
  float *data = nullptr;
  int32_t shape[5];
  if (sta_clip_load(clip_path.str().c_str(), &data, shape, &err) != STA_OK) throw RunError(err.message);
  const std::unique_ptr<float, FreeMemory> clips(data);
  const sta::Engine engine = open_for(engine_flags, rest[0], {shape[3], shape[4]});
  check_shape(engine.info(), shape);
  if (dump.given() && shape[0] > batch) throw UsageError("--dump writes one forward pass: give --batch " + std::to_string(shape[0]) + " or more");
  const size_t clip_size = static_cast<size_t>(3) * static_cast<size_t>(shape[2]) * static_cast<size_t>(shape[3]) * static_cast<size_t>(shape[4]);
  for (int32_t first = 0; first < shape[0]; first += batch) {
    const int32_t count = std::min(batch, shape[0] - first);
    sta_forward_options these = options;
    these.seed += static_cast<uint64_t>(first);  // so a clip is pruned the same, whatever --batch is
    sta_clip_result *raw = nullptr;
    if (sta_engine_forward(engine.get(), data + clip_size * static_cast<size_t>(first), count, &these, &raw, &err) != STA_OK)
      throw RunError(err.message);
    const ClipResult result(raw);
    int32_t b = 0, n = 0;
    const float *logits = sta_clip_result_logits(raw, &b, &n);
    for (int32_t i = 0; i < b; ++i) {
      Spent spent{tokens_of(raw, i, engine.info()), 0};
      spent.gmacs = static_cast<double>(flops_of(engine, options.pruning == STA_PRUNING_NONE ? 0 : drop_number, spent.tokens).total) / 1e9;
      print_clip(engine, first + i, logits + static_cast<ptrdiff_t>(i) * n, n, spent, json);
    }
    if (dump.given() && sta_clip_result_save(raw, dump.str().c_str(), &err) != STA_OK) throw RunError(err.message);
  }
  return 0;
}

}  // namespace cli
