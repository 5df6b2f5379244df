// SPDX-License-Identifier: MIT
// See device_ring.h.
#include "cuda/device_ring.h"

#include <algorithm>
#include <utility>

#include "cuda/library_call.h"

namespace sta {
namespace {

size_t type_bytes(sta_cuda_type type) { return type == STA_CUDA_FP32 ? 4 : 2; }

}  // namespace

/// The unused clips of a ring. The ring and the clips that are given out share the pool, so the last of them frees the
/// memory.
class ClipPool : public std::enable_shared_from_this<ClipPool> {
 public:
  ClipPool(const KernelLibrary &kernels, int device, size_t bytes) : kernels_(kernels), device_(device), bytes_(bytes) {}
  ~ClipPool() {
    for (const DeviceClip::Slot &slot : free_) {
      kernels_.release(device_, slot.memory);
      kernels_.event_free(device_, slot.filled);
      kernels_.event_free(device_, slot.read);
    }
  }

  Result<std::unique_ptr<DeviceClip>> get() {
    DeviceClip::Slot slot;
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
      Status status = library_call([&](char *message) { return kernels_.allocate(device_, bytes_, &slot.memory, message); });
      if (status) status = library_call([&](char *message) { return kernels_.event_new(device_, &slot.filled, message); });
      if (status) status = library_call([&](char *message) { return kernels_.event_new(device_, &slot.read, message); });
      if (!status) {
        kernels_.release(device_, slot.memory);
        kernels_.event_free(device_, slot.filled);
        return std::move(status).error();
      }
    }
    return std::unique_ptr<DeviceClip>(new DeviceClip(shared_from_this(), slot));
  }
  void put(const DeviceClip::Slot &slot) {
    std::lock_guard lock(mutex_);
    free_.push_back(slot);
  }

  // Filling a clip of this pool in `stream`: it begins after the clip was last read.
  static void *memory(DeviceClip &clip) { return clip.slot_.memory; }
  Status begin_fill(DeviceClip &clip, void *stream) {
    return library_call([&](char *message) { return kernels_.event_order(clip.slot_.read, stream, message); });
  }
  Status end_fill(DeviceClip &clip, void *stream) {
    return library_call([&](char *message) { return kernels_.event_record(clip.slot_.filled, stream, message); });
  }

  const KernelLibrary &kernels_;
  const int device_;

 private:
  const size_t bytes_;
  std::mutex mutex_;  // a leaf lock: nothing of the library is called while it is held
  std::vector<DeviceClip::Slot> free_;
  size_t made_ = 0;
};

DeviceClip::~DeviceClip() { pool_->put(slot_); }

Status DeviceClip::begin_read(void *stream) {
  const CurrentDevice current(pool_->kernels_, pool_->device_);
  if (!current.status()) return current.status();
  return library_call([&](char *message) { return pool_->kernels_.event_order(slot_.filled, stream, message); });
}

Status DeviceClip::end_read(void *stream) {
  const CurrentDevice current(pool_->kernels_, pool_->device_);
  if (!current.status()) return current.status();
  return library_call([&](char *message) { return pool_->kernels_.event_record(slot_.read, stream, message); });
}

DeviceRing::DeviceRing(const KernelLibrary &kernels, const DeviceRingSpec &spec) : kernels_(kernels), spec_(spec) {}

size_t DeviceRing::picture_bytes() const { return static_cast<size_t>(spec_.picture.height) * spec_.picture.width * type_bytes(spec_.type); }

Result<std::unique_ptr<DeviceRing>> DeviceRing::create(const KernelLibrary &kernels, const DeviceRingSpec &spec) {
  if (auto status = check_spec(spec.picture); !status) return std::move(status).error();
  std::unique_ptr<DeviceRing> ring(new DeviceRing(kernels, spec));
  if (auto status = ring->start(); !status) return std::move(status).error();
  return ring;
}

Status DeviceRing::start() {
  const int device = spec_.device;
  const size_t picture = picture_bytes(), window = 3 * static_cast<size_t>(spec_.num_frames) * picture;
  pool_ = std::make_shared<ClipPool>(kernels_, device, window);
  if (auto s = library_call([&](char *m) { return kernels_.stream_new(device, &stream_, m); }); !s) return s;
  for (void **event : {&arrived_, &taken_})
    if (auto s = library_call([&](char *m) { return kernels_.event_new(device, event, m); }); !s) return s;
  for (void **memory : {&incoming_, &shown_})
    if (auto s = library_call([&](char *m) { return kernels_.allocate(device, 3 * picture, memory, m); }); !s) return s;
  return library_call([&](char *m) { return kernels_.allocate(device, window, &ring_, m); });
}

