// SPDX-License-Identifier: MIT
// Shares out work among the threads that LibTorch computes with: both use the process's one OpenMP library, so there
// are never two sets of threads on the same cores. at::set_num_threads() sets how many there are.
#pragma once

#include <cstdint>

namespace sta::cpu {

/// Threads that parallel() would use if the calling thread called it.
int workers();

/// Calls run(context, task, worker) for each task below `tasks` and waits for all. worker: below workers(); two calls at
/// the same time have different ones. run must not throw. work: roughly how many multiply-adds there are in all. The
/// calling thread does little work alone, because to wake and to await others takes longer, above all on a busy machine.
void parallel(int64_t tasks, int64_t work, void (*run)(void *context, int64_t task, int worker), void *context);

/// The same with a function object.
template <class Run>
void parallel(int64_t tasks, int64_t work, Run &&run) {
  parallel(
      tasks, work, [](void *context, int64_t task, int worker) { (*static_cast<Run *>(context))(task, worker); }, &run);
}

}  // namespace sta::cpu
