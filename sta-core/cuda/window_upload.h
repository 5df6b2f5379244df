// SPDX-License-Identifier: MIT
// The way of a window's pixels from system memory to the device, without anybody waiting: they are written into pinned
// memory, which the device reads by itself, in a stream of its own. The thread that cuts windows puts the copy into
// that stream, so it runs while the worker's pass before is computed; the worker's stream then begins with what has
// arrived.
//
// Order is kept by events: a window is read after it has arrived, and its memory on the device is written again after
// it was read. Only whoever takes a window whose last copy is still on its way waits for that copy: one that was
// replaced before the worker came to it.
//
// Written against the functions of libsta-cuda only, without LibTorch, so that tests run it on an emulated device with
// streams of their own.
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

/// One window: bytes [T,H,W,3] in pinned memory and the same on the device. Goes back to its pool when it is destroyed,
/// in any thread and under any lock: nothing is freed or waited for then, unless the pool is gone and this was its last
/// window.
class UploadedWindow {
 public:
  ~UploadedWindow();
  UploadedWindow(const UploadedWindow &) = delete;
  UploadedWindow &operator=(const UploadedWindow &) = delete;

  /// To be filled before send().
  uint8_t *pixels() { return static_cast<uint8_t *>(slot_.pinned); }
  /// Puts the copy into the pool's stream; the pixels are not touched from now on. DEVICE.
  Status send();

  const void *data() const { return slot_.memory; }
  /// Work put into `stream` from now on finds the window there. DEVICE.
  Status begin_read(void *stream);
  /// The window may be overwritten once the work put into `stream` so far is done. To be called also if that work has
  /// failed half-way.
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

/// The windows of one engine that nobody has. There come to be as many as are under way at a time: of each stream one
/// that is filled, one in the mailbox, one in the worker. Thread-safe.
class UploadPool : public std::enable_shared_from_this<UploadPool> {
 public:
  /// bytes: of a window. DEVICE with the runtime's reason.
  static Result<std::shared_ptr<UploadPool>> create(const KernelLibrary &kernels, int device, size_t bytes);
  /// Waits for the device to finish what it has been given.
  ~UploadPool();
  UploadPool(const UploadPool &) = delete;
  UploadPool &operator=(const UploadPool &) = delete;

  /// A window to be filled. DEVICE: no memory, pinned or on the device.
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
  std::mutex mutex_;  // a leaf: nothing of the library is called with it held
  std::vector<UploadedWindow::Slot> free_;
  size_t made_ = 0;
};

}  // namespace sta
