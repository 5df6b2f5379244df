// SPDX-License-Identifier: MIT
// See parallel.h.
#include "cpu/parallel.h"

#include <omp.h>

namespace sta::cpu {

namespace {
constexpr int64_t kLittleWork = 2'000'000;  // 40 microseconds of one core
}

int workers() { return omp_get_max_threads(); }

void parallel(int64_t tasks, int64_t work, void (*run)(void *context, int64_t task, int worker), void *context) {
  if (tasks <= 1 || work < kLittleWork || workers() <= 1) {
    for (int64_t task = 0; task < tasks; ++task) run(context, task, 0);
    return;
  }
#pragma omp parallel for schedule(dynamic, 1)
  for (int64_t task = 0; task < tasks; ++task) run(context, task, omp_get_thread_num());
}

}  // namespace sta::cpu
