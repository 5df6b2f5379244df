// SPDX-License-Identifier: MIT
// Tests which passes are captured, replayed and given up. The backend captures nothing but remembers; like a graph, it
// reads its own input. Also runs a whole model through the cache: the output must be the model's. No CUDA graph is made
// here, because that takes a GPU (bench/gpu_bench.cc compares there).
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "model/graphed_model.h"
#include "model/vit.h"
#include "support/golden.h"

namespace {

using sta::ForwardOutput;
using sta::GraphCache;

// Tensors this small are not worth a second thread.
const bool g_one_thread = (at::set_num_threads(1), true);

// Records what the backends of a test have done.
struct Log {
  std::vector<int64_t> captured_batches;
  int alive = 0;
  int fail_next = 0;           // captures to come that throw
  bool out_of_memory = false;  // as c10::OutOfMemoryError
};

class FakeGraph : public sta::CapturedForward {
 public:
  FakeGraph(Log &log, const at::Tensor &clip, sta::GraphBackend::Forward forward)
      : log_(log), input_(at::empty_like(clip)), forward_(std::move(forward)) {
    ++log_.alive;
  }
  ~FakeGraph() override { --log_.alive; }
  ForwardOutput replay(const at::Tensor &clip) override {
    input_.copy_(clip);
    return forward_(input_);
  }

 private:
  Log &log_;
  at::Tensor input_;
  sta::GraphBackend::Forward forward_;
};

class FakeBackend : public sta::GraphBackend {
 public:
  explicit FakeBackend(Log &log) : log_(log) {}
  std::unique_ptr<sta::CapturedForward> capture(const at::Tensor &clip, const Forward &forward) override {
    if (log_.fail_next > 0) {
      --log_.fail_next;
      TORCH_CHECK_WITH(OutOfMemoryError, !log_.out_of_memory, "no memory");
      TORCH_CHECK(false, "cannot be captured");
    }
    log_.captured_batches.push_back(clip.size(0));
    return std::make_unique<FakeGraph>(log_, clip, forward);
  }

 private:
  Log &log_;
};

// A pass that doubles its clip.
class Passes {
 public:
  explicit Passes(GraphCache::Limits limits) : cache_(std::make_unique<FakeBackend>(log), limits) {}
  bool run(int64_t batch, int drop) {
    const at::Tensor clip = at::full({batch, 2}, static_cast<double>(++value_));
    const ForwardOutput out = cache_.run({batch, drop}, clip, [this](const at::Tensor &input) {
      ++forwards;
      ForwardOutput result;
      result.logits = input * 2;
      return result;
    });
    EXPECT_TRUE(at::equal(out.logits, clip * 2));
    return out.warming;
  }
  void times(int n, int64_t batch, int drop) {
    for (int i = 0; i < n; ++i) run(batch, drop);
  }
  GraphCache::Stats stats() const { return cache_.stats(); }
  void clear() { cache_.clear(); }

  Log log;
  int forwards = 0;

