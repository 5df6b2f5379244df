// SPDX-License-Identifier: MIT
// A Fiber has its own stack, on which a function runs until it suspends. Every CUDA thread of an emulated block is a
// fiber. It runs until it reaches a barrier or a warp operation, and goes on when the others have arrived. All fibers
// of a block share one operating-system thread, so a run is repeatable and needs no locks.
#pragma once

#include <cstddef>

namespace emulation {

class Fiber {
 public:
  Fiber();
  ~Fiber();
  Fiber(const Fiber &) = delete;
  Fiber &operator=(const Fiber &) = delete;

  /// Makes the next resume() call body(argument) on this stack. An unfinished former body is abandoned. A body that is
  /// done calls suspend() and is never resumed.
  void start(void (*body)(void *), void *argument);
  /// Switches to this fiber; returns when it suspends.
  void resume();
  /// Call from inside a fiber: switches back to the code that resumed it.
  static void suspend();

 private:
  friend void fiber_main();
  void *stack_ = nullptr;
  size_t size_ = 0;
  void *saved_ = nullptr;  // stack pointer, or the ucontext
  void (*body_)(void *) = nullptr;
  void *argument_ = nullptr;
  void *tsan_ = nullptr;  // ThreadSanitizer's name for this fiber
  void *fake_stack_ = nullptr;
};

}  // namespace emulation
