// SPDX-License-Identifier: MIT
// The count against golden/flops.json part by part, and against the figures printed in the paper.
#include "model/flops.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace {

const std::pair<const char *, const char *> kArchs[] = {{"vits", "vit_small"}, {"vitb", "vit_base"}, {"vitl", "vit_large"}, {"vith", "vit_huge"}};

TEST(Flops, EveryPartOfEveryModel) {
  std::ifstream in(std::string(STA_GOLDEN_DIR) + "/flops.json");
  const auto root = nlohmann::json::parse(in);
  int compared = 0;
  for (const auto &[key, arch] : kArchs) {
    sta::ModelDescription m;
    ASSERT_TRUE(sta::describe_arch(arch, m));
    for (const auto &[r, entry] : root["models"][key]["r"].items()) {
      sta_flops f{};
      sta::count_flops(m, std::stoi(r), f);
      const auto &g = entry["groups"];
      EXPECT_EQ(f.patch_embed, g["patch_embed"].get<uint64_t>());
      EXPECT_EQ(f.qkv, g["qkv"].get<uint64_t>());
      EXPECT_EQ(f.attention_matmul, g["attention_matmul"].get<uint64_t>());
      EXPECT_EQ(f.proj, g["proj"].get<uint64_t>());
      EXPECT_EQ(f.mlp, g["mlp"].get<uint64_t>());
      EXPECT_EQ(f.layer_norm, g["layer_norm"].get<uint64_t>());
      EXPECT_EQ(f.scoring, g["sta_scoring"].get<uint64_t>()) << key << " r " << r;
      EXPECT_EQ(f.head, g["head"].get<uint64_t>());
      EXPECT_EQ(f.total, entry["total"].get<uint64_t>());
      ++compared;
    }
  }
  EXPECT_EQ(compared, 28);
}

TEST(Flops, ThePapersSixteenFigures) {
  const double paper[4][4] = {{57, 42, 35, 29}, {180, 136, 116, 96}, {597, 446, 376, 308}, {1192, 890, 748, 611}};
  const int drops[] = {0, 32, 48, 64};
  for (int a = 0; a < 4; ++a)
    for (int i = 0; i < 4; ++i) {
      sta::ModelDescription m;
      ASSERT_TRUE(sta::describe_arch(kArchs[a].second, m));
      sta_flops f{};
      sta::count_flops(m, drops[i], f);
      EXPECT_NEAR(static_cast<double>(f.total) / 1e9 / paper[a][i], 1.0, 0.007) << kArchs[a].second << " r " << drops[i];
    }
}

}  // namespace
