// SPDX-License-Identifier: MIT
// Places where a test can make a window fail. The code calls the test's hook at each of them, and the hook may throw
// what LibTorch or the allocator would throw there. This is not part of sta.h: tests that load the library look up the
// setter by its name. Without a hook, a place costs one load.
#pragma once

#include <atomic>

namespace sta {

enum class FaultPoint : int {
  kWindowCopy = 0,  // the pushing thread copies a full window
  kClip = 1,        // the worker turns pixels into a clip
  kBlock = 2,       // after each block of the forward pass
  kScores = 3,      // the worker turns logits into probabilities
};

using FaultHook = void (*)(int point);

inline std::atomic<FaultHook> fault_hook{nullptr};

inline void fault_point(FaultPoint point) {
  if (const FaultHook hook = fault_hook.load(std::memory_order_acquire)) hook(static_cast<int>(point));
}

}  // namespace sta

/// Sets the hook of the process, NULL for none. Any thread may call it. It does not wait for a hook that is running.
extern "C" __attribute__((visibility("default"))) void sta_test_set_fault_hook(void (*hook)(int point));
