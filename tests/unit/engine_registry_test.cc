// SPDX-License-Identifier: MIT
// Who shares an engine: those that ask for the same, down to the kernels that a pass is made by. That choice is an engine's and not the process's, so two
// can be compared in one process.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "engine/engine.h"

namespace {

std::shared_ptr<sta::Engine> open(bool kernels, bool graphs) {
  sta::EngineOptions options;
  options.model = std::string(STA_GOLDEN_DIR) + "/checkpoints/micro_hf";
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

}  // namespace
