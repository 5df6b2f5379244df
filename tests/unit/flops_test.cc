// SPDX-License-Identifier: MIT
// Tests the count of multiply-adds: against golden/flops.json part by part, and against the figures printed in the
// paper.
#include "model/flops.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <tuple>

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

// Written out from the shapes of the networks: a class token that is in no group, a pooler on the tokens that are left.
TEST(Flops, OfViVit) {
  sta::ModelDescription m;
  ASSERT_TRUE(sta::describe_arch("vivit_base", m));
  ASSERT_EQ(m.tokens(), 3136);
  sta_flops dense{}, pruned{};
  sta::count_flops(m, 0, dense);
  sta::count_flops(m, 98, pruned);
  const auto block = [](uint64_t l) { return 12 * l * 768 * 768 + 2 * l * l * 768 + 10 * l * 768; };
  const uint64_t rest = 3136ull * 768 * 1536 + 5 * 768 + 768 * 400;
  EXPECT_EQ(dense.total, rest + 12 * block(3137));
  // 16 groups of 196 lose 98, then 8 of 196, then 4 of 196: half of the patches each time.
  EXPECT_EQ(pruned.total - pruned.scoring, rest + block(3137) + 4 * block(1569) + 4 * block(785) + 3 * block(393));
  EXPECT_GT(pruned.scoring, 0u);
  EXPECT_LT(static_cast<double>(pruned.total) / static_cast<double>(dense.total), 0.4);
}

TEST(Flops, OfVjepa2) {
  for (const auto &[name, c, depth, mlp] : {std::tuple{"vjepa2_large", 1024ull, 24ull, 4096ull}, {"vjepa2_giant", 1408ull, 40ull, 6144ull}}) {
    sta::ModelDescription m;
    ASSERT_TRUE(sta::describe_arch(name, m));
    ASSERT_EQ(m.tokens(), 2048);
    EXPECT_EQ(m.max_drop_number(), 128);
    const auto block = [c = c](uint64_t l, uint64_t f) { return 4 * l * c * c + 2 * l * c * f + 2 * l * l * c + 10 * l * c; };
    const auto pooler = [&, c = c](uint64_t l) {
      return 5 * l * c + 3 * block(l, 4 * c) + 5 * l * c + 5 * c + 2 * l * c * c + 2 * l * c + 8 * c * c;
    };
    const uint64_t rest = 2048 * c * 1536 + c * 174;
    sta_flops dense{}, pruned{};
    sta::count_flops(m, 0, dense);
    sta::count_flops(m, 128, pruned);
    EXPECT_EQ(dense.total, rest + depth * block(2048, mlp) + pooler(2048)) << name;
    const uint64_t second = depth / 3, third = 2 * depth / 3;
    EXPECT_EQ(pruned.total - pruned.scoring, rest + block(2048, mlp) + second * block(1024, mlp) + (third - second) * block(512, mlp) +
                                                 (depth - third - 1) * block(256, mlp) + pooler(256))
        << name;
  }
}

// Attention to time needs T times T pairs for each place, attention to space n_s + 1 squared for each step.
TEST(Flops, OfTimeSformer) {
  sta::ModelDescription m;
  m.divided = m.class_token = true;
  m.mean_pooling = false;
  m.tubelet = 1;
  m.num_frames = 8;
  m.embed_dim = 768;
  m.depth = m.num_heads = 12;
  m.mlp_dim = 3072;
  m.num_classes = 400;
  sta_flops f{};
  sta::count_flops(m, 0, f);
  EXPECT_EQ(f.attention_matmul, 12ull * 2 * 768 * (196 * 8 * 8 + 8 * 197 * 197));
  EXPECT_EQ(f.qkv, 12ull * 3 * 768 * 768 * (8 * 196 + 8 * 197));
  EXPECT_EQ(f.mlp, 12ull * 2 * 768 * 3072 * (1 + 8 * 196));
  // The paper of TimeSformer says 0.59 TFLOPs for three crops.
  EXPECT_NEAR(static_cast<double>(f.total) / 1e9, 197, 2);
}

// Sixteen more figures, of Video Swin. Its pruning is a reconstruction, and these figures are its only check
// (model/video_swin.h).
TEST(Flops, ThePapersSixteenFiguresOfVideoSwin) {
  const std::pair<const char *, std::array<double, 4>> paper[] = {{"video_swin_tiny", {88, 68, 61, 54}},
                                                                  {"video_swin_small", {166, 121, 106, 91}},
                                                                  {"video_swin_base", {282, 202, 176, 149}},
                                                                  {"video_swin_base_w16", {321, 241, 215, 188}}};
  const int drops[] = {0, 192, 256, 320};
  for (const auto &[arch, figures] : paper)
    for (int i = 0; i < 4; ++i) {
      sta::ModelDescription m;
      ASSERT_TRUE(sta::describe_arch(arch, m));
      sta_flops f{};
      sta::count_flops(m, drops[i], f);
      EXPECT_NEAR(static_cast<double>(f.total) / 1e9 / figures[i], 1.0, 0.005) << arch << " r " << drops[i];
      EXPECT_EQ(f.total, f.patch_embed + f.qkv + f.attention_matmul + f.proj + f.mlp + f.layer_norm + f.scoring + f.head);
    }
}

// The published figures prove this: attention inside windows is not reduced, and everything that is saved grows with
// the square of the width.
TEST(Flops, VideoSwinSavesLinearMapsOnly) {
  uint64_t saved[2] = {};
  for (const auto &[arch, which] : {std::pair{"video_swin_base", 0}, {"video_swin_base_w16", 1}}) {
    sta::ModelDescription m;
    ASSERT_TRUE(sta::describe_arch(arch, m));
    sta_flops dense{}, pruned{};
    sta::count_flops(m, 0, dense);
    sta::count_flops(m, 320, pruned);
    EXPECT_EQ(dense.attention_matmul, pruned.attention_matmul);
    EXPECT_EQ(dense.patch_embed, pruned.patch_embed);
    EXPECT_EQ(dense.scoring, 0u);
    saved[which] = dense.total - pruned.total;
    // Each dropped token saves 12 C² per block. Stages 2, 3 and 4 drop 4, 6 and 8 times 320 tokens, counted in units of
    // the third stage, whose width is 512.
    const uint64_t tokens = 320 * (2 * 4 + 18 * 6 + 2 * 8);
    EXPECT_EQ(dense.qkv + dense.proj + dense.mlp - pruned.qkv - pruned.proj - pruned.mlp, tokens * 12 * 512 * 512);
  }
  EXPECT_EQ(saved[0], saved[1]) << "whatever the window";
}

TEST(Flops, UnknownArchitecture) {
  sta::ModelDescription m;
  EXPECT_FALSE(sta::describe_arch("video_swin_large", m));
  EXPECT_FALSE(sta::describe_arch("", m));
}

}  // namespace
