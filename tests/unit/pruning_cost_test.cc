// SPDX-License-Identifier: MIT
// Tests whether pruning pays, on simulated machines: what is measured, what is concluded from it, and that
// load-adaptive pruning does not prune where it does not pay.
#include "engine/pruning_cost.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "engine/drop_controller.h"

namespace {

using sta::DropController;
using sta::DropState;
using sta::PruningCost;

constexpr uint64_t kSecond = 1'000'000'000;

double work(int r) { return 180e9 - 1.3e9 * r + 0.8e6 * r * r; }

// Milliseconds measured on an H200, or similar numbers: ViT-S at batch 1 and ViT-B at batch 32.
const PruningCost kDoesNotPay{{0, 24, 49, 74, 98}, {0.83e-3, 0.95e-3, 0.91e-3, 0.86e-3, 0.84e-3}};
const PruningCost kPays{{0, 24, 49, 74, 98}, {0.87e-3, 0.75e-3, 0.60e-3, 0.48e-3, 0.40e-3}};
const PruningCost kPaysLate{{0, 24, 49, 74, 98}, {1.36e-3, 1.45e-3, 1.25e-3, 1.05e-3, 0.90e-3}};

TEST(PruningCost, LiesOnTheLinesBetweenWhatWasMeasured) {
  EXPECT_DOUBLE_EQ(kPays.at(0), 0.87e-3);
  for (size_t i = 0; i < kPays.drops.size(); ++i) EXPECT_NEAR(kPays.at(kPays.drops[i]), kPays.seconds[i], 1e-12);
  EXPECT_NEAR(kPays.at(61), 0.54e-3, 1e-5);
  // Next to 0 it costs more than the dense pass: any pruning adds its calls.
  EXPECT_GT(kPaysLate.at(1), 1.6e-3);
  const PruningCost two{{0, 8}, {1, 0.5}};
  EXPECT_DOUBLE_EQ(two.at(3), 0.5);
  const PruningCost one{{0}, {1}};
  EXPECT_DOUBLE_EQ(one.at(3), 1);
}

TEST(PruningCost, FromWhereOnItPays) {
  EXPECT_EQ(kDoesNotPay.pays_from(), std::nullopt);
  EXPECT_EQ(kPays.pays_from(), 7);
  EXPECT_EQ(kPaysLate.pays_from(), 39);
  EXPECT_EQ((PruningCost{{0, 10, 20}, {1, 0.99, 0.985}}).pays_from(), std::nullopt) << "less than 2 %";
  EXPECT_EQ((PruningCost{{0}, {1}}).pays_from(), std::nullopt);
}

TEST(PruningCost, NumbersToMeasure) {
  EXPECT_EQ(sta::drops_to_measure(98), (std::vector<int>{0, 24, 49, 73, 98}));
  EXPECT_EQ(sta::drops_to_measure(2), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(sta::drops_to_measure(0), (std::vector<int>{0}));
}

// A machine with hiccups. The first passes of each number take longer, and the third is a hiccup that must not count.
TEST(PruningCost, MeasuresWarmPasses) {
  std::map<int, int> seen;
  std::mt19937 random(1);
  const auto pass = [&](int r) {
    const int n = seen[r]++;
    if (n == 2) return 0.0;
    const double warm = 4 * (1e-3 - 5e-6 * r);
    return n < 2 ? 10 * warm : random() % 3 == 0 ? 7 * warm : warm;
  };
  const auto cost = sta::measure_pruning_cost({0, 49, 98}, 4, 10, pass);
  ASSERT_TRUE(cost);
  EXPECT_EQ(cost->drops, (std::vector<int>{0, 49, 98}));
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(cost->seconds[i], 1e-3 - 5e-6 * cost->drops[i], 1e-9) << "of one window";
}

TEST(PruningCost, LeavesSlowMachinesAlone) {
  int passes = 0;
  EXPECT_FALSE(sta::measure_pruning_cost({0, 49, 98}, 1, 0.5, [&](int) { return ++passes, 0.1; }));
  EXPECT_EQ(passes, 2);
  EXPECT_FALSE(sta::measure_pruning_cost({0, 49, 98}, 1, 0.5, [](int) { return 0.0; })) << "no pass counted";
}

// ---- what load-adaptive pruning does with it

// Windows per second that take the share `load` of the time without pruning.
double demand(const PruningCost &cost, double load) { return load / cost.seconds[0]; }

TEST(DropControllerCost, DoesNotPruneWhereItDoesNotPay) {
  DropController controller(98, work);
  controller.learn(1, kDoesNotPay);
  DropState state;
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    const int r = controller.choose(state, demand(kDoesNotPay, 3.0), 0, 0, 98, i % 3 == 0, static_cast<uint64_t>(i) * kSecond / 10);
    ASSERT_EQ(r, 0) << "whatever is lost, dropping tokens does not help";
    controller.measured(r, kDoesNotPay.at(r) * std::uniform_real_distribution<double>(0.9, 1.1)(random), 1);
  }
  EXPECT_GT(controller.load(), 2);
}

TEST(DropControllerCost, PrunesFromWhereItPays) {
  for (const double load : {1.0, 1.2, 1.5}) {
    DropController controller(98, work);
    controller.learn(1, kPaysLate);
    DropState state;
    std::set<int> used;
    int last = 0;
    for (int i = 0; i < 600; ++i) {
      last = controller.choose(state, demand(kPaysLate, load), 0, 0, 98, false, static_cast<uint64_t>(i) * kSecond / 10);
      used.insert(last);
      controller.measured(last, kPaysLate.at(last), 1);
    }
    EXPECT_GE(last, *kPaysLate.pays_from()) << load;
    for (const int r : used) EXPECT_TRUE(r == 0 || r >= *kPaysLate.pays_from()) << r;
    EXPECT_LE(controller.load(), load < 1.1 ? DropController::kHigh : load);
  }
}

TEST(DropControllerCost, EachBatchSizeHasItsOwn) {
  DropController controller(98, work);
  controller.learn(1, kDoesNotPay);
  controller.learn(4, kPays);
  EXPECT_TRUE(controller.knows(1) && controller.knows(4));
  EXPECT_FALSE(controller.knows(2));
  DropState alone, together;
  controller.measured(0, kDoesNotPay.seconds[0], 1);
  EXPECT_EQ(controller.choose(alone, 2000, 0, 0, 98, true, 0), 0);
  controller.measured(0, kPays.seconds[0], 4);
  EXPECT_EQ(controller.choose(together, 2000, 0, 0, 98, true, 0), 98);
  // A size in between uses the next smaller one.
  controller.measured(0, kDoesNotPay.seconds[0], 2);
  DropState between;
  EXPECT_EQ(controller.choose(between, 2000, 0, 0, 98, true, 0), 0);
}

// If it could not be measured, it is learned: a machine that is no faster with the largest numbers stops using them.
TEST(DropControllerCost, LeavesWhatDoesNotPayAfterAll) {
  DropController controller(98, work);
  controller.learn(1, std::nullopt);
  EXPECT_TRUE(controller.knows(1)) << "and is not measured again";
  DropState state;
  int r = 0;
  for (int i = 0; i < 100; ++i) {
    r = controller.choose(state, 1, 0, 0, 98, false, static_cast<uint64_t>(i) * kSecond);
    controller.measured(r, 1.0, 1);  // the same at any number
  }
  const int rising = r;
  EXPECT_GT(rising, 0) << "nothing was known, so it was tried";
  controller.learn(1, PruningCost{{0, 49, 98}, {1, 1.1, 1.1}});
  for (int i = 100; i < 110; ++i) r = controller.choose(state, 1, 0, 0, 98, false, static_cast<uint64_t>(i) * kSecond);
  EXPECT_EQ(r, 0);
}

TEST(DropControllerCost, BoundsStay) {
  DropController controller(98, work);
  controller.learn(1, kDoesNotPay);
  DropState state;
  for (int i = 0; i < 50; ++i) {
    const int r = controller.choose(state, 5000, 0, 10, 50, true, static_cast<uint64_t>(i) * kSecond);
    EXPECT_GE(r, 10);
    EXPECT_LE(r, 50);
  }
}

}  // namespace
