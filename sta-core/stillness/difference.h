// SPDX-License-Identifier: MIT
// The inner loops of stillness: sums of absolute differences. Plain loops over contiguous arrays, so that the compiler
// vectorises them; on x86-64 they are compiled for AVX2 as well, and the processor decides when the library is loaded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sta {

/// Adds, by channel, the absolute differences of two patches of `patch` x `patch` RGB pixels whose rows lie `stride`
/// bytes apart. Exact. patch: 1 .. 4096.
void add_differences(const uint8_t *a, const uint8_t *b, size_t stride, int patch, std::array<uint64_t, 3> &sums);

/// The mean of |a - b| over `count` values.
float mean_difference(const float *a, const float *b, int64_t count);

}  // namespace sta
