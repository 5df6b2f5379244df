// SPDX-License-Identifier: MIT
// The scheduler of machine.h.
#include "emulation/machine.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include "emulation/fiber.h"
#include "emulation/memory.h"

// This file is compiled without ThreadSanitizer, because its own state is not under test.
#ifdef STA_EMULATION_TSAN
extern "C" {
void __tsan_acquire(void *address);
void __tsan_release(void *address);
}
#define STA_ACQUIRE(address) __tsan_acquire(address)
#define STA_RELEASE(address) __tsan_release(address)
#else
#define STA_ACQUIRE(address) static_cast<void>(address)
#define STA_RELEASE(address) static_cast<void>(address)
#endif

namespace emulation {
namespace {

constexpr unsigned kWarpSize = 32, kMaxThreads = 1024;
constexpr size_t kMaxShared = 227 * 1024, kCanaryBytes = 64;
constexpr unsigned char kFresh = 0xff, kCanary = 0xa5;

enum class Wait { kNone, kBarrier, kWarp, kEnded };

struct Thread {
  Fiber fiber;
  Index3 index{};
  Wait wait = Wait::kEnded;
  std::source_location at;
  // The warp operation that the thread waits in.
  WarpOp op = WarpOp::kSync;
  unsigned mask = 0;
  int source = 0;
  uint64_t value = 0, result = 0;
};

struct Machine {
  Order order = Order::kForward;
  uint64_t random = 1;
  uint64_t launches = 0;
  std::vector<std::unique_ptr<Thread>> threads;  // grows, never shrinks: stacks are reused
  unsigned count = 0;                            // threads of this launch's blocks
  unsigned current = 0;
  bool running = false;
  Dim3 grid, block;
  Index3 block_index{};
  unsigned char *shared = nullptr;
  const std::function<void()> *body = nullptr;
  // Addresses for ThreadSanitizer. There are two of each, used in turn: a thread that leaves a barrier late must not be
  // ordered after what the others have done since.
  char launch_token = 0, barrier_token[2] = {}, warp_token[kMaxThreads / kWarpSize][2] = {};
  unsigned barriers = 0, warp_syncs[kMaxThreads / kWarpSize] = {};  // completed so far
};
Machine g;

uint64_t next_random() {  // xorshift64*
  g.random ^= g.random >> 12;
  g.random ^= g.random << 25;
  g.random ^= g.random >> 27;
  return g.random * 0x2545F4914F6CDD1DULL;
}

template <typename T>
void put_in_order(std::vector<T> &list) {
  if (g.order == Order::kBackward) std::reverse(list.begin(), list.end());
  if (g.order == Order::kShuffled)
    for (size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[next_random() % i]);
}

std::string line_of(const std::source_location &at) { return std::string(at.file_name()) + ":" + std::to_string(at.line()); }

[[noreturn]] void fail(const std::string &what) {
  throw LaunchError("block (" + std::to_string(g.block_index.x) + "," + std::to_string(g.block_index.y) + "," + std::to_string(g.block_index.z) +
                    "): " + what);
}

std::string name_of(unsigned thread) { return "thread " + std::to_string(thread) + " (" + line_of(g.threads[thread]->at) + ")"; }

void thread_main(void *) {
  STA_ACQUIRE(&g.launch_token);
  (*g.body)();
  STA_RELEASE(&g.launch_token);
  g.threads[g.current]->wait = Wait::kEnded;
}

// Suspends the running thread until the scheduler finds that its wait is over.
void wait_for(Wait kind, const std::source_location &at) {
  Thread &self = *g.threads[g.current];
  self.wait = kind;
  self.at = at;
  Fiber::suspend();
}

// All lanes of `mask` in the warp of `thread` have arrived. Computes what each of them gets.
void complete_warp(unsigned first, unsigned mask, std::vector<unsigned> &ready) {
  auto lane = [&](unsigned i) -> Thread & { return *g.threads[first + i]; };
  auto each = [&](auto use) {
    for (unsigned i = 0; i < kWarpSize; ++i)
      if (mask >> i & 1) use(i, lane(i));
  };
  uint64_t ballot = 0, sum = 0, least = UINT32_MAX, most = 0;
  each([&](unsigned i, const Thread &t) {
    ballot |= static_cast<uint64_t>(t.value != 0) << i;
    sum += t.value;
    least = std::min(least, t.value);
    most = std::max(most, t.value);
  });
  each([&](unsigned i, Thread &t) {
    switch (t.op) {
      case WarpOp::kSync:
        break;
      case WarpOp::kShuffle:
        if (!(mask >> t.source & 1)) fail(name_of(first + i) + " reads lane " + std::to_string(t.source) + ", which takes no part in the shuffle");
        t.result = lane(static_cast<unsigned>(t.source)).value;
        break;
      case WarpOp::kBallot:
        t.result = ballot;
        break;
      case WarpOp::kMatchAny:
        t.result = 0;
        each([&](unsigned j, const Thread &other) { t.result |= static_cast<uint64_t>(other.value == t.value) << j; });
        break;
      case WarpOp::kReduceAdd:
        t.result = static_cast<uint32_t>(sum);
        break;
      case WarpOp::kReduceMin:
        t.result = least;
        break;
      case WarpOp::kReduceMax:
        t.result = most;
        break;
    }
  });
  each([&](unsigned i, Thread &t) {
    t.wait = Wait::kNone;
    ready.push_back(first + i);
  });
  ++g.warp_syncs[first / kWarpSize];
}

// `thread` has just begun to wait in a warp operation.
void check_warp(unsigned thread, std::vector<unsigned> &ready) {
  const Thread &t = *g.threads[thread];
  const unsigned first = thread / kWarpSize * kWarpSize;
  if (!(t.mask >> (thread - first) & 1)) fail(name_of(thread) + " is not in the mask that it gives");
  for (unsigned i = 0; i < kWarpSize; ++i) {
    if (!(t.mask >> i & 1)) continue;
    if (first + i >= g.count) fail(name_of(thread) + " names lane " + std::to_string(i) + ", which the block does not have");
    const Thread &other = *g.threads[first + i];
    if (other.wait == Wait::kEnded) fail(name_of(thread) + " names lane " + std::to_string(i) + ", which has ended");
    if (other.wait != Wait::kWarp) return;  // not there yet
    if (other.op != t.op || other.mask != t.mask)
      fail("lanes of a warp meet in different operations: " + name_of(thread) + ", " + name_of(first + i));
  }
  complete_warp(first, t.mask, ready);
}

// No thread can run: the barrier opens, or the block hangs.
void check_barrier(std::vector<unsigned> &ready) {
  const std::source_location *at = nullptr;
  unsigned waiting = 0, ended = g.count, example = 0;
  for (unsigned i = 0; i < g.count; ++i) {
    const Thread &t = *g.threads[i];
    if (t.wait == Wait::kEnded) {
      ended = i;
    } else if (t.wait == Wait::kWarp) {
      fail(name_of(i) + " waits for lanes that do not come");
    } else {
      ++waiting;
      if (at && (at->line() != t.at.line() || std::strcmp(at->file_name(), t.at.file_name()) != 0))
        fail("threads wait at different barriers: " + name_of(example) + ", " + name_of(i));
      at = &t.at;
      example = i;
    }
  }
  if (waiting == 0) return;
  if (ended < g.count) fail(name_of(example) + " waits at a barrier, but thread " + std::to_string(ended) + " has ended");
  ++g.barriers;
  for (unsigned i = 0; i < g.count; ++i) {
    g.threads[i]->wait = Wait::kNone;
    ready.push_back(i);
  }
}

void run_block() {
  std::vector<unsigned> ready(g.count), next;
  std::iota(ready.begin(), ready.end(), 0u);
  for (unsigned i : ready) {
    Thread &t = *g.threads[i];
    t.index = {i % g.block.x, i / g.block.x % g.block.y, i / g.block.x / g.block.y};
    t.wait = Wait::kNone;
    t.fiber.start(&thread_main, nullptr);
  }
  while (!ready.empty()) {
    put_in_order(ready);
    next.clear();
    for (const unsigned i : ready) {
      g.current = i;
      g.threads[i]->fiber.resume();
      if (g.threads[i]->wait == Wait::kWarp) check_warp(i, next);
    }
    if (next.empty()) check_barrier(next);
    std::sort(next.begin(), next.end());
    ready.swap(next);
  }
}

// The memory of a block, exactly as large as asked for, so that AddressSanitizer sees its end. Without AddressSanitizer
// the canary guards it.
struct SharedMemory {
  explicit SharedMemory(size_t bytes) : size(bytes), memory(static_cast<unsigned char *>(std::malloc(bytes + kCanaryRoom))) {
    if (!memory) throw std::bad_alloc();
  }
  ~SharedMemory() { std::free(memory); }
  SharedMemory(const SharedMemory &) = delete;
  SharedMemory &operator=(const SharedMemory &) = delete;
  void refresh() {
    std::memset(memory, kFresh, size);
    std::memset(memory + size, kCanary, kCanaryRoom);
  }
  bool intact() const {
    return std::all_of(memory + size, memory + size + kCanaryRoom, [](unsigned char c) { return c == kCanary; });
  }
#ifdef __SANITIZE_ADDRESS__
  static constexpr size_t kCanaryRoom = 0;
#else
  static constexpr size_t kCanaryRoom = kCanaryBytes;
#endif
  size_t size;
  unsigned char *memory;
};

}  // namespace

void set_order(Order order, uint64_t seed) {
  g.order = order;
  g.random = seed * 0x9E3779B97F4A7C15ULL | 1;
}

void launch(Dim3 grid, Dim3 block, size_t shared_bytes, const std::function<void()> &body) {
  ++g.launches;
  const uint64_t threads = static_cast<uint64_t>(block.x) * block.y * block.z, blocks = static_cast<uint64_t>(grid.x) * grid.y * grid.z;
  g.block_index = {};
  if (threads == 0 || threads > kMaxThreads) fail("a block of " + std::to_string(threads) + " threads");
  if (blocks == 0 || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535) fail("a grid that no device takes");
  if (shared_bytes > kMaxShared) fail(std::to_string(shared_bytes) + " bytes of shared memory");
  while (g.threads.size() < threads) g.threads.push_back(std::make_unique<Thread>());
  g.count = static_cast<unsigned>(threads);
  g.grid = grid;
  g.block = block;
  g.body = &body;
  SharedMemory shared(shared_bytes);
  g.shared = shared.memory;
  std::vector<uint64_t> order(blocks);
  std::iota(order.begin(), order.end(), 0u);
  put_in_order(order);
  const DeviceAccess access;
  struct Running {
    Running() { g.running = true; }
    ~Running() { g.running = false; }
  } const running;
  for (const uint64_t i : order) {
    g.block_index = {static_cast<unsigned>(i % grid.x), static_cast<unsigned>(i / grid.x % grid.y), static_cast<unsigned>(i / grid.x / grid.y)};
    shared.refresh();
    STA_RELEASE(&g.launch_token);
    run_block();
    STA_ACQUIRE(&g.launch_token);
    if (!shared.intact()) fail("memory behind the " + std::to_string(shared_bytes) + " bytes of shared memory was written");
  }
}

uint64_t launch_count() { return g.launches; }
bool in_kernel() { return g.running; }

const Index3 &thread_index() { return g.threads[g.current]->index; }
const Index3 &block_index() { return g.block_index; }
const Dim3 &block_dim() { return g.block; }
const Dim3 &grid_dim() { return g.grid; }
void *dynamic_shared() { return g.shared; }

void barrier(const std::source_location &at) {
  char *token = &g.barrier_token[g.barriers % 2];
  STA_RELEASE(token);
  wait_for(Wait::kBarrier, at);
  STA_ACQUIRE(token);
}

uint64_t warp_operation(WarpOp op, unsigned mask, uint64_t value, int source, const std::source_location &at) {
  Thread &self = *g.threads[g.current];
  const unsigned warp = g.current / kWarpSize;
  char *token = &g.warp_token[warp][g.warp_syncs[warp] % 2];
  self.op = op;
  self.mask = mask;
  self.value = value;
  self.source = source;
  // Only __syncwarp, of all warp operations, orders memory.
  if (op == WarpOp::kSync) STA_RELEASE(token);
  wait_for(Wait::kWarp, at);
  if (op == WarpOp::kSync) STA_ACQUIRE(token);
  return self.result;
}

}  // namespace emulation
