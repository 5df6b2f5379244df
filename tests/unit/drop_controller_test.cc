// SPDX-License-Identifier: MIT
// Tests load-adaptive pruning against a simulated machine. It must settle on the smallest drop number that keeps up,
// follow the load up and down, not flap, and keep its bounds.
#include "engine/drop_controller.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace {

using sta::DropState;

// A controller with one stream, as most tests need it.
struct DropController : sta::DropController {
  using sta::DropController::choose;
  using sta::DropController::DropController;
  int choose(double demand, double reserved, int min, int max, bool skipped, uint64_t now) {
    return choose(state, demand, reserved, min, max, skipped, now);
  }
  DropState state;
};

constexpr uint64_t kSecond = 1'000'000'000;

// Multiply-adds of ViT-B, roughly: from 180 down to 60 G at r = 98.
double work(int r) { return 180e9 - 1.3e9 * r + 0.8e6 * r * r; }

// A machine whose cost does not follow the multiply-adds exactly: `form` is the rest of the cost.
struct Machine {
  double pace;  // seconds per multiply-add
  double form(int r) const { return 1 + 0.002 * r; }
  double seconds(int r) const { return pace * work(r) * form(r); }
};

// Runs streams that ask for `demand` windows a second, for `seconds`; returns the drop numbers used.
std::vector<int> simulate(DropController &controller, const Machine &machine, double demand, double seconds, uint64_t &now, std::mt19937 &random,
                          int min = 0, int max = 98, double noise = 0.1) {
  std::vector<int> used;
  const uint64_t end = now + static_cast<uint64_t>(seconds * 1e9);
  while (now < end) {
    const int r = controller.choose(demand, 0, min, max, false, now);
    used.push_back(r);
    const double took = machine.seconds(r) * (1 + noise * std::uniform_real_distribution<double>(-1, 1)(random));
    controller.measured(r, took);
    now += static_cast<uint64_t>(std::max(took, 1 / demand) * 1e9);
  }
  return used;
}

TEST(DropController, StaysDenseWhereThereIsRoom) {
  std::mt19937 random(1);
  uint64_t now = 0;
  DropController controller(98, work);
  for (int r : simulate(controller, {0.1 / 180e9}, 2, 60, now, random)) EXPECT_EQ(r, 0);
  EXPECT_NEAR(controller.load(), 0.2, 0.05);
}

TEST(DropController, SettlesOnTheSmallestThatKeepsUp) {
  std::mt19937 random(2);
  uint64_t now = 0;
  DropController controller(98, work);
  const Machine machine{0.7 / 180e9};  // dense: 0.7 s; 2 windows a second: 0.5 s each
  const auto used = simulate(controller, machine, 2, 120, now, random);
  const int last = used.back();
  EXPECT_GT(last, 0);
  EXPECT_LE(2 * machine.seconds(last), 1.0);
  // No much smaller number would do.
  EXPECT_GT(2 * machine.seconds(std::max(0, last - 25)), DropController::kLow);
}

TEST(DropController, DoesNotFlap) {
  std::mt19937 random(3);
  for (const double dense : {0.3, 0.4, 0.5, 0.6, 0.7, 0.8}) {
    uint64_t now = 0;
    DropController controller(98, work);
    simulate(controller, {dense / 180e9}, 2, 60, now, random);
    const auto used = simulate(controller, {dense / 180e9}, 2, 300, now, random);
    int changes = 0;
    for (size_t i = 1; i < used.size(); ++i) changes += used[i] != used[i - 1];
    EXPECT_LE(changes, 12) << dense;
  }
}

TEST(DropController, FollowsTheLoadUpAndDown) {
  std::mt19937 random(4);
  uint64_t now = 0;
  DropController controller(98, work);
  const Machine quick{0.2 / 180e9}, busy{0.9 / 180e9};
  EXPECT_EQ(simulate(controller, quick, 2, 30, now, random).back(), 0);
  const auto rising = simulate(controller, busy, 2, 30, now, random);
  EXPECT_GT(rising.back(), 40);
  // It reacts at once: within a handful of windows, not a minute.
  EXPECT_GT(rising[std::min<size_t>(8, rising.size() - 1)], 30);
  EXPECT_EQ(simulate(controller, quick, 2, 120, now, random).back(), 0);
}

TEST(DropController, KeepsItsBounds) {
  std::mt19937 random(5);
  uint64_t now = 0;
  DropController controller(98, work);
  for (int r : simulate(controller, {2.0 / 180e9}, 2, 60, now, random, 10, 50)) {
    EXPECT_GE(r, 10);
    EXPECT_LE(r, 50);
  }
  EXPECT_GT(controller.load(), 1.0);  // does not keep up, and says so
  for (int r : simulate(controller, {0.01 / 180e9}, 2, 60, now, random, 33, 35)) {
    EXPECT_GE(r, 33);
    EXPECT_LE(r, 35);
  }
}

// One stream that may drop nothing, one that may drop all: neither affects the other.
TEST(DropController, StreamsWithOtherBoundsStandAlone) {
  DropController controller(98, work);
  controller.measured(0, 0.4);  // two streams with two windows a second each: 1.6 of the time
  DropState free, bound;
  const int first = controller.choose(free, 4, 0, 0, 98, false, 0);
  EXPECT_GT(first, 0);
  for (uint64_t i = 1; i < 20; ++i) {
    EXPECT_EQ(controller.choose(bound, 4, 0, 0, 0, false, i * 100'000'000), 0);
    EXPECT_EQ(controller.choose(free, 4, 0, 0, 98, false, i * 100'000'000), first);
  }
  EXPECT_EQ(bound.changed, 0u);
  EXPECT_EQ(free.changed, 0u);  // changed at time 0, and never since
}

TEST(DropController, SkippedWindowsRaiseIt) {
  DropController controller(98, work);
  controller.measured(0, 0.1);
  EXPECT_EQ(controller.choose(2, 0, 0, 98, false, 0), 0);
  EXPECT_GT(controller.choose(2, 0, 0, 98, true, kSecond), 0);
}

TEST(DropController, OtherWindowsTakeTheirShare) {
  DropController alone(98, work), beside(98, work);
  alone.measured(0, 0.35);
  beside.measured(0, 0.35);
  EXPECT_EQ(alone.choose(2, 0, 0, 98, false, 0), 0);
  EXPECT_GT(beside.choose(2, 0.3, 0, 98, false, 0), 0);
}

TEST(DropController, ModelsThatCannotBePruned) {
  DropController controller(0, work);
  controller.measured(0, 5);
  EXPECT_EQ(controller.choose(10, 0, 0, 0, true, 0), 0);
}

TEST(DropController, AHiccupIsForgotten) {
  std::mt19937 random(6);
  uint64_t now = 0;
  DropController controller(98, work);
  simulate(controller, {0.2 / 180e9}, 2, 30, now, random);
  controller.measured(0, 60);
  EXPECT_EQ(simulate(controller, {0.2 / 180e9}, 2, 60, now, random).back(), 0);
}

}  // namespace
