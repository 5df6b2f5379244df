// SPDX-License-Identifier: MIT
// Tests the window ring in device memory. The windows of frames in any format must equal those of the CPU's
// preprocessing bit for bit, in whatever order a device does what the streams allow. To make it hard, the producer
// overwrites a frame's memory as soon as that is allowed, and clips are reused at once.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "async_device.h"
#include "cuda/device_ring.h"
#include "cuda/scalar.h"
#include "device_memory.h"
#include "emulated_library.h"
#include "random.h"

namespace {

constexpr std::array<float, 3> kScale = {0.017f, 0.0175f, 0.0174f}, kShift = {-2.1f, -2.03f, -1.8f};

// A producer with device memory for one frame. It fills that memory anew for every frame, in its own stream.
class Producer {
 public:
  Producer(sta_pixel_format format, int width, int height, Random &random) : random_(random) {
    frame_.struct_size = sizeof(frame_);
    frame_.format = format;
    frame_.width = width;
    frame_.height = height;
    const sta::FrameLayout &layout = *sta::frame_layout(format);
    frame_.matrix = layout.model == sta::ColorModel::kYuv ? STA_MATRIX_BT709 : STA_MATRIX_RGB;
    frame_.memory = STA_MEMORY_CUDA;
    frame_.time = 0;
    async_device::library().stream_new(0, &frame_.cuda_stream, nullptr);
    for (int p = 0; p < layout.num_planes; ++p) {
      const int rows = (height + (1 << layout.planes[p].shift_y) - 1) >> layout.planes[p].shift_y, pitch = layout.row_bytes(p, width) + p;
      memory_.push_back(std::make_unique<device::Array<uint8_t>>(static_cast<size_t>(rows) * pitch));
      frame_.plane[p] = memory_.back()->get();
      frame_.stride[p] = pitch;
    }
  }

  // Puts the next frame into the stream, and returns what the CPU makes of it, u8 [H,W,3].
  const sta_frame &next(const sta::PreprocessSpec &spec, std::vector<uint8_t> *rgb) {
    std::vector<std::vector<uint8_t>> bytes;
    sta_frame host = frame_;
    host.memory = STA_MEMORY_SYSTEM;
    for (size_t p = 0; p < memory_.size(); ++p) {
      bytes.emplace_back(memory_[p]->size());
      for (uint8_t &b : bytes.back()) b = static_cast<uint8_t>(random_.next());
      host.plane[p] = bytes.back().data();
    }
    rgb->resize(static_cast<size_t>(spec.height) * spec.width * 3);
    EXPECT_TRUE(sta::Preprocessor(spec).run(host, rgb->data()));
    async_device::enqueue(frame_.cuda_stream, [this, bytes] {
      for (size_t p = 0; p < memory_.size(); ++p) cudaMemcpy(memory_[p]->get(), bytes[p].data(), bytes[p].size(), cudaMemcpyHostToDevice);
    });
    return frame_;
  }

