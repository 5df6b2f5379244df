// SPDX-License-Identifier: MIT
// What a fleet does when nothing is random: it shares cameras out, drains, sheds, balances, and keeps watching where it
// is told to.
#include <gtest/gtest.h>

#include <cmath>

#include "world.h"

namespace sta::monitor::fleet {
namespace {

NodeSettings settingsOf(const std::string &name, int capacity = 100) {
  NodeSettings settings;
  settings.name = name;
  settings.capacity = capacity;
  return settings;
}

class FleetNode : public testing::Test {
 protected:
  World world{7};

  void cameras(int count, const std::string &json = R"({"uri":"test://ball"})") {
    for (int i = 0; i < count; ++i) world.put(Bucket::kCameras, "camera-" + std::to_string(i), json);
  }
  void run(Time time) { world.runUntil(world.now() + time); }
  int watched(const Host &host) const { return static_cast<int>(host.running().size()); }
  int watchedByAll() const {
    int count = 0;
    for (const auto &host : world.hosts) count += watched(*host);
    return count;
  }
  void TearDown() override { EXPECT_TRUE(world.faults.empty()) << world.faults.front(); }
};

TEST_F(FleetNode, SharesCamerasOut) {
  cameras(200);
  for (int i = 0; i < 4; ++i) world.add(settingsOf("node-" + std::to_string(i)));
  run(12 * kSecond);
  EXPECT_EQ(watchedByAll(), 200);
  for (const auto &host : world.hosts) EXPECT_NEAR(watched(*host), 50, 8) << host->name();
}

TEST_F(FleetNode, CapacityIsAWeightAndALimit) {
  cameras(60);
  world.add(settingsOf("small", 10));
  world.add(settingsOf("large", 30));
  run(12 * kSecond);
  EXPECT_EQ(watched(*world.hosts[0]), 10);
  EXPECT_EQ(watched(*world.hosts[1]), 30);
  EXPECT_EQ(world.hosts[0]->node().freeCameras(), 20);
}

TEST_F(FleetNode, TheImportantOnesAreTakenFirst) {
  for (int i = 0; i < 20; ++i) world.put(Bucket::kCameras, "camera-" + std::to_string(i), i % 2 ? R"({"importance":90})" : R"({"importance":10})");
  world.add(settingsOf("only", 10));
  run(8 * kSecond);
  ASSERT_EQ(watched(*world.hosts[0]), 10);
  for (const std::string &camera : world.hosts[0]->running()) EXPECT_EQ((camera.back() - '0') % 2, 1) << camera;
}

TEST_F(FleetNode, ALostNodesCamerasSpreadOverAllOthers) {
  cameras(90);
  for (int i = 0; i < 4; ++i) world.add(settingsOf("node-" + std::to_string(i)));
  run(12 * kSecond);
  world.hosts[2]->crash();
  run(15 * kSecond);
  EXPECT_EQ(watchedByAll(), 90);
  for (int i : {0, 1, 3}) EXPECT_NEAR(watched(*world.hosts[i]), 30, 4);
}

TEST_F(FleetNode, ANodeThatLeavesIsReplacedAtOnce) {
  cameras(40);
  for (int i = 0; i < 3; ++i) world.add(settingsOf("node-" + std::to_string(i)));
  run(12 * kSecond);
  world.hosts[0]->leave();
  run(4 * kSecond);
  EXPECT_EQ(watchedByAll(), 40);
}

TEST_F(FleetNode, ANewNodeGetsItsShare) {
  cameras(40);
  for (int i = 0; i < 4; ++i) world.add(settingsOf("node-" + std::to_string(i)));
  run(12 * kSecond);
  Host &added = world.add(settingsOf("added"));
  run(30 * kSecond);
  EXPECT_EQ(watchedByAll(), 40);
  EXPECT_NEAR(watched(added), 8, 1);
  // And then nothing moves any more.
  const long long takes = world.takes;
  run(60 * kSecond);
  EXPECT_EQ(world.takes, takes);
}

TEST_F(FleetNode, DrainsByItself) {
  cameras(40);
  for (int i = 0; i < 3; ++i) world.add(settingsOf("node-" + std::to_string(i)));
  run(12 * kSecond);
  world.hosts[1]->node().drain(true);
  Time longest = 0;
  for (int i = 0; i < 50 && !world.hosts[1]->node().empty(); ++i) {
    run(kSecond / 10);
    for (int c = 0; c < 40; ++c) longest = std::max(longest, world.unwatched("camera-" + std::to_string(c)));
  }
  EXPECT_TRUE(world.hosts[1]->node().empty());
  run(kSecond);
  EXPECT_EQ(watchedByAll(), 40);
  EXPECT_LT(longest, kSecond) << "a drained camera goes from hand to hand";
}

TEST_F(FleetNode, DrainsByOrderAndComesBack) {
  cameras(40);
  for (int i = 0; i < 3; ++i) world.add(settingsOf("node-" + std::to_string(i)));
  run(12 * kSecond);
  world.put(Bucket::kOrders, "node-1", R"({"drain":true})");
  run(6 * kSecond);
  EXPECT_EQ(watched(*world.hosts[1]), 0);
  EXPECT_EQ(watchedByAll(), 40);
  world.put(Bucket::kOrders, "node-1", "");
  run(40 * kSecond);
  EXPECT_NEAR(watched(*world.hosts[1]), 13, 2);
}

TEST_F(FleetNode, NobodyHasRoomSoADrainingNodeWatchesOn) {
  cameras(20);
  world.add(settingsOf("a", 10));
  world.add(settingsOf("b", 10));
  run(10 * kSecond);
  world.hosts[0]->node().drain(true);
  run(10 * kSecond);
  EXPECT_EQ(watchedByAll(), 20);
  EXPECT_FALSE(world.hosts[0]->node().empty());
}

TEST_F(FleetNode, TooMuchToDo) {
  for (int i = 0; i < 10; ++i) world.put(Bucket::kCameras, "camera-" + std::to_string(i), R"({"importance":)" + std::to_string(10 * i) + "}");
  world.add(settingsOf("a", 10));
  run(8 * kSecond);
  world.add(settingsOf("b", 10));
  run(30 * kSecond);
  Host &a = *world.hosts[0];
  const std::set<std::string> before = a.running();
  ASSERT_GE(before.size(), 2u);
  const auto load = [&](Time time, double value) {
    for (Time t = 0; t < time; t += kSecond) a.node().setLoad(value), run(kSecond);
  };
  load(29 * kSecond, 0.95);
  EXPECT_EQ(a.running(), before) << "not before 30 s";
  load(3 * kSecond, 0.95);
  EXPECT_EQ(a.running().size(), before.size() - 1);
  EXPECT_EQ(watchedByAll(), 10);
  EXPECT_FALSE(a.running().contains(*before.begin())) << "the least important one goes (names are in the order of importance)";
  // It does not come back at once.
  load(30 * kSecond, 0.8);
  EXPECT_EQ(a.running().size(), before.size() - 1);
}

TEST_F(FleetNode, NobodyElseHasAir) {
  cameras(10);
  world.add(settingsOf("a", 10));
  world.add(settingsOf("b", 10));
  run(30 * kSecond);
  const std::set<std::string> before = world.hosts[0]->running();
  for (int i = 0; i < 60; ++i) {
    for (const auto &host : world.hosts) host->node().setLoad(0.95);
    run(kSecond);
  }
  EXPECT_EQ(world.hosts[0]->running(), before);
}

TEST_F(FleetNode, StopsByItsOwnClockWhenItIsCutOff) {
  cameras(4);
  Host &host = world.add(settingsOf("only"));
  run(8 * kSecond);
  ASSERT_EQ(watched(host), 4);
  host.cut();
  run(7 * kSecond);
  EXPECT_EQ(watched(host), 4) << "an answer may be late";
  run(3200 * kMillisecond);
  EXPECT_EQ(watched(host), 0);
  EXPECT_FALSE(host.node().entitled("camera-0"));
  host.heal(true);
  run(4 * kSecond);
  EXPECT_EQ(watched(host), 4) << "nobody else was there";
}

TEST_F(FleetNode, KeepsWatchingWhereTwiceIsBetterThanNotAtAll) {
  cameras(4);
  NodeSettings keep = settingsOf("keeps");
  keep.on_partition = OnPartition::kKeep;
  Host &host = world.add(keep);
  run(8 * kSecond);
  ASSERT_EQ(watched(host), 4);
  world.add(settingsOf("other"));
  run(2 * kSecond);
  host.cut();
  run(60 * kSecond);
  EXPECT_EQ(watched(host), 4);
  EXPECT_TRUE(host.node().entitled("camera-0"));
  EXPECT_EQ(watched(*world.hosts[1]), 4) << "the other one does not know";
  EXPECT_EQ(world.faults.size(), 4u) << "twice, as it was asked for";
  world.faults.clear();
  host.heal(true);
  run(6 * kSecond);
  EXPECT_EQ(watchedByAll(), 4) << "when they see each other again, one gives way";
}

TEST_F(FleetNode, ServersThatAreAwayForAMinute) {
  cameras(30);
  for (int i = 0; i < 3; ++i) world.add(settingsOf("node-" + std::to_string(i)));
  run(30 * kSecond);
  std::vector<std::set<std::string>> before;
  for (const auto &host : world.hosts) before.push_back(host->running());
  for (const auto &host : world.hosts) host->cut();
  run(60 * kSecond);
  EXPECT_EQ(watchedByAll(), 0);
  for (const auto &host : world.hosts) host->heal(true);
  run(5 * kSecond);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(world.hosts[i]->running(), before[i]) << "everybody goes on with what it had";
}

TEST_F(FleetNode, ChangesOfTheRegistry) {
  cameras(3);
  Host &host = world.add(settingsOf("only"));
  run(8 * kSecond);
  world.put(Bucket::kCameras, "camera-1", R"({"uri":"test://smpte"})");
  world.put(Bucket::kCameras, "camera-2", "");
  world.put(Bucket::kCameras, "camera-3", R"({"uri":"test://snow"})");
  run(2 * kSecond);
  EXPECT_EQ(host.running(), (std::set<std::string>{"camera-0", "camera-1", "camera-3"}));
  EXPECT_EQ(host.json_["camera-1"], R"({"uri":"test://smpte"})");
  const auto &leases = world.bucket(Bucket::kLeases);
  EXPECT_TRUE(leases.at("camera-2").value.empty()) << "its lease is removed";
}

}  // namespace
}  // namespace sta::monitor::fleet
