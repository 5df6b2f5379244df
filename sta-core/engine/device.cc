// SPDX-License-Identifier: MIT
// See device.h.
#include "engine/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "library_preload.h"

namespace sta {
namespace {

// libtorch_cuda.so and the libraries it needs are gigabytes. So they are loaded once, and only when somebody wants
// CUDA. Its static initialisers register the CUDA kernels. Libraries that it would later look for in vain are loaded
// first (library_preload.h).
std::string load_cuda() {
  static std::once_flag once;
  static std::string failure;
  std::call_once(once, [] {
    std::error_code ec;
    if (const std::string folder = folder_of_loaded("libc10.so"); std::filesystem::exists(folder + "/libtorch_cuda.so", ec))
      preload_cuda_libraries(folder);
    if (!dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL)) failure = std::string("this LibTorch has no usable CUDA part (") + dlerror() + ")";
  });
  return failure;
}

Result<at::Device> cuda_device(int index) {
  if (std::string failure = load_cuda(); !failure.empty()) return Error{STA_ERROR_DEVICE, "device cuda: " + failure};
  if (!at::hasCUDA()) return Error{STA_ERROR_DEVICE, "device cuda: no CUDA driver or no CUDA device found"};
  const int count = static_cast<int>(at::detail::getCUDAHooks().deviceCount());
  if (index >= count)
    return Error{STA_ERROR_DEVICE, "device cuda:" + std::to_string(index) + ": there are " + std::to_string(count) + " CUDA devices"};
  return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
}

}  // namespace

Result<at::Device> resolve_device(const std::string &text) {
  if (text == "cpu") return at::Device(at::kCPU);
  if (text == "auto" || text.empty()) {
    auto cuda = cuda_device(0);
    return cuda ? *cuda : at::Device(at::kCPU);
  }
  if (text == "cuda") return cuda_device(0);
  if (text.rfind("cuda:", 0) == 0 && text.size() > 5 && text.size() < 9 &&
      std::all_of(text.begin() + 5, text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return cuda_device(std::atoi(text.c_str() + 5));
  return Error{STA_ERROR_INVALID_ARGUMENT, "device \"" + text + "\" should be auto, cpu, cuda or cuda:N"};
}

at::ScalarType resolve_precision(sta_precision precision, at::Device device) {
  switch (precision) {
    case STA_PRECISION_FP32:
      return at::kFloat;
    case STA_PRECISION_BF16:
      return at::kBFloat16;
    case STA_PRECISION_FP16:
      return at::kHalf;
    case STA_PRECISION_AUTO:
      break;
  }
  if (device.is_cuda()) return at::kBFloat16;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bf16")) return at::kBFloat16;
#endif
  return at::kFloat;
}

const char *precision_name(at::ScalarType type) { return type == at::kFloat ? "fp32" : type == at::kBFloat16 ? "bf16" : "fp16"; }

void *current_stream(at::Device device) {
  if (!device.is_cuda()) return nullptr;
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device).native_handle();
}

int resolve_threads(int wanted) {
  if (wanted > 0) return wanted;
  cpu_set_t set;
  const int cores = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  return std::max(1, cores - 1);
}

void enter_worker_thread(int nice, int threads) {
  // On Linux the nice value belongs to the thread, and threads that it creates inherit it. This includes OpenMP's
  // helpers, because this runs before they exist.
  if (nice > 0) setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), nice);
  pthread_setname_np(pthread_self(), "sta-worker");
  at::set_num_threads(threads);
}

}  // namespace sta
