// SPDX-License-Identifier: MIT
// Many nodes and cameras against a real NATS server, in one process: the placement, the leases and the connection are
// those of sta-monitor, and only cameras are pretended. run.py starts the server, runs this, and makes a table.
//
//   fleet-bench nats://HOST:PORT NODES CAMERAS
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <random>

#include "monitor/fleet/nats_network.h"
#include "monitor/fleet/node.h"

namespace sta::monitor::fleet {
namespace {

// The thread that all nodes live in.
class Loop {
 public:
  void post(std::function<void()> what) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(what));
    }
    ready_.notify_one();
  }
  // Runs what was posted, for at most so long.
  void run(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    ready_.wait_for(lock, time, [this] { return !queue_.empty(); });
    std::deque<std::function<void()>> now = std::move(queue_);
    queue_.clear();
    lock.unlock();
    for (const auto &what : now) what();
  }

 private:
  std::mutex mutex_;  // guards queue_; nothing is called with it held
  std::condition_variable ready_;
  std::deque<std::function<void()>> queue_;
};

struct Watched {
  std::map<std::string, int> watchers;  // camera -> how many nodes watch it
  int covered = 0, most = 0;
  void change(const std::string &camera, int by) {
    int &count = watchers[camera];
    covered -= count > 0;
    count += by;
    covered += count > 0;
    most = std::max(most, count);
  }
};

class Machine : public Watchers {
 public:
  Machine(const std::string &name, const NatsOptions &options, int capacity, Loop &loop, Watched &watched) : watched_(watched) {
    std::string error;
    link = NatsLink::connect(
        options, [&loop](std::function<void()> what) { loop.post(std::move(what)); }, error);
    if (!link || !makeBuckets(*link, error)) {
      std::fprintf(stderr, "fleet-bench: %s\n", error.c_str());
      std::exit(1);
    }
    network = std::make_unique<NatsNetwork>(*link);
    NodeSettings settings;
    settings.name = name;
    settings.capacity = capacity;
    node = std::make_unique<Node>(settings, clock_, *network, *this, [] { return std::to_string(std::random_device()()); });
  }
  // As if its power was cut.
  void die() {
    network->stop();
    node.reset();
    network.reset();
    link.reset();
    for (const std::string &camera : cameras_) watched_.change(camera, -1);
    cameras_.clear();
  }
  void watch(const std::string &camera, const std::string &, Revision) override {
    if (cameras_.insert(camera).second) watched_.change(camera, 1);
  }
  void stop(const std::string &camera) override {
    if (cameras_.erase(camera)) watched_.change(camera, -1);
  }
  void log(const std::string &line) override { std::fprintf(stderr, "%s\n", line.c_str()); }
  std::size_t count() const { return cameras_.size(); }

  std::unique_ptr<NatsLink> link;
  std::unique_ptr<NatsNetwork> network;
  std::unique_ptr<Node> node;

 private:
  const SystemClock clock_;
  Watched &watched_;
  std::set<std::string> cameras_;
};

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

class Bench {
 public:
  Bench(const NatsOptions &options, int nodes, int cameras) : cameras_(cameras) {
    const int capacity = std::max(4, cameras * 3 / 2 / std::max(1, nodes));
    for (int i = 0; i < nodes; ++i) machines_.push_back(std::make_unique<Machine>("node-" + std::to_string(i), options, capacity, loop_, watched_));
  }

  void turn() {
    loop_.run(std::chrono::milliseconds(5));
    const double time = now();
    if (time - ticked_ < 0.25) return;
    ticked_ = time;
    for (const auto &machine : machines_) {
      if (!machine->node) continue;
      machine->link->tick();
      machine->network->tick();
      machine->node->tick();
    }
  }
  void turnFor(double seconds) {
    for (const double end = now() + seconds; now() < end;) turn();
  }

  void fillRegistry() {
    int waiting = 0;
    for (int i = 0; i < cameras_; ++i) {
      ++waiting;
      machines_[0]->network->write(Bucket::kCameras, "camera-" + std::to_string(i), R"({"uri":"rtsp://192.0.2.10/stream1","watch":["camera-watch"]})",
                                   0, [&waiting](Outcome, Revision) { --waiting; });
      while (waiting > 500) turn();
    }
    while (waiting > 0) turn();
  }
  void startAll() {
    for (const auto &machine : machines_) machine->network->start(*machine->node);
  }
  double untilAllAreWatched(double most) {
    const double begun = now();
    while (watched_.covered < cameras_ && now() - begun < most) turn();
    return now() - begun;
  }
  void tell(const char *phase, double seconds) {
    std::size_t highest = 0, sum = 0, alive = 0;
    for (const auto &machine : machines_) {
      if (!machine->node) continue;
      highest = std::max(highest, machine->count());
      sum += machine->count();
      ++alive;
    }
    std::printf("{\"phase\":\"%s\",\"seconds\":%.2f,\"watched\":%d,\"most_watchers\":%d,\"max_mean\":%.3f}\n", phase, seconds, watched_.covered,
                watched_.most, sum ? static_cast<double>(highest) * static_cast<double>(alive) / static_cast<double>(sum) : 0);
    std::fflush(stdout);
  }
  int kill(std::size_t index) {
    const int had = static_cast<int>(machines_[index]->count());
    machines_[index]->die();
    return had;
  }
  void leaveAll() {
    for (const auto &machine : machines_) {
      if (!machine->node) continue;
      machine->node->leave();
      machine->network->stop();
    }
  }

 private:
  Loop loop_;
  Watched watched_;
  const int cameras_;
  std::vector<std::unique_ptr<Machine>> machines_;
  double ticked_ = 0;
};

int run(int argc, char **argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: fleet-bench nats://HOST:PORT NODES CAMERAS\n");
    return 2;
  }
  std::string error;
  NatsOptions options;
  options.servers = readServers(argv[1], error);
  options.name = "fleet-bench";
  fillFromEnvironment(options);
  const int nodes = std::atoi(argv[2]), cameras = std::atoi(argv[3]);
  if (options.servers.empty() || nodes < 2 || cameras < 1) {
    std::fprintf(stderr, "fleet-bench: %s\n", error.empty() ? "there should be at least two nodes and one camera" : error.c_str());
    return 2;
  }
  Bench bench(options, nodes, cameras);
  const double begun = now();
  bench.fillRegistry();
  bench.tell("registry filled", now() - begun);
  bench.startAll();
  bench.tell("all placed", bench.untilAllAreWatched(300));
  bench.turnFor(20);
  bench.tell("balanced", 20);
  bench.turnFor(20);
  bench.tell("quiet", 20);
  const int lost = bench.kill(1);
  bench.tell(("lost a node with " + std::to_string(lost) + " cameras").c_str(), 0);
  bench.tell("its cameras watched again", bench.untilAllAreWatched(60));
  bench.turnFor(20);
  bench.tell("balanced again", 20);
  bench.leaveAll();
  std::fflush(nullptr);
  std::_Exit(0);
}

}  // namespace
}  // namespace sta::monitor::fleet

int main(int argc, char **argv) { return sta::monitor::fleet::run(argc, argv); }
