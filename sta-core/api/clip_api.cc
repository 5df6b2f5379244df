// SPDX-License-Identifier: MIT
// Implements sta.h: single clips without time or stream, clip files, and the FLOP count.
#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <mutex>

#include "api/c_api.h"
#include "checkpoint/formats/safetensors.h"
#include "engine/still_choice.h"
#include "model/flops.h"

using namespace sta;

struct sta_clip_result {
  at::Tensor logits;                          // f32 [B,n]
  std::vector<std::vector<at::Tensor>> kept;  // [B][4] int32: final tokens, call 1, 2, 3; empty if dense
  at::Tensor tokens;                          // [B,K] int32: that entered the first block; undefined: all of them
};

struct sta_device_clip {
  const Engine *engine;  // the clip has this engine's device and precision
  at::Tensor clip;       // [B,3,T,H,W]
  // What is still in it, by threshold. The first pass that asks finds it, because the pixels have to come to the host.
  mutable std::mutex mutex = {};
  mutable std::map<float, std::vector<StillTokens>> still = {};
};

namespace {

// input(): f32 [B,3,T,H,W], normalised. still(clip, threshold): the tokens of the clips that a pass sees.
template <typename Input, typename Still>
Result<std::unique_ptr<sta_clip_result>> run_clip(const Engine &engine, bool given, int32_t batch, const sta_forward_options &o, Input input,
                                                  Still still) {
  if (!given || batch < 1) return Error{STA_ERROR_INVALID_ARGUMENT, "a clip and a batch of at least 1 are needed"};
  if (o.pruning < STA_PRUNING_STA || o.pruning > STA_PRUNING_NONE) return Error{STA_ERROR_INVALID_ARGUMENT, "pruning should be sta, random or none"};
  PruneSettings prune{o.pruning, o.drop_number, {}};
  for (int32_t b = 0; b < batch; ++b) prune.seeds.push_back(o.seeds ? o.seeds[b] : o.seed + static_cast<uint64_t>(b));
  if (o.pruning != STA_PRUNING_NONE)
    if (auto s = engine.check_drop_number(o.drop_number); !s) return s.error();
  if (auto s = check_still_threshold(o.still_threshold, engine.description()); !s) return s.error();
  const at::Tensor clip = input();
  if (const float threshold = still_threshold(o.still_threshold, engine.description()); threshold > 0) prune.still = still(clip, threshold);
  auto forward = engine.forward(clip, prune);
  if (!forward) return std::move(forward).error();
  auto result = std::make_unique<sta_clip_result>();
  result->logits = forward->logits.cpu().contiguous();
  if (forward->input_tokens.defined()) result->tokens = forward->input_tokens.cpu().to(at::kInt).contiguous();
  if (forward->kept.empty()) return result;
  for (at::Tensor &kept : forward->kept) kept = kept.cpu();  // one copy for each call, not one for each item
  for (int32_t b = 0; b < batch; ++b) {
    std::vector<at::Tensor> calls(4);
    at::Tensor original;
    for (int call = 1; call <= 3; ++call) {
      const at::Tensor kept = forward->kept[call - 1].select(0, b);
      // A pyramid selects from the full grid of each stage again, so its last call names its final tokens.
      if (call == 1 && result->tokens.defined())
        original = result->tokens.select(0, b).to(at::kLong).index_select(0, kept);
      else
        original = call == 1 || engine.description().pyramid() ? kept : original.index_select(0, kept);
      calls[call] = kept.to(at::kInt).contiguous();
    }
    calls[0] = original.to(at::kInt).contiguous();
    result->kept.push_back(calls);
  }
  return result;
}

template <typename Input, typename Still>
sta_status forward(sta_engine *engine, bool given, int32_t batch, const sta_forward_options *options, sta_clip_result **result, sta_error *err,
                   Input input, Still still) {
  sta_forward_options o;
  sta_forward_options_init(&o);
  if (!result || !read_sized(options, o)) return report(bad_struct("forward options"), err);
  *result = nullptr;
  auto ran = guarded("forward pass", [&] { return run_clip(*engine->engine, given, batch, o, input, still); });
  if (!ran) {
    if (ran.error().status != STA_ERROR_INVALID_ARGUMENT) engine->engine->pass_failed();
    return report(ran.error(), err);
  }
  *result = ran->release();
  return report_ok(err);
}

bool all_given(const sta_engine *engine, const uint8_t *const *frames, int32_t batch) {
  bool given = frames != nullptr;
  if (given)
    for (int64_t i = 0; i < int64_t{batch} * engine->engine->description().num_frames; ++i) given = given && frames[i];
  return given;
}

Status count(const ModelDescription &m, int32_t drop_number, int32_t tokens, sta_flops *flops) {
  if (tokens != 0 && (!m.joint() || tokens < m.step_tokens() || tokens > m.tokens()))
    return Error{STA_ERROR_INVALID_ARGUMENT,
                 "tokens " + std::to_string(tokens) + " should be 0 (all of them)" +
                     (!m.joint() ? (m.pyramid() ? " for a Video Swin" : " for a TimeSformer")
                                 : " or " + std::to_string(m.step_tokens()) + " (one step) to " + std::to_string(m.tokens()))};
  if (drop_number < 0 || drop_number > m.max_drop_number())
    return Error{STA_ERROR_INVALID_ARGUMENT, "drop number " + std::to_string(drop_number) + " should be 0 to " + std::to_string(m.max_drop_number())};
  sta_flops f{};
  f.struct_size = sizeof(f);
  count_flops(m, drop_number, f, tokens);
  write_sized(f, flops);
  return ok();
}

}  // namespace