 private:
  Random &random_;
  sta_frame frame_{};
  std::vector<std::unique_ptr<device::Array<uint8_t>>> memory_;
};

template <typename T>
std::vector<T> expected(const std::vector<std::vector<uint8_t>> &pictures, size_t area) {
  std::vector<T> clip(3 * pictures.size() * area);
  for (size_t t = 0; t < pictures.size(); ++t)
    for (size_t c = 0; c < 3; ++c)
      for (size_t i = 0; i < area; ++i)
        clip[(c * pictures.size() + t) * area + i] = sta::cuda::from_float<T>(static_cast<float>(pictures[t][3 * i + c]) * kScale[c] + kShift[c]);
  return clip;
}

// Twenty frames, a window every two of them; returns how many windows came out wrong.
template <typename T>
int wrong_windows(uint64_t seed, sta_cuda_type type, sta_pixel_format format, bool antialias) {
  Random random(seed);
  async_device::begin(seed);
  constexpr int kFrames = 20, kSteps = 4;
  const sta::PreprocessSpec spec{6, 9, 7, antialias};
  const size_t area = 6 * 9;
  void *reader = nullptr;
  async_device::library().stream_new(0, &reader, nullptr);
  struct Window {
    std::vector<T> got, want;
  };
  std::vector<std::unique_ptr<Window>> windows;
  {
    Producer producer(format, 11 + random.below(30), 8 + random.below(30), random);
    auto made = sta::DeviceRing::create(async_device::library(), {spec, kSteps, type, 0, kScale, kShift});
    EXPECT_TRUE(made);
    sta::DeviceRing &ring = **made;
    std::vector<std::vector<uint8_t>> pictures;
    for (int k = 0; k < kFrames; ++k) {
      pictures.emplace_back();
      EXPECT_TRUE(ring.take(producer.next(spec, &pictures.back())));
      ring.show();
      EXPECT_TRUE(ring.settle(static_cast<uint64_t>(k)));
      async_device::run(random.below(12));
      if (k < kSteps || k % 2 != 0) continue;
      const int count = k == kFrames - 2 ? 3 : kSteps;  // the last one is a tail
      const int first = k + 1 - count;
      auto clip = ring.window(static_cast<uint64_t>(first), count);
      EXPECT_TRUE(clip);
      std::vector<std::vector<uint8_t>> shown(pictures.begin() + first, pictures.begin() + first + count);
      while (shown.size() < kSteps) shown.push_back(shown.back());
      windows.push_back(std::make_unique<Window>());
      Window &window = *windows.back();
      window.want = expected<T>(shown, area);
      window.got.resize(window.want.size());
      EXPECT_TRUE((*clip)->begin_read(reader));
      const void *data = (*clip)->data();
      async_device::enqueue(reader, [&window, data] { cudaMemcpy(window.got.data(), data, window.got.size() * sizeof(T), cudaMemcpyDeviceToHost); });
      EXPECT_TRUE((*clip)->end_read(reader));
    }
    async_device::finish();
  }
  return static_cast<int>(std::count_if(windows.begin(), windows.end(),
                                        [](const auto &w) { return std::memcmp(w->got.data(), w->want.data(), w->got.size() * sizeof(T)) != 0; }));
}

TEST(DeviceRing, WindowsAreThoseOfTheCpuInAnyOrder) {
  static constexpr sta_pixel_format kFormats[] = {STA_FORMAT_NV12, STA_FORMAT_P010_LE, STA_FORMAT_RGBX, STA_FORMAT_GRAY8};
  for (int i = 0; i < device::rounds(40); ++i) {
    const auto seed = static_cast<uint64_t>(i);
    const sta_pixel_format format = kFormats[i % 4];
    const bool antialias = i % 3 == 0;
    int wrong = 0;
    switch (i % 3) {
      case 0:
        wrong = wrong_windows<float>(seed, STA_CUDA_FP32, format, antialias);
        break;
      case 1:
        wrong = wrong_windows<sta::cuda::Half>(seed, STA_CUDA_FP16, format, antialias);
        break;
      default:
        wrong = wrong_windows<sta::cuda::Bfloat16>(seed, STA_CUDA_BF16, format, antialias);
    }
    ASSERT_EQ(wrong, 0) << "seed " << i;
  }
}

// Shows that the orders above are hard enough: without the waits for events, windows do come out wrong.
TEST(DeviceRing, NeedsItsEvents) {
  async_device::break_order(true);
  int wrong = 0;
  for (uint64_t seed = 0; seed < 5; ++seed) wrong += wrong_windows<float>(seed, STA_CUDA_FP32, STA_FORMAT_NV12, false);
  async_device::break_order(false);
  EXPECT_GT(wrong, 0);
}

int g_allocations_left = 0, g_freed = 0, g_allocated = 0;

// Memory runs out: a ring that cannot be made frees what it has already allocated.
TEST(DeviceRing, MemoryThatRunsOutIsAnError) {
  sta::KernelLibrary poor = kEmulated;
  poor.allocate = [](int device, size_t bytes, void **memory, char *message) {
    if (g_allocations_left-- > 0) {
      ++g_allocated;
      return kEmulated.allocate(device, bytes, memory, message);
    }
    *memory = nullptr;
    std::snprintf(message, STA_CUDA_MESSAGE, "device memory: out of memory");
    return STA_CUDA_FAILED;
  };
  poor.release = [](int device, void *memory) {
    g_freed += memory ? 1 : 0;
    kEmulated.release(device, memory);
  };
  const sta::DeviceRingSpec spec{{6, 6, 6, false}, 4, STA_CUDA_FP32, 0, kScale, kShift};
  for (int enough = 0; enough < 3; ++enough) {
    g_allocations_left = enough;
    const auto ring = sta::DeviceRing::create(poor, spec);
    ASSERT_FALSE(ring);
    EXPECT_EQ(ring.error().status, STA_ERROR_DEVICE);
    EXPECT_EQ(ring.error().message, "device memory: out of memory");
  }
  g_allocations_left = 3;
  {
    auto ring = sta::DeviceRing::create(poor, spec);
    ASSERT_TRUE(ring);
    const auto clip = (*ring)->window(0, 4);
    ASSERT_FALSE(clip);
    EXPECT_EQ(clip.error().message, "device memory: out of memory");
    g_allocations_left = 1;
    EXPECT_TRUE((*ring)->window(0, 4));
  }
  EXPECT_EQ(g_freed, g_allocated);
}

TEST(DeviceRing, ClipsOutliveTheRing) {
  std::unique_ptr<sta::DeviceClip> clip;
  {
    auto ring = sta::DeviceRing::create(kEmulated, {{6, 6, 6, false}, 4, STA_CUDA_FP32, 0, kScale, kShift});
    ASSERT_TRUE(ring);
    auto window = (*ring)->window(0, 4);
    ASSERT_TRUE(window);
    clip = *std::move(window);
  }
  EXPECT_TRUE(clip->begin_read(nullptr));
  EXPECT_TRUE(clip->end_read(nullptr));
}

TEST(DeviceRing, FramesAreChecked) {
  auto ring = sta::DeviceRing::create(kEmulated, {{6, 6, 6, false}, 4, STA_CUDA_FP32, 0, kScale, kShift});
  ASSERT_TRUE(ring);
  sta_frame frame{};
  frame.struct_size = sizeof(frame);
  frame.format = STA_FORMAT_RGB;
  frame.width = frame.height = 8;
  frame.stride[0] = 24;
  frame.memory = STA_MEMORY_CUDA;
  const sta::Status status = (*ring)->take(frame);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "plane 0 (RGB) of the RGB frame is NULL");
  EXPECT_FALSE(sta::DeviceRing::create(kEmulated, {{0, 6, 6, false}, 4, STA_CUDA_FP32, 0, kScale, kShift}));
}

}  // namespace
