// SPDX-License-Identifier: MIT
// Sorting by counting, within one block of a kernel: the rank of a key is the number of keys that are smaller, or equal
// and earlier. The result cannot depend on the order in which threads run.
#pragma once

#include <cstdint>

#include "cuda/platform.h"

namespace sta::cuda {

// kSlices threads compute each column of a mat-vec and each rank. Each takes every kSlices-th term, and the partial
// results are added in order.
constexpr int kSlices = 4;

struct Worker {
  int slice, column, columns;  // slice and column of this thread; columns: threads per slice
};

// Calls use(i, rank) for each i < n, in one thread each. rank: position of key[i] in ascending order, ties by index.
// Ends with a barrier.
template <typename Use>
__device__ __forceinline__ void rank_keys(const uint32_t *key, int n, const Worker &w, float *scratch, Use use) {
  int *partial = reinterpret_cast<int *>(scratch);
  for (int base = 0; base < n; base += w.columns) {
    const int i = base + w.column;
    int before = 0;
    if (i < n) {
      const uint32_t mine = key[i];
      for (int j = w.slice; j < n; j += kSlices) before += key[j] < mine || (key[j] == mine && j < i);
    }
    partial[w.slice * w.columns + w.column] = before;
    __syncthreads();
    if (w.slice == 0 && i < n) {
      int rank = 0;
      for (int slice = 0; slice < kSlices; ++slice) rank += partial[slice * w.columns + w.column];
      use(i, rank);
    }
    __syncthreads();
  }
}

}  // namespace sta::cuda
