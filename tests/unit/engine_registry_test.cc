// SPDX-License-Identifier: MIT
// Tests who shares an engine: callers that ask for the same, including the kernels that make a pass. The kernels are
// chosen per engine and not per process, so one process can compare two.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/stream.h"
#include "ops/attention.h"

namespace {

std::shared_ptr<sta::Engine> open(bool kernels, bool graphs) {
  sta::EngineOptions options;
  options.model = std::string(STA_GOLDEN_MADE_DIR) + "/checkpoints/micro_hf";
  options.device = "cpu";
  options.cuda_kernels = kernels;
  options.cuda_graphs = graphs;
  auto engine = sta::Engine::open(options);
  EXPECT_TRUE(engine) << engine.error().message;
  return engine ? *std::move(engine) : nullptr;
}

TEST(EngineRegistry, TheSameOptionsTheSameEngine) {
  const auto first = open(true, true);
  EXPECT_EQ(first, open(true, true));
}

TEST(EngineRegistry, OtherKernelsAnotherEngine) {
  const auto graphs = open(true, true), kernels = open(true, false), aten = open(false, false);
  EXPECT_NE(graphs, kernels);
  EXPECT_NE(kernels, aten);
  EXPECT_NE(graphs, aten);
}

TEST(EngineCosts, AreMeasuredWithinABudget) {
  const auto engine = open(true, true);
  auto cost = engine->measure_pruning(2, 100);
  ASSERT_TRUE(cost) << cost.error().message;
  ASSERT_TRUE(*cost);
  EXPECT_EQ((*cost)->drops, (std::vector<int>{0, 2, 4, 6, 8}));
  for (const double seconds : (*cost)->seconds) EXPECT_GT(seconds, 0);
  cost = engine->measure_pruning(1, 0);
  ASSERT_TRUE(cost);
  EXPECT_FALSE(*cost) << "no time for it";
}

std::atomic<int> g_attentions{0};

// drop-number=auto: the cost is measured before the first window of a batch size, and never again.
TEST(EngineCosts, AreMeasuredOnceForAnAdaptiveStream) {
  auto engine = open(true, true);
  sta::StreamOptions options;
  options.blocking = true;
  options.drop_number = STA_DROP_AUTO;
  auto stream = sta::Stream::create(engine, options);
  ASSERT_TRUE(stream) << stream.error().message;
  sta::ops::attention_hook = [](sta::ops::AttentionKernel) {
    ++g_attentions;
    return true;
  };
  int frames = 0;
  const auto next_window = [&](int samples) {
    g_attentions = 0;
    for (const int until = frames + 4 * samples; frames < until; ++frames) {
      const std::vector<uint8_t> gray(64 * 64, static_cast<uint8_t>(frames));
      sta_frame f;
      sta_frame_init(&f);
      f.format = STA_FORMAT_GRAY8;
      f.full_range = 1;
      f.width = f.height = f.stride[0] = 64;
      f.plane[0] = gray.data();
      f.time = static_cast<uint64_t>(frames) * 1'000'000'000 / 30;
      f.duration = 1'000'000'000 / 30;
      EXPECT_TRUE((*stream)->push(f));
    }
    return g_attentions.load();
  };
  const int first = next_window(16), second = next_window(4), third = next_window(4);
  sta::ops::attention_hook = nullptr;
  EXPECT_GE(first, 2 * 6 + 6) << "two dense passes at least, which may have taken too long, and the window's own";
  EXPECT_GT(first, second);
  EXPECT_EQ(second, 6);
  EXPECT_EQ(third, 6);
}

}  // namespace
