// SPDX-License-Identifier: MIT
// Fuzz target: the JSON files of a model folder whose weights are good. The input is config.json,
// preprocessor_config.json and model.safetensors.index.json, with a zero byte between them. A part that the input lacks
// is not written as a file. FUZZ_WEIGHTS is the .safetensors file of the tiny model.
#include <cmath>
#include <string_view>

#include "checkpoint/model_folder.h"
#include "fuzz_support.h"

namespace {

// Checks the values that a window, a scaler and a model rely on.
void check_description(const sta::ModelDescription &m) {
  FUZZ_CHECK(m.num_frames >= 1 && m.num_frames <= 1024 && m.height >= 1 && m.height <= 4096 && m.width >= 1 && m.width <= 4096, "%d frames of %dx%d",
             m.num_frames, m.width, m.height);
  FUZZ_CHECK(m.short_side >= std::min(m.height, m.width) && m.short_side <= 4096, "short side %d", m.short_side);
  FUZZ_CHECK(m.num_heads >= 1 && m.embed_dim % m.num_heads == 0, "%d heads of %d", m.num_heads, m.embed_dim);
  FUZZ_CHECK(m.block_eps > 0 && m.block_eps < 1 && m.fc_norm_eps > 0 && m.fc_norm_eps < 1, "eps %g and %g", m.block_eps, m.fc_norm_eps);
  for (int c = 0; c < 3; ++c) {
    const float scale = 1.0f / (255.0f * m.std[c]);
    FUZZ_CHECK(std::isfinite(m.mean[c]) && std::isfinite(scale) && scale > 0 && std::isfinite(m.mean[c] / m.std[c]), "mean %g, std %g", m.mean[c],
               m.std[c]);
  }
  const uint64_t interval = m.spacing.times(1);  // ns: 0.1 ms to an hour
  FUZZ_CHECK(m.spacing.den > 0 && interval >= 100'000 && interval <= 3'600'000'000'000, "a sample every %llu ns",
             static_cast<unsigned long long>(interval));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const sta::fuzz::Scratch scratch;
  static const std::string weights = [] {
    std::filesystem::copy_file(FUZZ_WEIGHTS, scratch / "weights.safetensors");
    return scratch / "weights.safetensors";
  }();
  std::error_code none;
  std::string_view rest(reinterpret_cast<const char *>(data), size);
  bool index = false;
  for (const char *name : {"config.json", "preprocessor_config.json", "model.safetensors.index.json"}) {
    std::filesystem::remove(scratch / name, none);
    const size_t end = std::min(rest.find('\0'), rest.size());
    if (end == 0 && std::string_view(name) != "config.json") continue;
    scratch.write(name, rest.data(), end);
    index = std::string_view(name) == "model.safetensors.index.json";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::filesystem::remove(scratch / "model.safetensors", none);
  if (!index) std::filesystem::create_hard_link(weights, scratch / "model.safetensors");

  auto config = sta::guarded("reading", [&] { return sta::read_config(scratch.path(), {}); });
  if (!config)
    sta::fuzz::check_error(config.error());
  else
    check_description(*config);
  auto model = sta::guarded("loading", [&] { return sta::load_model(scratch.path(), {}); });
  if (!model)
    sta::fuzz::check_error(model.error());
  else
    FUZZ_CHECK(static_cast<int>(model->description.labels.size()) == model->description.num_classes, "%zu labels", model->description.labels.size());
  return 0;
}
