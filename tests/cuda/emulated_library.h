// SPDX-License-Identifier: MIT
// The emulated kernels, as the function table that sta-core gets from libsta-cuda.
#pragma once

#include "cuda/kernel_library.h"

#define STA_EMULATED_FUNCTION(name) &sta_cuda_##name,
inline constexpr sta::KernelLibrary kEmulated{STA_KERNEL_LIBRARY_FUNCTIONS(STA_EMULATED_FUNCTION)};
#undef STA_EMULATED_FUNCTION
