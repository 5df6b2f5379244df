// SPDX-License-Identifier: MIT
// libsta-cuda as sta-core sees it: a table of its functions, filled by dlopen when a CUDA device is first used. sta-core itself knows nothing of CUDA
// and is the same library on a machine without one. Tests fill a table with the emulated kernels instead.
#pragma once

#include <string>

#include "cuda/sta_cuda.h"

namespace sta {

struct KernelLibrary {
  decltype(&::sta_cuda_devices) devices;
  decltype(&::sta_cuda_launches) launches;
  decltype(&::sta_cuda_prune_workspace) prune_workspace;
  decltype(&::sta_cuda_prune) prune;
  decltype(&::sta_cuda_gather) gather;
  decltype(&::sta_cuda_frame) frame;
};

/// The library of the process, loaded by the first call that succeeds and never unloaded; thread-safe. NULL: it cannot be used, and *why says what
/// was tried (no such file, another version, no device).
///
/// Order: $STA_CUDA_PATH (a full file path; if set, the only place), beside libsta-core, in cuda/ there (running uninstalled), the dynamic linker's
/// own search for libsta-cuda.so.1.
const KernelLibrary *load_kernel_library(std::string *why);

}  // namespace sta
