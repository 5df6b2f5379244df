// SPDX-License-Identifier: MIT
// A device whose streams really run later: every call is put into a queue of its stream, and run() takes from the
// queues in a random order that the events allow, and no other. Code that orders its work by luck gets wrong results in
// some of these orders; a GPU would give them once a year.
//
// Work itself is done by the emulated kernels. One device of the process at a time, one thread.
#pragma once

#include <cstdint>
#include <functional>

#include "cuda/kernel_library.h"

namespace async_device {

/// The table of libsta-cuda with this device behind it. Allocations and frees happen at once; a free waits for all work
/// first, as cudaFree does.
const sta::KernelLibrary &library();

/// Forgets all work and events; seed of the orders to come.
void begin(uint64_t seed);
/// Puts work of the test's own into a stream (NULL: the default one, which waits for no other here).
void enqueue(void *stream, std::function<void()> work);
/// Does up to `most` pieces of work. False: nothing is left. Throws std::runtime_error if work is left that waits for
/// what never comes.
bool run(int most);
/// Does all of it.
void finish();
/// Calls of event_order do nothing: to show that a test notices.
void break_order(bool broken);

}  // namespace async_device
