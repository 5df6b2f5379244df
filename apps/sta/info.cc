// SPDX-License-Identifier: MIT
// `sta info MODEL`: loads a model as the element would, and describes it.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "options.h"

namespace cli {
namespace {

// Measures passes with one window, and with the most windows that an engine batches by default.
std::vector<sta_pruning_cost> measure_pruning(const sta::Engine &engine, double budget) {
  std::vector<sta_pruning_cost> costs;
  for (const int batch : {1, sta::Engine::options().max_batch}) {
    sta_pruning_cost cost{};
    cost.struct_size = sizeof(cost);
    sta_error err;
    if (sta_engine_measure_pruning(engine.get(), batch, budget, &cost, &err) != STA_OK) throw RunError(err.message);
    costs.push_back(cost);
  }
  return costs;
}

nlohmann::ordered_json to_json(const sta_pruning_cost &c) {
  nlohmann::ordered_json out = {{"batch", c.batch}, {"pays_from", c.pays_from < 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(c.pays_from)}};
  for (int i = 0; i < c.count; ++i) out["seconds"].push_back({{"drop_number", c.drop_number[i]}, {"seconds", c.seconds[i]}});
  return out;
}

std::string to_text(const sta_pruning_cost &c) {
  char line[160];
  if (c.count < 2) {
    std::snprintf(line, sizeof(line), "batch %d: not measured, a pass takes too long for that (sta bench, or sta info --measure)", c.batch);
    return line;
  }
  char verdict[64] = "does not pay";
  if (c.pays_from >= 0) std::snprintf(verdict, sizeof(verdict), "pays from drop number %d on", c.pays_from);
  std::snprintf(line, sizeof(line), "batch %d: %s (a window takes %.2f ms with 0, %.2f ms with %d)", c.batch, verdict, c.seconds[0] * 1e3,
                c.seconds[c.count - 1] * 1e3, c.drop_number[c.count - 1]);
  return line;
}

}  // namespace

namespace {

// The settings that the element uses for events if no property says otherwise.
sta_timeline_options recommended(const sta::Engine &engine) {
  sta_timeline_options options;
  sta_timeline_options_init(&options);
  sta_engine_recommend_timeline(engine.get(), &options);
  return options;
}

nlohmann::ordered_json events_of(const sta::Engine &engine) {
  const sta_timeline_options o = recommended(engine);
  return {{"background", o.background >= 0 ? nlohmann::json(engine.label(o.background)) : nlohmann::json()},
          {"smoothing", o.smoothing},
          {"enter_threshold", o.enter_threshold},
          {"exit_threshold", o.exit_threshold},
          {"min_duration_s", static_cast<double>(o.min_duration) / 1e9},
          {"release_duration_s", static_cast<double>(o.release_duration) / 1e9}};
}

}  // namespace

int info(int argc, char **argv) {
  EngineFlags engine_flags;
  gboolean json = FALSE, measure = FALSE;
  const std::vector<GOptionEntry> own = {
      {"measure", 0, 0, G_OPTION_ARG_NONE, &measure, "Measure from which drop number on pruning pays (on a GPU: always)", nullptr},
      {"json", 'j', 0, G_OPTION_ARG_NONE, &json, "Print one JSON object", nullptr}};
  const auto rest = parse(argc, argv, "MODEL", "Loads a model folder or file and says what it is.", {engine_flags.entries(), own});
  if (rest.size() != 1) throw UsageError("one model is needed");
  const sta::Engine engine = engine_flags.open(rest[0]);
  const sta_model_info m = engine.info();
  std::vector<std::string> labels;
  for (int i = 0; i < m.num_classes; ++i) labels.push_back(engine.label(i));
  const std::vector<sta_pruning_cost> costs = m.max_drop_number > 0 && (measure || std::string(m.device) != "cpu")
                                                  ? measure_pruning(engine, measure ? 120 : 3)
                                                  : std::vector<sta_pruning_cost>();
  if (json) {
    nlohmann::ordered_json out = {{"name", m.name},
                                  {"path", m.path},
                                  {"architecture", m.architecture},
                                  {"parameters", m.num_parameters},
                                  {"frames", m.num_frames},
                                  {"sample_interval_s", static_cast<double>(m.sample_interval_ns) / 1e9},
                                  {"image", {m.image_height, m.image_width}},
                                  {"patch", m.patch},
                                  {"tubelet", m.tubelet},
                                  {"embed_dim", m.embed_dim},
                                  {"depth", m.depth},
                                  {"heads", m.num_heads},
                                  {"mlp_dim", m.mlp_dim},
                                  {"stage_depths", std::vector<int>(m.stage_depths, m.stage_depths + m.num_stages)},
                                  {"stage_heads", std::vector<int>(m.stage_heads, m.stage_heads + m.num_stages)},
                                  {"window", m.num_stages > 0 ? std::vector<int>(m.window, m.window + 3) : std::vector<int>()},
                                  {"tokens", m.num_tokens},
                                  {"max_drop_number", m.max_drop_number},
                                  {"still_threshold", effective_threshold(-1, m)},
                                  {"antialias", m.antialias != 0},
                                  {"multi_label", m.multi_label != 0},
                                  {"events", events_of(engine)},
                                  {"device", m.device},
                                  {"precision", m.precision},
                                  {"attention", m.attention},
                                  {"labels", labels},
                                  {"warnings", m.warnings}};
    for (const sta_pruning_cost &c : costs) out["pruning_cost"].push_back(to_json(c));
    std::printf("%s\n", out.dump().c_str());
    return 0;
  }
  const double interval = static_cast<double>(m.sample_interval_ns) / 1e9;
  std::printf("%s (%s), %.1f M parameters, %s\n", m.name, m.architecture, static_cast<double>(m.num_parameters) / 1e6, describe(m).c_str());
  std::printf("  input     %d frames of %dx%d, one every %.1f ms: a window of %.2f s, resized %s\n", m.num_frames, m.image_width, m.image_height,
              interval * 1e3, interval * m.num_frames, m.antialias ? "with antialiasing" : "bilinearly");
  if (m.num_stages > 0) {
    std::printf("  network   %d stages of", m.num_stages);
    for (int s = 0; s < m.num_stages; ++s) std::printf("%s %d", s ? "," : "", m.stage_depths[s]);
    std::printf(" blocks with");
    for (int s = 0; s < m.num_stages; ++s) std::printf("%s %d", s ? "," : "", m.stage_heads[s]);
    std::printf(" heads, width %d to %d, window %dx%dx%d, patch %d, tubelet %d\n", m.embed_dim, m.embed_dim << (m.num_stages - 1), m.window[0],
                m.window[1], m.window[2], m.patch, m.tubelet);
  } else {
    std::printf("  network   %d blocks, width %d, %d heads, MLP %d, patch %d, tubelet %d\n", m.depth, m.embed_dim, m.num_heads, m.mlp_dim, m.patch,
                m.tubelet);
  }
  const sta_timeline_options events = recommended(engine);
  std::printf("  events    from %.2f, below %.2f they end, after %.1f s%s%s\n", events.enter_threshold, events.exit_threshold,
              static_cast<double>(events.min_duration) / 1e9, events.background >= 0 ? "; never " : "",
              events.background >= 0 ? engine.label(events.background).c_str() : "");
  if (m.max_drop_number > 0)
    std::printf("  tokens    %d (%d a time step), drop number 0 to %d%s\n", m.num_tokens, m.tokens_per_step, m.max_drop_number,
                m.num_stages > 0 ? " of a frame of 784 (reconstructed)" : "");
  else
    std::printf("  tokens    %d (%d a time step), cannot be pruned\n", m.num_tokens, m.tokens_per_step);
  if (m.num_stages > 0)
    std::printf("  stillness none: a Video Swin needs all tokens\n");
  else if (m.still_threshold > 0)
    std::printf("  stillness threshold %g recommended: of %d tokens those that change less are dropped\n", effective_threshold(-1, m), m.num_tokens);
  else
    std::printf("  stillness no threshold recommended, so all %d tokens are used\n", m.num_tokens);
  for (const sta_pruning_cost &c : costs) std::printf("  pruning   %s\n", to_text(c).c_str());
  std::printf("  attention %s\n", m.attention);
  std::printf("  classes   %d%s:", m.num_classes, m.multi_label ? ", several may hold at once" : "");
  for (size_t i = 0; i < labels.size() && i < 12; ++i) std::printf("%s %s", i ? "," : "", labels[i].c_str());
  std::printf("%s\n", labels.size() > 12 ? ", ..." : "");
  return 0;
}

}  // namespace cli
