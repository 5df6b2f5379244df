// SPDX-License-Identifier: MIT
// `sta flops`: multiply-adds of one clip at several drop numbers, counted as the paper counts, beside the figures of
// its Tables 1 and 2.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "options.h"

namespace cli {
namespace {

// Ding et al., ICCV 2023, Tables 1 (Kinetics-400) and 2 (Something-Something V2): GFLOPs of one view at four drop
// numbers.
struct PaperRow {
  const char *arch;
  int drop_number[4];
  double gflops[4];
};
constexpr PaperRow kPaper[] = {
    {"vit_small", {0, 32, 48, 64}, {57, 42, 35, 29}},
    {"vit_base", {0, 32, 48, 64}, {180, 136, 116, 96}},
    {"vit_large", {0, 32, 48, 64}, {597, 446, 376, 308}},
    {"vit_huge", {0, 32, 48, 64}, {1192, 890, 748, 611}},
    {"video_swin_tiny", {0, 192, 256, 320}, {88, 68, 61, 54}},
    {"video_swin_small", {0, 192, 256, 320}, {166, 121, 106, 91}},
    {"video_swin_base", {0, 192, 256, 320}, {282, 202, 176, 149}},
    {"video_swin_base_w16", {0, 192, 256, 320}, {321, 241, 215, 188}},
};

const PaperRow *paper_row(const std::string &name) {
  for (const PaperRow &row : kPaper)
    if (name == row.arch) return &row;
  return nullptr;
}

std::optional<double> paper_figure(const std::string &name, int drop_number) {
  if (const PaperRow *row = paper_row(name))
    for (int i = 0; i < 4; ++i)
      if (row->drop_number[i] == drop_number) return row->gflops[i];
  return std::nullopt;
}

// tokens: that enter the first block; 0: all.
sta_flops count(const std::string &model, int drop_number, int tokens) {
  sta_flops f{};
  f.struct_size = sizeof(f);
  sta_error err;
  if (sta_flops_of_tokens(model.c_str(), drop_number, tokens, &f, &err) != STA_OK) throw RunError(err.message);
  return f;
}

void print_json(const std::string &name, int r, int tokens, const sta_flops &f) {
  nlohmann::ordered_json out = {{"model", name},
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
  if (tokens > 0) out["tokens"] = tokens;
  if (const auto paper = paper_figure(name, r); paper && tokens == 0) {
    out["paper_gflops"] = *paper;
    out["deviation"] = static_cast<double>(f.total) / 1e9 / *paper - 1;
  }
  std::printf("%s\n", out.dump().c_str());
}

void print_parts(const sta_flops &f) {
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

}  // namespace

int flops(int argc, char **argv) {
  Text arch, drops, token_list;
  gboolean json = FALSE, parts = FALSE;
  const std::vector<GOptionEntry> own = {
      {"arch", 'a', 0, G_OPTION_ARG_STRING, &arch.value,
       "vit_small, vit_base, vit_large, vit_huge, vivit_base, vjepa2_large, vjepa2_huge, vjepa2_giant, video_swin_tiny, video_swin_small, "
       "video_swin_base or video_swin_base_w16; without it and without MODEL: the eight of the paper",
       "NAME"},
      {"drop-number", 'r', 0, G_OPTION_ARG_STRING, &drops.value, "Default 0,32,48,64 (Video Swin: 0,192,256,320) for architectures, 0 for a model",
       "R,R,..."},
      {"tokens", 0, 0, G_OPTION_ARG_STRING, &token_list.value,
       "Tokens that enter the first block because the others are still, 0 = all; spread evenly over the time steps (plain ViTs)", "N,N,..."},
      {"parts", 0, 0, G_OPTION_ARG_NONE, &parts, "Also by part of the network", nullptr},
      {"json", 'j', 0, G_OPTION_ARG_NONE, &json, "Print one JSON object a line", nullptr}};
  const auto rest =
      parse(argc, argv, "[MODEL]",
            "Counts multiply-adds (1 MAC = 1) of one clip: LayerNorm 5 per element; softmax, GELU, sorting not counted. Beside them the "
            "paper's GFLOPs, where it has some, and how far the count is off.",
            {own});
  if (rest.size() > 1 || (rest.size() == 1 && arch.given())) throw UsageError("give one model, or --arch, or neither");
  std::vector<std::string> models;
  if (rest.size() == 1)
    models = {rest[0]};
  else if (arch.given())
    models = {"arch:" + arch.str()};
  else
    for (const PaperRow &row : kPaper)
      if (!token_list.given() || std::string(row.arch).starts_with("vit")) models.push_back(std::string("arch:") + row.arch);
  const std::vector<int> tokens = token_list.given() ? number_list(token_list.str(), "--tokens") : std::vector<int>{0};

  if (!json) {
    std::printf("%-24s %6s", "model", "r");
    if (token_list.given()) std::printf(" %8s", "tokens");
    std::printf(" %12s %8s %8s %8s\n", "GMACs", "of r=0", "paper", "off by");
  }
  for (const std::string &model : models) {
    const std::string name = model.rfind("arch:", 0) == 0 ? model.substr(5) : model;
    std::vector<int> list{0};
    if (drops.given())
      list = number_list(drops.str(), "--drop-number");
    else if (const PaperRow *row = paper_row(name); row && rest.empty())
      list.assign(row->drop_number, row->drop_number + 4);
    const double dense = static_cast<double>(count(model, 0, 0).total);
    for (const int r : list)
      for (const int n : tokens) {
        const sta_flops f = count(model, r, n);
        if (json) {
          print_json(name, r, n, f);
          continue;
        }
        const double total = static_cast<double>(f.total);
        std::printf("%-24s %6d", name.c_str(), r);
        if (token_list.given()) std::printf(" %8s", n > 0 ? std::to_string(n).c_str() : "all");
        std::printf(" %12.2f %7.1f%%", total / 1e9, 100 * total / dense);
        if (const auto paper = paper_figure(name, r); paper && n == 0) std::printf(" %8.0f %+7.2f%%", *paper, 100 * (total / 1e9 / *paper - 1));
        std::printf("\n");
        if (parts) print_parts(f);
      }
  }
  return 0;
}

}  // namespace cli