extern "C" {

void sta_forward_options_init_sized(sta_forward_options *options, size_t struct_size) {
  sta_forward_options o = {};
  o.still_threshold = -1;
  write_defaults(o, options, struct_size);
}

sta_status sta_engine_forward(sta_engine *engine, const float *clip, int32_t batch, const sta_forward_options *options, sta_clip_result **result,
                              sta_error *err) {
  const auto still = [&](const at::Tensor &input, float threshold) { return engine->engine->find_still_clip(input, threshold); };
  return forward(
      engine, clip != nullptr, batch, options, result, err,
      [&] {
        const ModelDescription &m = engine->engine->description();
        return at::from_blob(const_cast<float *>(clip), {batch, 3, m.num_frames, m.height, m.width}, at::kFloat);
      },
      still);
}

sta_status sta_engine_forward_frames(sta_engine *engine, const uint8_t *const *frames, int32_t batch, const sta_forward_options *options,
                                     sta_clip_result **result, sta_error *err) {
  return forward(
      engine, all_given(engine, frames, batch), batch, options, result, err, [&] { return engine->engine->clip_of(frames, batch); },
      [&](const at::Tensor &, float threshold) { return engine->engine->find_still_frames(frames, batch, threshold); });
}

sta_status sta_engine_upload_frames(sta_engine *engine, const uint8_t *const *frames, int32_t batch, sta_device_clip **clip, sta_error *err) {
  if (!clip) return report(Error{STA_ERROR_INVALID_ARGUMENT, "a place for the clip is needed"}, err);
  *clip = nullptr;
  return report(guarded("uploading clips",
                        [&]() -> Status {
                          if (batch < 1 || !all_given(engine, frames, batch))
                            return Error{STA_ERROR_INVALID_ARGUMENT, "frames and a batch of at least 1 are needed"};
                          const Engine &e = *engine->engine;
                          const c10::InferenceMode guard;
                          *clip = new sta_device_clip{&e, e.clip_of(frames, batch).to(e.model().type()).contiguous()};
                          e.wait_for_device();
                          return ok();
                        }),
                err);
}

sta_status sta_engine_forward_uploaded(sta_engine *engine, const sta_device_clip *clip, const sta_forward_options *options, sta_clip_result **result,
                                       sta_error *err) {
  if (clip && clip->engine != engine->engine.get()) return report(Error{STA_ERROR_INVALID_ARGUMENT, "the clip is another engine's"}, err);
  return forward(
      engine, clip != nullptr, clip ? static_cast<int32_t>(clip->clip.size(0)) : 0, options, result, err, [&] { return clip->clip; },
      [&](const at::Tensor &input, float threshold) {
        std::lock_guard lock(clip->mutex);
        const auto found = clip->still.find(threshold);
        return found != clip->still.end() ? found->second : clip->still[threshold] = engine->engine->find_still_clip(input, threshold);
      });
}

void sta_device_clip_free(sta_device_clip *clip) { delete clip; }

sta_status sta_engine_measure_pruning(sta_engine *engine, int32_t batch, double budget, sta_pruning_cost *cost, sta_error *err) {
  if (!cost || cost->struct_size < sizeof(size_t)) return report(bad_struct("pruning cost"), err);
  if (batch < 1 || batch > 1024 || !(budget >= 0))
    return report(Error{STA_ERROR_INVALID_ARGUMENT, "batch should be 1 to 1024, budget 0 or more seconds"}, err);
  auto measured = engine->engine->measure_pruning(batch, budget);
  if (!measured) return report(measured.error(), err);
  sta_pruning_cost c{};
  c.batch = batch;
  c.pays_from = -1;
  if (const std::optional<PruningCost> &found = *measured) {
    c.count = static_cast<int32_t>(std::min(found->drops.size(), std::size(c.drop_number)));
    std::copy_n(found->drops.begin(), c.count, c.drop_number);
    std::copy_n(found->seconds.begin(), c.count, c.seconds);
    c.pays_from = found->pays_from().value_or(-1);
  }
  write_sized(c, cost);
  return report_ok(err);
}

const float *sta_clip_result_logits(const sta_clip_result *result, int32_t *batch, int32_t *num_classes) {
  if (batch) *batch = static_cast<int32_t>(result->logits.size(0));
  if (num_classes) *num_classes = static_cast<int32_t>(result->logits.size(1));
  return result->logits.const_data_ptr<float>();
}

const int32_t *sta_clip_result_kept(const sta_clip_result *result, int32_t item, int32_t call, int32_t *count) {
  *count = 0;
  if (item < 0 || item >= static_cast<int32_t>(result->kept.size()) || call < 0 || call > 3) return nullptr;
  const at::Tensor &kept = result->kept[item][call];
  *count = static_cast<int32_t>(kept.numel());
  return kept.const_data_ptr<int32_t>();
}

const int32_t *sta_clip_result_tokens(const sta_clip_result *result, int32_t item, int32_t *count) {
  *count = 0;
  if (!result->tokens.defined() || item < 0 || item >= result->tokens.size(0)) return nullptr;
  *count = static_cast<int32_t>(result->tokens.size(1));
  return result->tokens[item].const_data_ptr<int32_t>();
}

void sta_clip_result_free(sta_clip_result *result) { delete result; }

sta_status sta_clip_result_save(const sta_clip_result *result, const char *path, sta_error *err) {
  return report(guarded("writing",
                        [&]() -> Status {
                          std::map<std::string, at::Tensor> tensors = {{"logits", result->logits}};
                          if (result->kept.size() == 1)
                            for (int call = 0; call <= 3; ++call)
                              tensors[call == 0 ? "final_tokens" : "kept_" + std::to_string(call)] = result->kept[0][call];
                          if (result->tokens.defined() && result->tokens.size(0) == 1) tensors["input_tokens"] = result->tokens[0];
                          return write_safetensors(text(path), tensors);
                        }),
                err);
}

sta_status sta_clip_load(const char *path, float **data, int32_t shape[5], sta_error *err) {
  *data = nullptr;
  return report(
      guarded("reading a clip",
              [&]() -> Status {
                auto file = read_safetensors(text(path));
                if (!file) return std::move(file).error();
                const auto it = file->tensors.find("clip");
                if (it == file->tensors.end()) return Error{STA_ERROR_BAD_MODEL, text(path) + ": holds no tensor named clip"};
                const at::Tensor &clip = it->second;
                if (clip.scalar_type() != at::kFloat || (clip.dim() != 4 && clip.dim() != 5) || clip.size(clip.dim() - 4) != 3 || clip.numel() == 0)
                  return Error{STA_ERROR_BAD_MODEL, text(path) + ": tensor clip should be F32 [3,T,H,W] or [B,3,T,H,W]"};
                for (int64_t d : clip.sizes())
                  if (d > INT32_MAX) return Error{STA_ERROR_BAD_MODEL, text(path) + ": tensor clip is too large"};
                for (int i = 0; i < 5; ++i)
                  shape[i] = clip.dim() == 5 ? static_cast<int32_t>(clip.size(i)) : i == 0 ? 1 : static_cast<int32_t>(clip.size(i - 1));
                *data = static_cast<float *>(std::malloc(clip.nbytes()));
                if (!*data) return Error{STA_ERROR_OUT_OF_MEMORY, "out of memory"};
                std::memcpy(*data, clip.const_data_ptr<float>(), clip.nbytes());
                return ok();
              }),
      err);
}

sta_status sta_flops_of(const char *arch_or_model, int32_t drop_number, sta_flops *flops, sta_error *err) {
  return sta_flops_of_tokens(arch_or_model, drop_number, 0, flops, err);
}

sta_status sta_flops_of_tokens(const char *arch_or_model, int32_t drop_number, int32_t tokens, sta_flops *flops, sta_error *err) {
  return report(guarded("counting",
                        [&]() -> Status {
                          std::string name = text(arch_or_model);
                          ModelDescription m;
                          if (name.rfind("arch:", 0) == 0) {
                            if (!describe_arch(name.substr(5), m))
                              return Error{STA_ERROR_INVALID_ARGUMENT, "architecture \"" + name.substr(5) + "\" should be " + arch_names()};
                          } else {
                            auto loaded = load_model(name, {});
                            if (!loaded) return std::move(loaded).error();
                            m = loaded->description;
                          }
                          return count(m, drop_number, tokens, flops);
                        }),
                err);
}

sta_status sta_engine_flops(sta_engine *engine, int32_t drop_number, sta_flops *flops, sta_error *err) {
  return sta_engine_flops_of_tokens(engine, drop_number, 0, flops, err);
}

sta_status sta_engine_flops_of_tokens(sta_engine *engine, int32_t drop_number, int32_t tokens, sta_flops *flops, sta_error *err) {
  return report(guarded("counting", [&] { return count(engine->engine->description(), drop_number, tokens, flops); }), err);
}

}  // extern "C"
