// SPDX-License-Identifier: MIT
// Placement as arithmetic, and the records of the buckets.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "monitor/fleet/placement.h"
#include "monitor/fleet/records.h"

namespace sta::monitor::fleet {
namespace {

std::string first(const std::string &camera, const std::vector<Member> &members) {
  const Member *best = nullptr;
  for (const Member &member : members)
    if (!best || affinity(camera, member.node) * member.capacity > affinity(camera, best->node) * best->capacity) best = &member;
  return best->node;
}

std::vector<Member> nodes(const std::vector<int> &capacities) {
  std::vector<Member> members;
  for (std::size_t i = 0; i < capacities.size(); ++i)
    members.push_back({"node-" + std::to_string(i) + ".x", "node-" + std::to_string(i), capacities[i], capacities[i]});
  return members;
}

TEST(Placement, FollowsTheWeights) {
  const std::vector<Member> members = nodes({100, 200, 100});
  std::map<std::string, int> counts;
  for (int i = 0; i < 40'000; ++i) ++counts[first("camera-" + std::to_string(i), members)];
  EXPECT_NEAR(counts["node-0"], 10'000, 400);
  EXPECT_NEAR(counts["node-1"], 20'000, 400);
  EXPECT_NEAR(counts["node-2"], 10'000, 400);
}

TEST(Placement, ALostNodeMovesOnlyItsOwnCameras) {
  const std::vector<Member> all = nodes({10, 10, 10, 10, 10});
  std::vector<Member> left = all;
  left.erase(left.begin() + 2);
  std::map<std::string, int> heirs;
  for (int i = 0; i < 10'000; ++i) {
    const std::string camera = "camera-" + std::to_string(i), before = first(camera, all), after = first(camera, left);
    if (before != "node-2")
      EXPECT_EQ(before, after);
    else
      ++heirs[after];
  }
  ASSERT_EQ(heirs.size(), 4u);
  for (const auto &[node, count] : heirs) EXPECT_NEAR(count, 500, 100) << node;
}

TEST(Placement, BoundsLeaveRoomForEveryCamera) {
  for (int total : {0, 1, 5, 24, 199, 10'000}) {
    const std::vector<Member> members = nodes({200, 200, 300, 400, 10'000});
    int bounds = 0;
    for (const Member &member : members) bounds += boundOf(member, shareOf(member, members, total));
    EXPECT_GE(bounds, total);
  }
}

std::vector<int> afterMoves(std::vector<Member> members, int total) {
  for (int round = 0; round < 100; ++round) {
    const std::vector<Move> moves = planMoves(members, total, 8);
    if (moves.empty()) break;
    for (const Move &move : moves) --members[move.from].count, ++members[move.to].count;
  }
  std::vector<int> counts;
  for (const Member &member : members) counts.push_back(member.count);
  return counts;
}

std::vector<Member> loaded(const std::vector<int> &capacities, const std::vector<int> &counts) {
  std::vector<Member> members = nodes(capacities);
  for (std::size_t i = 0; i < counts.size(); ++i) members[i].count = counts[i];
  return members;
}

TEST(Placement, MovesMakeItEven) {
  for (int count : afterMoves(loaded({100, 100, 100, 100}, {8, 8, 8, 0}), 24)) EXPECT_NEAR(count, 6, 1);
  const std::vector<int> counts = afterMoves(loaded({100, 100, 300}, {100, 0, 0}), 100);
  EXPECT_NEAR(counts[0], 20, 2);
  EXPECT_NEAR(counts[1], 20, 2);
  EXPECT_NEAR(counts[2], 60, 4);
}

TEST(Placement, WhatIsNearlyEvenIsLeftAlone) {
  EXPECT_TRUE(planMoves(loaded({100, 100, 100}, {20, 21, 19}), 60, 8).empty());
  EXPECT_TRUE(planMoves(loaded({10, 10}, {1, 0}), 1, 8).empty());
  EXPECT_TRUE(planMoves(loaded({10, 10}, {10, 10}), 40, 8).empty()) << "all are full";
  EXPECT_TRUE(planMoves({}, 10, 8).empty());
}

TEST(Records, AreReadAsTheyAreWritten) {
  NodeRecord node{"gate-1", NodeState::kDraining, 40, 30, 0.5, 12, "0.1.0", "http://192.0.2.1:8090/"};
  EXPECT_EQ(readNode(toJson(node)), node);
  const LeaseRecord lease{"gate-1.8f3a", ""}, free{"", "gate-2"};
  EXPECT_EQ(readLease(toJson(lease)), lease);
  EXPECT_EQ(readLease(toJson(free)), free);
  EXPECT_TRUE(readOrder(toJson(OrderRecord{true})).drain);
  EXPECT_EQ(nodeOfSession("gate-1.8f3a"), "gate-1");
}

TEST(Records, WhateverStandsInABucketIsHarmless) {
  for (const char *text : {"", "x", "[]", "7", "null", R"({"session":7,"target":[]})", R"({"capacity":"many","load":-1e300,"state":"?","node":{}})",
                           R"({"capacity":1e300,"load":1e300,"cameras":-1e300})", R"({"drain":"yes"})"}) {
    EXPECT_EQ(readLease(text), LeaseRecord{}) << text;
    const NodeRecord node = readNode(text);
    EXPECT_GE(node.capacity, 0);
    EXPECT_LE(node.capacity, 1'000'000);
    EXPECT_EQ(node.state, NodeState::kJoining);
    EXPECT_FALSE(readOrder(text).drain);
    EXPECT_EQ(importanceOf(text), 50);
  }
  EXPECT_EQ(importanceOf(R"({"importance":80})"), 80);
  EXPECT_EQ(importanceOf(R"({"importance":8000})"), 100);
}

}  // namespace
}  // namespace sta::monitor::fleet
