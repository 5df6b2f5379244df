// SPDX-License-Identifier: MIT
// Which node should have which camera. Pure functions: every node computes the same from the same numbers, so nobody
// has to be asked.
//
// Weighted rendezvous hashing gives each camera an order of nodes. A node that goes or comes changes nothing for
// cameras that do not concern it, and the cameras of a lost node spread over all others. By chance alone some nodes
// would get a fifth more than others. So a node also has a bound, a little above its share, and where it is reached the
// next in order has the camera.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sta::monitor::fleet {

// How much a camera and a node belong together: more than 0, and without a pattern. Times the node's weight it is the
// score that orders the nodes; the highest is the first.
double affinity(std::string_view camera, std::string_view node);

struct Member {
  std::string session, node;
  int capacity = 0;   // its weight
  int limit = 0;      // how many it takes at most
  int count = 0;      // cameras that it has
  double load = 0;    // of its engine
  bool fresh = true;  // it is ready and was heard of just now, so a camera can be given to it
};

// Of `total` cameras.
double shareOf(const Member &member, const std::vector<Member> &members, int total);

// A node that has as many takes no more by itself. It has to be above the share, or some cameras would have nobody.
int boundOf(const Member &member, double share);

struct Move {
  std::size_t from, to;  // indices of members
};

// The moves that make the loads even again, after a node came or went. Empty if no node is more than a twentieth (and
// a whole camera) away from its share. `most`: how many moves are planned at once.
std::vector<Move> planMoves(const std::vector<Member> &members, int total, std::size_t most);

}  // namespace sta::monitor::fleet
