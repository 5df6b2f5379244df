// SPDX-License-Identifier: MIT
// Ten thousand random schedules of crashes, pauses, partitions, outages of the servers and changes of the registry, with
// clocks that drift by up to 500 ppm. Never may two nodes watch one camera; and once things are quiet, every camera is
// watched within the bound.
#include <gtest/gtest.h>

#include <cstdlib>

#include "world.h"

namespace sta::monitor::fleet {
namespace {

constexpr Time kChaos = 40 * kSecond, kBound = 15 * kSecond;

struct Result {
  std::vector<std::string> faults, unwatched;
  long long takes = 0;
};

std::string camera(int i) { return "camera-" + std::to_string(i); }

void makeFaults(World &world, int cameras) {
  const int count = world.whole(2, 9);
  for (int i = 0; i < count; ++i) {
    Host *host = world.hosts[static_cast<std::size_t>(world.whole(0, static_cast<int>(world.hosts.size()) - 1))].get();
    const Time begin = world.between(0, kChaos - kSecond), lasts = world.between(kSecond / 2, std::min(30 * kSecond, kChaos - begin));
    switch (world.whole(0, 7)) {
      case 0:
        world.at(begin, [host] {
          if (host->up()) host->crash();
        });
        world.at(begin + lasts, [host] {
          if (!host->up()) host->start();
        });
        break;
      case 1:
      case 2:
        world.at(begin, [host] {
          if (host->up()) host->pause();
        });
        world.at(begin + lasts, [host] { host->resume(); });
        break;
      case 3:
      case 4:
        world.at(begin, [host] {
          if (!host->isCut()) host->cut();
        });
        world.at(begin + lasts, [host, anew = world.chance() < 0.5] { host->heal(anew); });
        break;
      case 5:
        world.at(begin, [&world] { world.server_up = false; });
        world.at(begin + lasts / 2, [&world] { world.server_up = true; });
        break;
      case 6:
        world.at(begin, [host] {
          if (host->up()) host->leave();
        });
        world.at(begin + lasts / 4, [host] {
          if (!host->up()) host->start();
        });
        break;
      default: {
        const std::string name = camera(world.whole(0, cameras - 1));
        world.at(begin, [&world, name] { world.put(Bucket::kCameras, name, ""); });
        world.at(begin + lasts / 3, [&world, name] { world.put(Bucket::kCameras, name, R"({"uri":"test://ball"})"); });
        const std::string node = host->name();
        world.at(begin, [&world, node] { world.put(Bucket::kOrders, node, R"({"drain":true})"); });
        world.at(begin + lasts / 2, [&world, node] { world.put(Bucket::kOrders, node, R"({"drain":false})"); });
      }
    }
  }
}

Result runSchedule(std::uint64_t seed, const Timing &timing) {
  World world(seed);
  const int nodes = world.whole(2, 5), cameras = world.whole(3, 12);
  if (world.chance() < 0.5) world.slow_ = 0.03;
  for (int i = 0; i < cameras; ++i) world.put(Bucket::kCameras, camera(i), R"({"uri":"test://smpte"})");
  for (int i = 0; i < nodes; ++i) {
    NodeSettings settings;
    settings.name = "node-" + std::to_string(i);
    settings.capacity = cameras + 2;
    settings.timing = timing;
    world.add(settings, world.chance() * 1000 - 500);
  }
  for (Time t = 0; t < 90 * kSecond; t += 5 * kSecond) world.at(t, [&world] { world.sweep(); });
  makeFaults(world, cameras);
  world.runUntil(kChaos);
  // From now on it is quiet.
  world.server_up = true;
  world.slow_ = 0;
  for (const auto &host : world.hosts) world.put(Bucket::kOrders, host->name(), R"({"drain":false})");
  for (int i = 0; i < cameras; ++i) world.put(Bucket::kCameras, camera(i), R"({"uri":"test://bar"})");
  for (const auto &host : world.hosts) {
    host->resume();
    host->heal(true);
    if (!host->up()) host->start();
  }
  world.runUntil(kChaos + kBound);
  Result result;
  for (int i = 0; i < cameras; ++i)
    if (world.unwatched(camera(i)) > 0) result.unwatched.push_back(camera(i));
  // A camera that is just being moved is without a watcher for a moment; none stays without.
  world.runUntil(kChaos + kBound + kSecond);
  std::erase_if(result.unwatched, [&](const std::string &name) { return world.unwatched(name) < kSecond; });
  for (int i = 0; i < cameras; ++i) {
    const std::string holder = world.holderOf(camera(i));
    for (const auto &host : world.hosts)
      if (host->name() == holder && host->json_[camera(i)] != R"({"uri":"test://bar"})") result.unwatched.push_back(camera(i) + " with old settings");
  }
  result.faults = world.faults;
  result.takes = world.takes;
  return result;
}

int schedules() {
  const char *count = std::getenv("STA_FLEET_SCHEDULES");
  return count ? std::atoi(count) : 10'000;
}

TEST(FleetSchedules, NeverTwoWatchersAndSoonOneOfEach) {
  long long takes = 0;
  int failed = 0;
  for (int seed = 1; seed <= schedules() && failed < 5; ++seed) {
    const Result result = runSchedule(static_cast<std::uint64_t>(seed), Timing{});
    for (const std::string &fault : result.faults) ADD_FAILURE() << "schedule " << seed << ": " << fault;
    for (const std::string &name : result.unwatched) ADD_FAILURE() << "schedule " << seed << ": nobody watches " << name;
    failed += !result.faults.empty() || !result.unwatched.empty();
    takes += result.takes;
  }
  EXPECT_GT(takes, schedules() * 5LL) << "the schedules moved nothing";
}

// The same schedules find a fence that comes too late. Without that the test above would prove nothing.
TEST(FleetSchedules, FindALateFence) {
  Timing late;
  late.fence = 16 * kSecond;
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) found += !runSchedule(seed, late).faults.empty();
  EXPECT_GT(found, 0);
}

}  // namespace
}  // namespace sta::monitor::fleet