DeviceRing::~DeviceRing() {
  // Release the memory first: that waits for the work that uses it.
  for (void *memory : {tables_, ring_, shown_, incoming_}) kernels_.release(spec_.device, memory);
  for (void *event : {arrived_, taken_}) kernels_.event_free(spec_.device, event);
  kernels_.stream_free(spec_.device, stream_);
}

// Frames of one size and format have the same tables. They are copied to the device only when size or format change.
Status DeviceRing::load_tables(const FramePlan &plan) {
  if (plan.tables == loaded_tables_) return ok();
  loaded_tables_.clear();  // stays so if anything below fails
  if (plan.tables.size() > tables_capacity_) {
    kernels_.release(spec_.device, std::exchange(tables_, nullptr));
    tables_capacity_ = 0;
    const auto allocate = [&](char *m) { return kernels_.allocate(spec_.device, plan.tables.size() * sizeof(int32_t), &tables_, m); };
    if (auto s = library_call(allocate); !s) return s;
    tables_capacity_ = plan.tables.size();
  }
  const auto upload = [&](char *m) { return kernels_.upload(tables_, plan.tables.data(), plan.tables.size() * sizeof(int32_t), stream_, m); };
  if (auto s = library_call(upload); !s) return s;
  loaded_tables_ = plan.tables;
  return ok();
}

Status DeviceRing::take(const sta_frame &frame) {
  auto plan = make_frame_plan(frame, spec_.picture, spec_.scale, spec_.shift);
  if (!plan) return std::move(plan).error();
  const CurrentDevice current(kernels_, spec_.device);
  if (!current.status()) return current.status();
  if (auto s = load_tables(*plan); !s) return s;
  if (auto s = library_call([&](char *m) { return kernels_.event_record(arrived_, frame.cuda_stream, m); }); !s) return s;
  if (auto s = library_call([&](char *m) { return kernels_.event_order(arrived_, stream_, m); }); !s) return s;
  sta_cuda_frame_args args = plan->with_tables(static_cast<const int32_t *>(tables_));
  args.out = incoming_;
  args.out_row = spec_.picture.width;
  args.out_channel = static_cast<int64_t>(spec_.picture.height) * spec_.picture.width;
  args.type = spec_.type;
  if (auto s = library_call([&](char *m) { return kernels_.frame(&args, stream_, m); }); !s) return s;
  if (auto s = library_call([&](char *m) { return kernels_.event_record(taken_, stream_, m); }); !s) return s;
  return library_call([&](char *m) { return kernels_.event_order(taken_, frame.cuda_stream, m); });
}

Status DeviceRing::settle(uint64_t k) {
  const CurrentDevice current(kernels_, spec_.device);
  if (!current.status()) return current.status();
  const size_t picture = picture_bytes(), steps = static_cast<size_t>(spec_.num_frames);
  char *slot = static_cast<char *>(ring_) + k % steps * picture;
  return library_call([&](char *m) { return kernels_.copy_rows(slot, steps * picture, shown_, picture, picture, 3, stream_, m); });
}

Result<std::unique_ptr<DeviceClip>> DeviceRing::window(uint64_t first, int count) {
  const CurrentDevice current(kernels_, spec_.device);
  if (!current.status()) return current.status().error();
  auto got = pool_->get();
  if (!got) return std::move(got).error();
  DeviceClip &clip = **got;
  if (auto s = pool_->begin_fill(clip, stream_); !s) return std::move(s).error();
  const size_t picture = picture_bytes(), steps = static_cast<size_t>(spec_.num_frames), pitch = steps * picture;
  char *to = static_cast<char *>(ClipPool::memory(clip));
  const char *from = static_cast<const char *>(ring_);
  const auto copy = [&](size_t to_step, size_t from_step, size_t n) {
    return library_call(
        [&](char *m) { return kernels_.copy_rows(to + to_step * picture, pitch, from + from_step * picture, pitch, n * picture, 3, stream_, m); });
  };
  // Copy the ring from `first` to the ring's end, and then from its beginning.
  const size_t begin = first % steps, whole = static_cast<size_t>(count), head = std::min(whole, steps - begin);
  if (auto s = copy(0, begin, head); !s) return std::move(s).error();
  if (whole > head)
    if (auto s = copy(head, 0, whole - head); !s) return std::move(s).error();
  const size_t last = (first + whole - 1) % steps;
  for (size_t step = whole; step < steps; ++step)
    if (auto s = copy(step, last, 1); !s) return std::move(s).error();
  if (auto s = pool_->end_fill(clip, stream_); !s) return std::move(s).error();
  return got;
}

}  // namespace sta
