// SPDX-License-Identifier: MIT
// A device whose streams really run later. Every call is put into a queue of its stream. run() takes work from the
// queues in a random order, limited only by the events. Code that gets its order right by luck gives wrong results in
// some of these orders; a GPU would show them once a year.
//
// The emulated kernels do the work itself. One such device per process at a time, one thread.
#pragma once

#include <cstdint>
#include <functional>

#include "cuda/kernel_library.h"

namespace async_device {

/// The table of libsta-cuda with this device behind it. Allocations and frees happen at once; a free waits for all work
/// first, like cudaFree.
const sta::KernelLibrary &library();

/// Forgets all work and events. `seed` chooses the orders to come.
void begin(uint64_t seed);
/// Puts a test's own work into a stream (NULL: the default stream, which waits for no other one here).
void enqueue(void *stream, std::function<void()> work);
/// Does up to `most` pieces of work. False: nothing is left. Throws std::runtime_error if the work left waits for an
/// event that never comes.
bool run(int most);
/// Does all of it.
void finish();
/// Makes calls of event_order do nothing, to show that a test notices.
void break_order(bool broken);

}  // namespace async_device
