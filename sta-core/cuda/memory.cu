// SPDX-License-Identifier: MIT
// Memory, streams and events of the CUDA runtime as plain functions. With them sta-core orders work on a device without
// being compiled against CUDA.
#include "cuda/sta_cuda.h"
#include "cuda/status.h"

namespace sta::cuda {
namespace {

sta_cuda_status check(cudaError_t error, const char *what, char *message) {
  if (error == cudaSuccess) return STA_CUDA_OK;
  cudaGetLastError();  // the error is reported here, so the next call must not find it
  return report(STA_CUDA_FAILED, what, cudaGetErrorString(error), message);
}

// Makes a device current for as long as this object lives.
class Current {
 public:
  explicit Current(int device) {
    error_ = cudaGetDevice(&previous_);
    if (error_ == cudaSuccess && device != previous_) {
      error_ = cudaSetDevice(device);
      changed_ = error_ == cudaSuccess;
    }
  }
  ~Current() {
    if (changed_) cudaSetDevice(previous_);
  }
  Current(const Current &) = delete;
  Current &operator=(const Current &) = delete;
  cudaError_t error() const { return error_; }

 private:
  int previous_ = 0;
  bool changed_ = false;
  cudaError_t error_;
};

}  // namespace
}  // namespace sta::cuda

using namespace sta::cuda;

extern "C" sta_cuda_status sta_cuda_context(int device, void **context, char *message) {
  *context = nullptr;
  const Current current(device);
  if (current.error() != cudaSuccess) return check(current.error(), "context", message);
  // This call changes nothing, but makes the runtime create the primary context.
  if (const cudaError_t error = cudaFree(nullptr); error != cudaSuccess) return check(error, "context", message);
#ifdef __CUDACC__
  void *entry = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  const cudaError_t error = cudaGetDriverEntryPointByVersion("cuCtxGetCurrent", &entry, 12000, cudaEnableDefault, &found);
  if (error != cudaSuccess) return check(error, "context", message);
  const auto get_current = reinterpret_cast<int (*)(void **)>(entry);
  if (found != cudaDriverEntryPointSuccess || get_current(context) != 0 || !*context)
    return report(STA_CUDA_FAILED, "context", "the driver names none", message);
#else
  static char the_context;
  *context = &the_context;
#endif
  return STA_CUDA_OK;
}

extern "C" sta_cuda_status sta_cuda_set_device(int device, int *previous, char *message) {
  int before = 0;
  if (const cudaError_t error = cudaGetDevice(&before); error != cudaSuccess) return check(error, "current device", message);
  if (previous) *previous = before;
  return device == before ? STA_CUDA_OK : check(cudaSetDevice(device), "current device", message);
}

extern "C" sta_cuda_status sta_cuda_allocate(int device, size_t bytes, void **memory, char *message) {
  *memory = nullptr;
  const Current current(device);
  return check(current.error() != cudaSuccess ? current.error() : cudaMalloc(memory, bytes), "device memory", message);
}

extern "C" void sta_cuda_release(int device, void *memory) {
  const Current current(device);
  if (memory) cudaFree(memory);
}

extern "C" sta_cuda_status sta_cuda_pinned_new(int device, size_t bytes, void **memory, char *message) {
  *memory = nullptr;
  const Current current(device);
  return check(current.error() != cudaSuccess ? current.error() : cudaHostAlloc(memory, bytes, cudaHostAllocDefault), "pinned memory", message);
}

extern "C" void sta_cuda_pinned_free(int device, void *memory) {
  const Current current(device);
  if (memory) cudaFreeHost(memory);
}

extern "C" sta_cuda_status sta_cuda_stream_new(int device, void **stream, char *message) {
  *stream = nullptr;
  const Current current(device);
  cudaStream_t made = nullptr;
  const cudaError_t error = current.error() != cudaSuccess ? current.error() : cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking);
  if (error == cudaSuccess) *stream = made;
  return check(error, "stream", message);
}

extern "C" void sta_cuda_stream_free(int device, void *stream) {
  const Current current(device);
  if (stream) cudaStreamDestroy(static_cast<cudaStream_t>(stream));
}

extern "C" sta_cuda_status sta_cuda_event_new(int device, void **event, char *message) {
  *event = nullptr;
  const Current current(device);
  cudaEvent_t made = nullptr;
  const cudaError_t error =
      current.error() != cudaSuccess ? current.error() : cudaEventCreateWithFlags(&made, cudaEventDisableTiming | cudaEventBlockingSync);
  if (error == cudaSuccess) *event = made;
  return check(error, "event", message);
}

extern "C" void sta_cuda_event_free(int device, void *event) {
  const Current current(device);
  if (event) cudaEventDestroy(static_cast<cudaEvent_t>(event));
}

extern "C" sta_cuda_status sta_cuda_event_record(void *event, void *stream, char *message) {
  return check(cudaEventRecord(static_cast<cudaEvent_t>(event), static_cast<cudaStream_t>(stream)), "event", message);
}

extern "C" sta_cuda_status sta_cuda_event_order(void *event, void *stream, char *message) {
  return check(cudaStreamWaitEvent(static_cast<cudaStream_t>(stream), static_cast<cudaEvent_t>(event), 0), "order of streams", message);
}

extern "C" sta_cuda_status sta_cuda_event_wait(void *event, char *message) {
  return check(cudaEventSynchronize(static_cast<cudaEvent_t>(event)), "waiting for the device", message);
}

extern "C" sta_cuda_status sta_cuda_upload(void *to, const void *from, size_t bytes, void *stream, char *message) {
  // The memory is pageable, so the runtime returns only when it has its own copy.
  return check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, static_cast<cudaStream_t>(stream)), "upload", message);
}

extern "C" sta_cuda_status sta_cuda_upload_pinned(void *to, const void *from, size_t bytes, void *stream, char *message) {
  return check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, static_cast<cudaStream_t>(stream)), "upload", message);
}

extern "C" sta_cuda_status sta_cuda_copy_rows(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t rows, void *stream,
                                              char *message) {
  return check(cudaMemcpy2DAsync(to, to_pitch, from, from_pitch, width, rows, cudaMemcpyDeviceToDevice, static_cast<cudaStream_t>(stream)), "copy",
               message);
}
