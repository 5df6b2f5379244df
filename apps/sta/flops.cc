// SPDX-License-Identifier: MIT
// `sta flops`: multiply-adds of one clip at several drop numbers, counted as the paper counts.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "options.h"

namespace cli {

int flops(int argc, char **argv) {
  Text arch, drops;
  gboolean json = FALSE, parts = FALSE;
  const std::vector<GOptionEntry> own = {
      {"arch", 'a', 0, G_OPTION_ARG_STRING, &arch.value, "vit_small, vit_base, vit_large or vit_huge; without it and without MODEL: all four",
       "NAME"},
      {"drop-number", 'r', 0, G_OPTION_ARG_STRING, &drops.value, "Default 0,32,48,64 for architectures, 0 for a model", "R,R,..."},
      {"parts", 0, 0, G_OPTION_ARG_NONE, &parts, "Also by part of the network", nullptr},
      {"json", 'j', 0, G_OPTION_ARG_NONE, &json, "Print one JSON object a line", nullptr}};
  const auto rest = parse(argc, argv, "[MODEL]",
                          "Counts multiply-adds (1 MAC = 1) of one clip: LayerNorm 5 per element; softmax, GELU, sorting not counted.", {own});
  if (rest.size() > 1 || (rest.size() == 1 && arch.given())) throw UsageError("give one model, or --arch, or neither");
  std::vector<std::string> models;
  if (rest.size() == 1)
    models = {rest[0]};
  else if (arch.given())
    models = {"arch:" + arch.str()};
  else
    models = {"arch:vit_small", "arch:vit_base", "arch:vit_large", "arch:vit_huge"};
  const std::vector<int> list = number_list(drops.given() ? drops.str() : rest.size() == 1 ? "0" : "0,32,48,64", "--drop-number");

  if (!json) std::printf("%-24s %6s %12s %8s\n", "model", "r", "GMACs", "of r=0");
  for (const std::string &model : models) {
    double dense = 0;
    for (size_t i = 0; i <= list.size(); ++i) {
      // Index 0 is the dense count that the others are compared with.
      const int r = i == 0 ? 0 : list[i - 1];
      sta_flops f{};
      f.struct_size = sizeof(f);
      sta_error err;
      if (sta_flops_of(model.c_str(), r, &f, &err) != STA_OK) throw RunError(err.message);
      if (i == 0) {
        dense = static_cast<double>(f.total);
        continue;
      }
      const std::string name = model.rfind("arch:", 0) == 0 ? model.substr(5) : model;
      if (json) {
        const nlohmann::ordered_json out = {{"model", name},
                                            {"drop_number", r},
                                            {"total", f.total},
                                            {"patch_embed", f.patch_embed},
                                            {"qkv", f.qkv},
                                            {"attention_matmul", f.attention_matmul},
                                            {"proj", f.proj},
                                            {"mlp", f.mlp},
                                            {"layer_norm", f.layer_norm},
                                            {"sta_scoring", f.scoring},
                                            {"head", f.head}};
        std::printf("%s\n", out.dump().c_str());
        continue;
      }
      std::printf("%-24s %6d %12.2f %7.1f%%\n", name.c_str(), r, static_cast<double>(f.total) / 1e9, 100 * static_cast<double>(f.total) / dense);
      if (parts)
        for (const auto &[part, value] : {std::pair{"patch embedding", f.patch_embed},
                                          {"qkv", f.qkv},
                                          {"attention", f.attention_matmul},
                                          {"projection", f.proj},
                                          {"MLP", f.mlp},
                                          {"layer norm", f.layer_norm},
                                          {"STA scoring", f.scoring},
                                          {"head", f.head}})
          std::printf("  %-28s %12.3f\n", part, static_cast<double>(value) / 1e9);
    }
  }
  return 0;
}

}  // namespace cli
