// SPDX-License-Identifier: MIT
// Brings a window's pixels from system memory to the device without anybody waiting. The pixels are written into pinned
// memory, which the device can read by itself. The thread that cuts windows puts the copy into a separate stream. So
// the copy runs while the worker computes the previous pass, and the worker's stream then starts with pixels that have
// arrived.
//
// Events keep the order: a window is read after it has arrived, and its device memory is written again after it was
// read. There is one case in which the host waits. If a window was replaced before the worker reached it, its copy may
// still be on its way. Whoever takes that window's memory next waits for the copy.
//
// It uses only the functions of libsta-cuda and no LibTorch. So tests can run it on an emulated device that has its own
// streams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "cuda/kernel_library.h"
#include "result.h"

namespace sta {

class UploadPool;

/// One window: bytes [T,H,W,3] in pinned memory and the same on the device. It goes back to its pool when it is
/// destroyed. That may happen in any thread and under any lock, because it frees nothing and waits for nothing. The
/// exception: the pool is gone and this was its last window.
class UploadedWindow {
 public:
  ~UploadedWindow();
  UploadedWindow(const UploadedWindow &) = delete;
  UploadedWindow &operator=(const UploadedWindow &) = delete;

  /// Fill these before send().
  uint8_t *pixels() { return static_cast<uint8_t *>(slot_.pinned); }
  /// Puts the copy into the pool's stream. Do not touch the pixels after that. DEVICE.
  Status send();

  const void *data() const { return slot_.memory; }
  /// Work that is put into `stream` from now on runs after the window has arrived. DEVICE.
  Status begin_read(void *stream);
  /// The window may be overwritten once the work that is in `stream` now is done. Call it even if that work has failed
  /// half-way.
  Status end_read(void *stream);

 private:
  friend class UploadPool;
  struct Slot {
    void *pinned = nullptr, *memory = nullptr, *arrived = nullptr, *read = nullptr;  // the last two are events
  };
  UploadedWindow(std::shared_ptr<UploadPool> pool, Slot slot) : pool_(std::move(pool)), slot_(slot) {}

  const std::shared_ptr<UploadPool> pool_;
  const Slot slot_;
};

/// The unused windows of one engine. The pool grows to the number of windows that are under way at one time: for each
/// stream one that is being filled, one in the mailbox, one in the worker. Thread-safe.
class UploadPool : public std::enable_shared_from_this<UploadPool> {
 public:
  /// bytes: size of a window. DEVICE with the runtime's reason.
  static Result<std::shared_ptr<UploadPool>> create(const KernelLibrary &kernels, int device, size_t bytes);
  /// Waits for the device to finish what it has been given.
  ~UploadPool();
  UploadPool(const UploadPool &) = delete;
  UploadPool &operator=(const UploadPool &) = delete;

  /// A window to fill. DEVICE: there is no pinned memory or no device memory.
  Result<std::unique_ptr<UploadedWindow>> take();

 private:
  friend class UploadedWindow;
  UploadPool(const KernelLibrary &kernels, int device, size_t bytes) : kernels_(kernels), device_(device), bytes_(bytes) {}
  Status make(UploadedWindow::Slot &slot);
  void free(const UploadedWindow::Slot &slot);
  void put(const UploadedWindow::Slot &slot);

  const KernelLibrary &kernels_;
  const int device_;
  const size_t bytes_;
  void *stream_ = nullptr;
  std::mutex mutex_;  // a leaf lock: nothing of the library is called while it is held
  std::vector<UploadedWindow::Slot> free_;
  size_t made_ = 0;
};

}  // namespace sta
