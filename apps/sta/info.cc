// SPDX-License-Identifier: MIT
// `sta info MODEL`: loads a model as the element would and says what it is.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "options.h"

namespace cli {

namespace {

// What the element tells events with, where no property says otherwise.
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
  gboolean json = FALSE;
  const std::vector<GOptionEntry> own = {{"json", 'j', 0, G_OPTION_ARG_NONE, &json, "Print one JSON object", nullptr}};
  const auto rest = parse(argc, argv, "MODEL", "Loads a model folder or file and says what it is.", {engine_flags.entries(), own});
  if (rest.size() != 1) throw UsageError("one model is needed");
  const sta::Engine engine = engine_flags.open(rest[0]);
  const sta_model_info m = engine.info();
  std::vector<std::string> labels;
  for (int i = 0; i < m.num_classes; ++i) labels.push_back(engine.label(i));
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
                                  {"antialias", m.antialias != 0},
                                  {"multi_label", m.multi_label != 0},
                                  {"events", events_of(engine)},
                                  {"device", m.device},
                                  {"precision", m.precision},
                                  {"attention", m.attention},
                                  {"labels", labels},
                                  {"warnings", m.warnings}};
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
  std::printf("  attention %s\n", m.attention);
  std::printf("  classes   %d%s:", m.num_classes, m.multi_label ? ", several may hold at once" : "");
  for (size_t i = 0; i < labels.size() && i < 12; ++i) std::printf("%s %s", i ? "," : "", labels[i].c_str());
  std::printf("%s\n", labels.size() > 12 ? ", ..." : "");
  return 0;
}

}  // namespace cli