 private:
  GraphCache cache_;
  int value_ = 0;
};

GraphCache::Limits limits(size_t graphs, uint64_t patience) {
  GraphCache::Limits l;
  l.graphs = graphs;
  l.patience = patience;
  return l;
}

TEST(GraphCache, CapturesTheThirdPassOfAKeyAndReplaysFromThenOn) {
  ASSERT_TRUE(g_one_thread);
  Passes p(limits(4, 0));
  EXPECT_FALSE(p.run(1, 64));
  EXPECT_FALSE(p.run(1, 64));
  EXPECT_EQ(p.stats().captured, 0u);
  EXPECT_TRUE(p.run(1, 64)) << "the pass that is captured says that it took longer";
  EXPECT_EQ(p.stats().captured, 1u);
  EXPECT_FALSE(p.run(1, 64));
  EXPECT_EQ(p.stats().replayed, 2u);
  EXPECT_EQ(p.stats().eager, 2u);
}

TEST(GraphCache, AGraphIsForOneBatchAndOneDropNumber) {
  Passes p(limits(8, 0));
  p.times(5, 1, 64);
  p.times(5, 1, 32);
  p.times(5, 2, 64);
  EXPECT_EQ(p.log.captured_batches, (std::vector<int64_t>{1, 1, 2}));
  EXPECT_EQ(p.stats().graphs, 3u);
  EXPECT_EQ(p.stats().eager, 6u);
}

TEST(GraphCache, TheOneNotUsedForLongestGivesItsPlaceAfterAWhile) {
  Passes p(limits(2, 4));
  p.times(3, 1, 1);
  p.times(3, 1, 2);
  p.run(1, 1);
  p.times(3, 1, 3);  // key 2 was used four passes ago at the third of these
  EXPECT_EQ(p.stats().captured, 3u);
  EXPECT_EQ(p.stats().given_up, 1u);
  EXPECT_EQ(p.log.alive, 2);
  const uint64_t replayed = p.stats().replayed;
  p.run(1, 1);
  EXPECT_EQ(p.stats().replayed, replayed + 1) << "the one used later stayed";
}

// drop-number=auto uses more drop numbers in turn than there are places. The graphs stay; the other passes are
// ordinary.
TEST(GraphCache, DoesNotCaptureInTurns) {
  Passes p(limits(2, 50));
  for (int round = 0; round < 40; ++round)
    for (int drop = 0; drop < 5; ++drop) p.run(1, drop);
  EXPECT_EQ(p.stats().captured, 2u);
  EXPECT_EQ(p.stats().given_up, 0u);
  EXPECT_EQ(p.stats().eager + p.stats().replayed, 200u);
  EXPECT_GE(p.stats().replayed, 2u * 37u);
}

TEST(GraphCache, AKeyThatCannotBeCapturedStaysOrdinary) {
  Passes p(limits(4, 0));
  p.log.fail_next = 100;
  p.times(20, 1, 64);
  EXPECT_EQ(p.stats().failed, 2u);
  EXPECT_EQ(p.stats().eager, 20u);
  EXPECT_EQ(p.log.fail_next, 98) << "two attempts";
  p.log.fail_next = 0;
  p.times(4, 1, 32);
  EXPECT_EQ(p.stats().captured, 1u) << "other keys are captured all the same";
  p.times(4, 1, 64);
  EXPECT_EQ(p.stats().captured, 1u);
  p.clear();
  EXPECT_EQ(p.log.alive, 0);
  p.times(4, 1, 64);
  EXPECT_EQ(p.stats().captured, 2u) << "forgotten with the rest";
}

TEST(GraphCache, WhenMemoryRunsOutTheOthersGo) {
  Passes p(limits(4, 0));
  p.times(3, 1, 1);
  p.times(3, 1, 2);
  ASSERT_EQ(p.log.alive, 2);
  p.log.fail_next = 1;
  p.log.out_of_memory = true;
  p.times(3, 4, 1);
  EXPECT_EQ(p.log.alive, 0);
  EXPECT_EQ(p.stats().given_up, 2u);
  p.run(4, 1);
  EXPECT_EQ(p.stats().captured, 3u) << "the second attempt has the memory";
  p.run(1, 1);
  EXPECT_EQ(p.stats().captured, 4u) << "and who had one gets it back when it is needed";
}

TEST(GraphCache, WhatItRemembersIsBounded) {
  GraphCache::Limits l = limits(2, 1000);
  l.keys = 8;
  Passes p(l);
  p.times(3, 1, 0);
  for (int drop = 1; drop <= 100; ++drop) p.run(1, drop);
  // Each of them, except the newest, was forgotten before it came up again.
  for (int drop = 1; drop <= 90; ++drop) p.times(1, 1, drop);
  EXPECT_EQ(p.stats().captured, 1u);
  const uint64_t replayed = p.stats().replayed;
  p.run(1, 0);
  EXPECT_EQ(p.stats().replayed, replayed + 1) << "keys with a graph are never forgotten";
}

// If the pass itself fails, the error goes to its caller, as without graphs. A single failure is no reason to give up
// on the key for good; two are.
TEST(GraphCache, ErrorsOfThePassReachTheCaller) {
  Log log;
  GraphCache cache(std::make_unique<FakeBackend>(log), limits(2, 0));
  const auto failing = [](const at::Tensor &) -> ForwardOutput { TORCH_CHECK(false, "the pass failed"); };
  for (int i = 0; i < 3; ++i) EXPECT_THROW(cache.run({1, 0}, at::zeros({1}), failing), c10::Error);
}

TEST(GraphCache, ManyThreads) {
  Log log;
  GraphCache cache(std::make_unique<FakeBackend>(log), limits(3, 5));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const at::Tensor clip = at::full({1 + i % 2, 3}, static_cast<double>(t * 1000 + i));
        const ForwardOutput out = cache.run({1 + i % 2, i % 3}, clip, [](const at::Tensor &input) {
          ForwardOutput result;
          result.logits = input + 1;
          return result;
        });
        if (!at::equal(out.logits, clip + 1)) ++wrong;
      }
    });
  for (std::thread &thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_EQ(cache.stats().eager + cache.stats().replayed, 800u);
  EXPECT_EQ(static_cast<size_t>(log.alive), cache.stats().graphs);
}

