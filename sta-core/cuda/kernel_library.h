// SPDX-License-Identifier: MIT
// libsta-cuda as sta-core sees it: a table of its functions. dlopen fills the table when a CUDA device is first used.
// sta-core itself knows nothing about CUDA, and is the same library on a machine without a CUDA device. Tests fill a
// table with the emulated kernels instead.
#pragma once

#include <string>

#include "cuda/sta_cuda.h"

namespace sta {

// X(name) stands for the member `name` of KernelLibrary and the function sta_cuda_name behind it.
#define STA_KERNEL_LIBRARY_FUNCTIONS(X) \
  X(devices)                            \
  X(launches)                           \
  X(context)                            \
  X(set_device)                         \
  X(allocate)                           \
  X(release)                            \
  X(pinned_new)                         \
  X(pinned_free)                        \
  X(stream_new)                         \
  X(stream_free)                        \
  X(event_new)                          \
  X(event_free)                         \
  X(event_record)                       \
  X(event_order)                        \
  X(event_wait)                         \
  X(upload)                             \
  X(upload_pinned)                      \
  X(copy_rows)                          \
  X(prune_workspace)                    \
  X(prune)                              \
  X(gather)                             \
  X(frame)

struct KernelLibrary {
#define STA_KERNEL_LIBRARY_MEMBER(name) decltype(&::sta_cuda_##name) name;
  STA_KERNEL_LIBRARY_FUNCTIONS(STA_KERNEL_LIBRARY_MEMBER)
#undef STA_KERNEL_LIBRARY_MEMBER
};

/// Returns the library of the process. The first call that succeeds loads it; it is never unloaded. Thread-safe. NULL:
/// it cannot be used, and *why says what was tried (no such file, another version, no device).
///
/// Places, in this order: $STA_CUDA_PATH (a full file path; if set, the only place), the folder of libsta-core, cuda/
/// in that folder (running uninstalled), the dynamic linker's own search for libsta-cuda.so.1.
const KernelLibrary *load_kernel_library(std::string *why);

}  // namespace sta
