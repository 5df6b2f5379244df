// SPDX-License-Identifier: MIT
// See window_upload.h.
#include "cuda/window_upload.h"

#include <utility>

#include "cuda/library_call.h"

namespace sta {

Status UploadedWindow::send() {
  const KernelLibrary &kernels = pool_->kernels_;
  void *const stream = pool_->stream_;
  const CurrentDevice current(kernels, pool_->device_);
  if (!current.status()) return current.status();
  if (auto s = library_call([&](char *m) { return kernels.event_order(slot_.read, stream, m); }); !s) return s;
  if (auto s = library_call([&](char *m) { return kernels.upload_pinned(slot_.memory, slot_.pinned, pool_->bytes_, stream, m); }); !s) return s;
  return library_call([&](char *m) { return kernels.event_record(slot_.arrived, stream, m); });
}

Status UploadedWindow::begin_read(void *stream) {
  const CurrentDevice current(pool_->kernels_, pool_->device_);
  if (!current.status()) return current.status();
  return library_call([&](char *m) { return pool_->kernels_.event_order(slot_.arrived, stream, m); });
}

Status UploadedWindow::end_read(void *stream) {
  const CurrentDevice current(pool_->kernels_, pool_->device_);
  if (!current.status()) return current.status();
  return library_call([&](char *m) { return pool_->kernels_.event_record(slot_.read, stream, m); });
}

UploadedWindow::~UploadedWindow() { pool_->put(slot_); }

Result<std::shared_ptr<UploadPool>> UploadPool::create(const KernelLibrary &kernels, int device, size_t bytes) {
  std::shared_ptr<UploadPool> pool(new UploadPool(kernels, device, bytes));
  if (auto s = library_call([&](char *m) { return kernels.stream_new(device, &pool->stream_, m); }); !s) return std::move(s).error();
  return pool;
}

UploadPool::~UploadPool() {
  for (const UploadedWindow::Slot &slot : free_) free(slot);
  kernels_.stream_free(device_, stream_);
}

// Device memory goes first: releasing it waits for the work of the device, which includes reads of the pinned memory.
void UploadPool::free(const UploadedWindow::Slot &slot) {
  kernels_.release(device_, slot.memory);
  kernels_.pinned_free(device_, slot.pinned);
  kernels_.event_free(device_, slot.arrived);
  kernels_.event_free(device_, slot.read);
}

Status UploadPool::make(UploadedWindow::Slot &slot) {
  if (auto s = library_call([&](char *m) { return kernels_.allocate(device_, bytes_, &slot.memory, m); }); !s) return s;
  if (auto s = library_call([&](char *m) { return kernels_.pinned_new(device_, bytes_, &slot.pinned, m); }); !s) return s;
  if (auto s = library_call([&](char *m) { return kernels_.event_new(device_, &slot.arrived, m); }); !s) return s;
  return library_call([&](char *m) { return kernels_.event_new(device_, &slot.read, m); });
}

Result<std::unique_ptr<UploadedWindow>> UploadPool::take() {
  UploadedWindow::Slot slot;
  {
    std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      slot = free_.back();
      free_.pop_back();
    } else {
      free_.reserve(++made_);  // so that put() allocates nothing
    }
  }
  if (!slot.memory) {
    if (auto s = make(slot); !s) {
      free(slot);
      std::lock_guard lock(mutex_);
      --made_;
      return std::move(s).error();
    }
  }
  std::unique_ptr<UploadedWindow> window(new UploadedWindow(shared_from_this(), slot));
  // Wait for the copy of the previous owner. It is done already, unless that window was replaced.
  if (auto s = library_call([&](char *m) { return kernels_.event_wait(slot.arrived, m); }); !s) return std::move(s).error();
  return window;
}

void UploadPool::put(const UploadedWindow::Slot &slot) {
  std::lock_guard lock(mutex_);
  free_.push_back(slot);
}

}  // namespace sta