class GraphedVit : public testing::Test {
 protected:
  void SetUp() override {
    description_ = golden::describe("micro");
    weights_ = golden::weights(description_, 1);
    plain_ = std::make_unique<sta::Vit>(description_, weights_, at::kFloat, at::kCPU);
    auto model = std::make_unique<sta::Vit>(description_, weights_, at::kFloat, at::kCPU);
    graphed_ = std::make_unique<sta::GraphedModel>(std::move(model), std::make_unique<FakeBackend>(log_));
  }
  const c10::InferenceMode guard_;
  Log log_;
  sta::ModelDescription description_;
  sta::StateDict weights_;
  std::unique_ptr<sta::Vit> plain_;
  std::unique_ptr<sta::GraphedModel> graphed_;
};

TEST_F(GraphedVit, IsTheModelBitForBit) {
  for (int round = 0; round < 5; ++round)
    for (const int r : {0, 5, 8})
      for (const int64_t batch : {1, 2}) {
        std::vector<at::Tensor> clips;
        for (int64_t b = 0; b < batch; ++b) clips.push_back(golden::clip("noise", 64, static_cast<uint64_t>(10 * round + r + b)));
        const at::Tensor clip = at::stack(clips);
        const sta::PruneSettings settings{STA_PRUNING_STA, r, {}};
        const ForwardOutput want = plain_->forward(clip, settings), got = graphed_->forward(clip, settings);
        EXPECT_TRUE(at::equal(got.logits, want.logits)) << round << " r " << r << " batch " << batch;
        ASSERT_EQ(got.kept.size(), want.kept.size());
        for (size_t i = 0; i < want.kept.size(); ++i) EXPECT_TRUE(at::equal(got.kept[i], want.kept[i]));
      }
  EXPECT_EQ(graphed_->stats().captured, 6u);
  EXPECT_EQ(graphed_->stats().replayed, 18u);
  EXPECT_EQ(graphed_->description().name, plain_->description().name);
}

TEST_F(GraphedVit, PassesThatCannotBeCapturedAreNot) {
  const at::Tensor clip = golden::clip("noise", 64, 1).unsqueeze(0);
  int blocks = 0;
  sta::ForwardProbe probe;
  probe.block = [&](int, const at::Tensor &) { ++blocks; };
  for (int i = 0; i < 5; ++i) {
    graphed_->forward(clip, {STA_PRUNING_RANDOM, 5, {static_cast<uint64_t>(i)}});
    graphed_->forward(clip, {STA_PRUNING_STA, 5, {}}, &probe);
  }
  EXPECT_EQ(graphed_->stats().captured + graphed_->stats().eager, 0u);
  EXPECT_EQ(blocks, 5 * description_.depth);
  // Nothing is dropped here, so it is the dense pass, whatever the rule: one graph serves all.
  for (const sta_pruning rule : {STA_PRUNING_RANDOM, STA_PRUNING_STA, STA_PRUNING_NONE}) graphed_->forward(clip, {rule, 0, {}});
  EXPECT_EQ(graphed_->stats().captured, 1u);
}

}  // namespace
