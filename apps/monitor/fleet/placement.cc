// SPDX-License-Identifier: MIT
#include "monitor/fleet/placement.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace sta::monitor::fleet {
namespace {

std::uint64_t hashed(std::uint64_t sum, std::string_view text) {
  for (const char c : text) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3u;  // FNV-1a
  return sum;
}

// FNV alone leaves patterns where texts differ in their last character. (The last steps of splitmix64.)
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

double affinity(std::string_view camera, std::string_view node) {
  const std::uint64_t hash = mixed(hashed(hashed(hashed(0xcbf29ce484222325u, camera), "\n"), node));
  const double uniform = (static_cast<double>(hash >> 11) + 0.5) * 0x1p-53;  // between 0 and 1, without both
  return -1 / std::log(uniform);
}

double shareOf(const Member &member, const std::vector<Member> &members, int total) {
  double weights = 0;
  for (const Member &other : members) weights += other.capacity;
  return weights > 0 ? total * member.capacity / weights : 0;
}

int boundOf(const Member &member, double share) { return std::min(member.limit, static_cast<int>(std::ceil(share * 1.08))); }

std::vector<Move> planMoves(const std::vector<Member> &members, int total, std::size_t most) {
  std::vector<double> shares;
  std::vector<int> counts;
  for (const Member &member : members) {
    shares.push_back(std::min<double>(shareOf(member, members, total), member.limit));
    counts.push_back(member.count);
  }
  std::vector<Move> moves;
  while (moves.size() < most && !members.empty()) {
    std::size_t over = 0, under = 0;
    for (std::size_t i = 1; i < members.size(); ++i) {
      if (counts[i] - shares[i] > counts[over] - shares[over]) over = i;
      if (counts[i] - shares[i] < counts[under] - shares[under]) under = i;
    }
    const bool uneven = counts[over] > std::ceil(shares[over] * 1.05) || counts[under] < std::floor(shares[under] * 0.95);
    // A move has to make it better: no node may become what the other one was.
    const bool helps =
        (counts[over] - shares[over]) - (counts[under] - shares[under]) > 1 && counts[over] > 0 && counts[under] < members[under].limit;
    if (!uneven || !helps) break;
    moves.push_back({over, under});
    --counts[over];
    ++counts[under];
  }
  return moves;
}

}  // namespace sta::monitor::fleet
