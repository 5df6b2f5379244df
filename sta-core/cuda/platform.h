// SPDX-License-Identifier: MIT
// The kernels have one source for two compilers: nvcc for the device, and any C++20 compiler with the emulation of
// tests/cuda/emulation. There every CUDA thread is a fiber. This header holds the differences: the language's header,
// launches, dynamic shared memory, loop unrolling.
//
// Arithmetic is the same in both, bit for bit. The library is compiled with -fmad=false, intended multiply-adds are
// written as fmaf, sums have a fixed order, and the exponential is our own (scalar.h). So the tests see the same
// numbers under the emulation as a device computes.
#pragma once

#ifdef __CUDACC__
#include <cuda_runtime.h>
#define STA_LAUNCH(kernel, grid, block, shared_bytes, stream, ...) \
  do {                                                             \
    ::sta::cuda::count_launch();                                   \
    kernel<<<grid, block, shared_bytes, stream>>>(__VA_ARGS__);    \
  } while (0)
// All kernels of a file share this one array, so it has one name and type. They take their own pointers out of it.
#define STA_DYNAMIC_SHARED(name)                                       \
  extern __shared__ __align__(16) unsigned char sta_dynamic_shared_[]; \
  unsigned char *name = sta_dynamic_shared_
#else
#include "emulation/cuda_emulation.h"
#define STA_LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                \
  do {                                                                            \
    ::sta::cuda::count_launch();                                                  \
    static_cast<void>(stream);                                                    \
    ::emulation::launch(grid, block, shared_bytes, [=] { kernel(__VA_ARGS__); }); \
  } while (0)
#define STA_DYNAMIC_SHARED(name) unsigned char *name = static_cast<unsigned char *>(::emulation::dynamic_shared())
#endif

#define STA_PRAGMA_(text) _Pragma(#text)
#ifdef __CUDACC__
#define STA_UNROLL(n) STA_PRAGMA_(unroll n)
#else
#define STA_UNROLL(n) STA_PRAGMA_(GCC unroll n)
#endif

namespace sta::cuda {

/// Adds one to sta_cuda_launches().
void count_launch();

}  // namespace sta::cuda
