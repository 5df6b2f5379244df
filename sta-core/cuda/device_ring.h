// SPDX-License-Identifier: MIT
// The window ring of a stream whose frames lie in device memory: the frame kernel writes each frame, scaled and
// normalised, into device memory, and full windows are copied together there. What Stream does with bytes in system
// memory (engine/stream.h), done with work that is put into a CUDA stream: the host never waits for it, and pixels
// never leave the device.
//
// Order is kept by events alone. A frame is read after what its producer has put into the producer's stream, and what
// the producer puts there later comes after the reading. A clip is read after it was filled, and filled anew after it
// was read.
//
// Written against the functions of libsta-cuda only, without LibTorch, so that tests run it on an emulated device with
// streams of their own.
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
  sta_cuda_type type;  // of the clips: the model's
  int device;          // index
  std::array<float, 3> scale, shift;
};

class ClipPool;

/// One window on the device: [3,T,H,W], contiguous, in the model's type. Goes back to its pool when it is destroyed,
/// which may happen in any thread and under any lock: nothing is freed or waited for then, unless the ring is gone and
/// this was its last clip.
class DeviceClip {
 public:
  ~DeviceClip();
  DeviceClip(const DeviceClip &) = delete;
  DeviceClip &operator=(const DeviceClip &) = delete;

  const void *data() const { return slot_.memory; }
  /// Work put into `stream` from now on finds the window filled. DEVICE if the runtime refuses.
  Status begin_read(void *stream);
  /// The window may be overwritten once the work put into `stream` so far is done. To be called also if that work has
  /// failed half-way.
  Status end_read(void *stream);

 private:
  friend class ClipPool;
  struct Slot {
    void *memory = nullptr, *filled = nullptr, *read = nullptr;  // events: both are kept with the memory
  };
  DeviceClip(std::shared_ptr<ClipPool> pool, Slot slot) : pool_(std::move(pool)), slot_(slot) {}

  const std::shared_ptr<ClipPool> pool_;
  const Slot slot_;
};

/// Used by one thread at a time, but for the clips it has given out.
class DeviceRing {
 public:
  /// DEVICE with the runtime's reason (no memory, no such device).
  static Result<std::unique_ptr<DeviceRing>> create(const KernelLibrary &kernels, const DeviceRingSpec &spec);
  /// Waits for the device to finish what it has been given.
  ~DeviceRing();
  DeviceRing(const DeviceRing &) = delete;
  DeviceRing &operator=(const DeviceRing &) = delete;

  /// Scales a frame of device memory: it becomes the incoming one. frame.cuda_stream orders the reading, see above.
  /// INVALID_ARGUMENT as make_frame_plan; DEVICE.
  Status take(const sta_frame &frame);
  /// The incoming frame is the one on screen from now on.
  void show() { std::swap(incoming_, shown_); }
  /// The frame on screen becomes sample k.
  Status settle(uint64_t k);
  /// Samples first .. first + count - 1, which are the newest T at most, as a clip; the last of them is repeated if
  /// count is below T.
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
  void *arrived_ = nullptr, *taken_ = nullptr;   // events: the frame is there, the frame has been read
  void *incoming_ = nullptr, *shown_ = nullptr;  // [3,H,W]
  void *ring_ = nullptr;                         // [3,T,H,W], sample k in step k mod T
  void *tables_ = nullptr;                       // on the device: a copy of the vector below
  size_t tables_capacity_ = 0;                   // numbers
  std::vector<int32_t> loaded_tables_;
};

}  // namespace sta
