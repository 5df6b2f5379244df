// SPDX-License-Identifier: MIT
// The window ring of a stream whose frames are in device memory. The frame kernel writes each frame, scaled and
// normalised, into device memory, and full windows are copied together there. Stream does the same with bytes in system
// memory (engine/stream.h). Here all work goes into a CUDA stream: the host never waits for it, and pixels never leave
// the device.
//
// Only events keep the order. A frame is read after the work that its producer has already put into the producer's
// stream. Work that the producer adds later runs after the reading. A clip is read after it was filled, and filled
// again after it was read.
//
// It uses only the functions of libsta-cuda and no LibTorch. So tests can run it on an emulated device that has its own
// streams.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "cuda/frame_plan.h"
#include "cuda/kernel_library.h"
#include "preprocess/preprocess.h"
#include "result.h"

namespace sta {

struct DeviceRingSpec {
  PreprocessSpec picture;
  int num_frames;      // T
  sta_cuda_type type;  // of the clips; the model's type
  int device;          // index
  std::array<float, 3> scale, shift;
};

class ClipPool;

/// One window on the device: [3,T,H,W], contiguous, in the model's type. It goes back to its pool when it is destroyed.
/// That may happen in any thread and under any lock, because it frees nothing and waits for nothing. The exception: the
/// ring is gone and this was its last clip.
class DeviceClip {
 public:
  ~DeviceClip();
  DeviceClip(const DeviceClip &) = delete;
  DeviceClip &operator=(const DeviceClip &) = delete;

  const void *data() const { return slot_.memory; }
  /// Work that is put into `stream` from now on runs after the window was filled. DEVICE if the runtime refuses.
  Status begin_read(void *stream);
  /// The window may be overwritten once the work that is in `stream` now is done. Call it even if that work has failed
  /// half-way.
  Status end_read(void *stream);

 private:
  friend class ClipPool;
  struct Slot {
    void *memory = nullptr, *filled = nullptr, *read = nullptr;  // filled, read: events, kept with the memory
  };
  DeviceClip(std::shared_ptr<ClipPool> pool, Slot slot) : pool_(std::move(pool)), slot_(slot) {}

  const std::shared_ptr<ClipPool> pool_;
  const Slot slot_;
};

/// One thread at a time may use the ring. The clips that it gave out are free of this rule.
class DeviceRing {
 public:
  /// DEVICE with the runtime's reason (no memory, no such device).
  static Result<std::unique_ptr<DeviceRing>> create(const KernelLibrary &kernels, const DeviceRingSpec &spec);
  /// Waits for the device to finish what it has been given.
  ~DeviceRing();
  DeviceRing(const DeviceRing &) = delete;
  DeviceRing &operator=(const DeviceRing &) = delete;

  /// Scales a frame in device memory, which becomes the incoming frame. frame.cuda_stream orders the reading, see
  /// above. Errors: INVALID_ARGUMENT as make_frame_plan; DEVICE.
  Status take(const sta_frame &frame);
  /// From now on the incoming frame is the frame on screen.
  void show() { std::swap(incoming_, shown_); }
  /// The frame on screen becomes sample k.
  Status settle(uint64_t k);
  /// Copies samples first .. first + count - 1 into a clip. They must be among the newest T. If count is below T, the
  /// last one is repeated.
  Result<std::unique_ptr<DeviceClip>> window(uint64_t first, int count);

 private:
  DeviceRing(const KernelLibrary &kernels, const DeviceRingSpec &spec);
  Status start();
  Status load_tables(const FramePlan &plan);
  size_t picture_bytes() const;  // of one channel of one time step

  const KernelLibrary &kernels_;
  const DeviceRingSpec spec_;
  std::shared_ptr<ClipPool> pool_;
  void *stream_ = nullptr;
  void *arrived_ = nullptr, *taken_ = nullptr;   // events: the frame has arrived, the frame has been read
  void *incoming_ = nullptr, *shown_ = nullptr;  // [3,H,W]
  void *ring_ = nullptr;                         // [3,T,H,W], sample k in step k mod T
  void *tables_ = nullptr;                       // on the device: a copy of the vector below
  size_t tables_capacity_ = 0;                   // numbers
  std::vector<int32_t> loaded_tables_;
};

}  // namespace sta
