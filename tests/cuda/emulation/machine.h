// SPDX-License-Identifier: MIT
// The emulated device. It runs the blocks of a launch one after another, and the threads of a block as fibers in a
// chosen order, each until it must wait. The results of a kernel must not depend on that order. A kernel that forgets a
// barrier gives other results in another order. ThreadSanitizer knows of barriers only, and names the two lines of the
// race.
//
// The emulation is stricter than a GPU where a GPU is merely lucky. A launch throws LaunchError if
//   threads wait at different __syncthreads, or some have ended while others wait
//   lanes of a warp meet in different operations, or with different masks, or a lane named in a mask never comes
//   a shuffle reads a lane that takes no part
//   memory behind the dynamic shared memory was written
//   block or shared memory is larger than a GPU has
//
// Not emulated: clusters, grid-wide barriers, textures, inline PTX, the weak memory model between blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <source_location>
#include <stdexcept>
#include <string>

namespace emulation {

struct Index3 {
  unsigned x, y, z;
};

struct Dim3 {
  unsigned x, y, z;
  constexpr Dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

struct LaunchError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The order in which runnable threads run and blocks are taken. kShuffled draws a new order for every round from
/// `seed`.
enum class Order { kForward, kBackward, kShuffled };
void set_order(Order order, uint64_t seed = 1);

/// Runs body() once per thread. Not thread-safe: one operating-system thread is the device.
void launch(Dim3 grid, Dim3 block, size_t shared_bytes, const std::function<void()> &body);

/// Launches of this process so far.
uint64_t launch_count();
/// True inside a kernel.
bool in_kernel();

// ---- what kernels see, through cuda_emulation.h

const Index3 &thread_index();
const Index3 &block_index();
const Dim3 &block_dim();
const Dim3 &grid_dim();
/// Fresh for every block and filled with 0xff (NaN as float), since nothing may be read before it is written.
void *dynamic_shared();

void barrier(const std::source_location &at);

enum class WarpOp { kSync, kShuffle, kBallot, kMatchAny, kReduceAdd, kReduceMin, kReduceMax };
/// value: the value of this lane. source: for kShuffle, the lane to read; a lane may always read itself. Returns the
/// shuffled value, the ballot of non-zero values, the mask of lanes with the same value, or the reduction of 32-bit
/// values.
uint64_t warp_operation(WarpOp op, unsigned mask, uint64_t value, int source, const std::source_location &at);

}  // namespace emulation
