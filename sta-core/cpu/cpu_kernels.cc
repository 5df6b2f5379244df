// SPDX-License-Identifier: MIT
// See cpu_kernels.h. This file is compiled for any processor.
#include "cpu/cpu_kernels.h"

#include <cstdlib>
#include <string_view>

namespace sta::cpu {

#if defined(__x86_64__)
extern const CpuKernels kAvx2Kernels;

const CpuKernels *cpu_kernels() {
  static const CpuKernels *const kChosen = []() -> const CpuKernels * {
    const char *text = std::getenv("STA_CPU_KERNELS");
    const std::string_view wish = text ? text : "";
    if (wish == "off" || !__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return nullptr;
    return wish == "avx2" || !__builtin_cpu_supports("avx512f") ? &kAvx2Kernels : nullptr;
  }();
  return kChosen;
}
#else
const CpuKernels *cpu_kernels() { return nullptr; }
#endif

}  // namespace sta::cpu
