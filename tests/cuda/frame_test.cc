// SPDX-License-Identifier: MIT
// Tests the frame kernel against the CPU's preprocessing, bit for bit: every pixel format, any geometry and pitch,
// every output type.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <memory>

#include "cuda/frame_plan.h"
#include "cuda/scalar.h"
#include "device_memory.h"
#include "random.h"

namespace {

constexpr std::array<float, 3> kScale = {0.017f, 0.0175f, 0.0174f}, kShift = {-2.1f, -2.03f, -1.8f};

// A frame of random bytes, in system and in device memory; pitch and position of the planes are odd on purpose.
struct Frame {
  sta_frame host{}, on_device{};
  std::vector<std::vector<uint8_t>> bytes;
  std::vector<std::unique_ptr<device::Array<uint8_t>>> copies;

  Frame(sta_pixel_format format, int width, int height, Random &random) {
    const sta::FrameLayout &layout = *sta::frame_layout(format);
    host.struct_size = sizeof(host);
    host.format = format;
    host.width = width;
    host.height = height;
    host.full_range = random.below(2);
    host.matrix = layout.model == sta::ColorModel::kYuv ? static_cast<sta_color_matrix>(STA_MATRIX_BT601 + random.below(5)) : STA_MATRIX_RGB;
    static constexpr int kAspects[][2] = {{1, 1}, {1, 1}, {4, 3}, {8, 9}, {0, 0}};
    const int aspect = random.below(5);
    host.par_n = kAspects[aspect][0];
    host.par_d = kAspects[aspect][1];
    on_device = host;
    for (int p = 0; p < layout.num_planes; ++p) {
      const int rows = (height + (1 << layout.planes[p].shift_y) - 1) >> layout.planes[p].shift_y,
                pitch = layout.row_bytes(p, width) + random.below(9);
      // The last row ends with its pixels: nothing behind them may be read.
      bytes.emplace_back(static_cast<size_t>(rows - 1) * pitch + layout.row_bytes(p, width));
      for (uint8_t &b : bytes.back()) b = static_cast<uint8_t>(random.next());
      copies.push_back(std::make_unique<device::Array<uint8_t>>(bytes.back()));
      host.plane[p] = bytes.back().data();
      on_device.plane[p] = copies.back()->get();
      host.stride[p] = on_device.stride[p] = pitch;
    }
  }
};

// Two time steps of a clip [3,2,H,W]. The frame goes into the second one; the first must stay as it is.
template <typename T>
void check(const Frame &frame, const sta::PreprocessSpec &spec, sta_cuda_type type) {
  const size_t area = static_cast<size_t>(spec.height) * spec.width;
  std::vector<uint8_t> rgb(3 * area);
  sta::Preprocessor reference(spec);
  ASSERT_TRUE(reference.run(frame.host, rgb.data()));

  auto plan = sta::make_frame_plan(frame.on_device, spec, kScale, kShift);
  ASSERT_TRUE(plan);
  const T mark = sta::cuda::from_float<T>(-77.0f);
  const device::Array<T> clip(std::vector<T>(6 * area, mark));
  const device::Array<int32_t> tables(plan->tables);
  sta_cuda_frame_args a = plan->with_tables(tables.get());
  a.out = clip.get() + area;
  a.out_channel = static_cast<int64_t>(2 * area);
  a.out_row = spec.width;
  a.type = type;
  const uint64_t launched = sta_cuda_launches();
  char message[STA_CUDA_MESSAGE] = "";
  ASSERT_EQ(sta_cuda_frame(&a, nullptr, message), STA_CUDA_OK) << message;
  EXPECT_EQ(sta_cuda_launches() - launched, 1u);
  const std::vector<T> got = clip.host();
  for (size_t c = 0; c < 3; ++c)
    for (size_t i = 0; i < area; ++i) {
      const float want = static_cast<float>(rgb[3 * i + c]) * kScale[c] + kShift[c];
      ASSERT_EQ(sta::cuda::to_float(got[(2 * c + 1) * area + i]), sta::cuda::to_float(sta::cuda::from_float<T>(want)))
          << sta::frame_layout(frame.host.format)->name << " " << frame.host.width << "x" << frame.host.height << " channel " << c << " pixel " << i;
      ASSERT_EQ(sta::cuda::to_float(got[2 * c * area + i]), -77.0f);
    }
}

class CudaFrame : public testing::TestWithParam<int> {};

TEST_P(CudaFrame, EqualsThePreprocessingOfTheCpu) {
  const auto format = static_cast<sta_pixel_format>(GetParam());
  Random random(static_cast<uint64_t>(GetParam()));
  for (int i = 0; i < device::rounds(40); ++i) {
    // Sometimes far larger than the picture: more taps than the 16-bit filters take.
    const int most = i % 8 == 7 ? 900 : 120;
    Frame frame(format, 1 + random.below(most), 1 + random.below(120), random);
    frame.host.orientation = frame.on_device.orientation = static_cast<sta_orientation>(random.below(8));
    const int height = 1 + random.below(40), width = 1 + random.below(40);
    const sta::PreprocessSpec spec{height, width, std::min(height, width) + random.below(20), i % 2 == 1};
    device::use(device::schedules()[static_cast<size_t>(i) % device::schedules().size()]);
    check<float>(frame, spec, STA_CUDA_FP32);
    check<sta::cuda::Half>(frame, spec, STA_CUDA_FP16);
    check<sta::cuda::Bfloat16>(frame, spec, STA_CUDA_BF16);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, CudaFrame, testing::Range(static_cast<int>(STA_FORMAT_I420), static_cast<int>(STA_FORMAT_I420_10LE) + 1),
                         [](const auto &info) { return std::string(sta::frame_layout(static_cast<sta_pixel_format>(info.param))->name); });

TEST(CudaFrameSizes, FullHdToTheModelsSize) {
  Random random(1);
  for (const sta_pixel_format format : {STA_FORMAT_NV12, STA_FORMAT_P010_LE, STA_FORMAT_RGBX}) {
    const Frame frame(format, 1920, 1080, random);
    device::use(device::schedules().back());
    check<float>(frame, {224, 224, 224, false}, STA_CUDA_FP32);
    check<float>(frame, {224, 224, 224, true}, STA_CUDA_FP32);
  }
}

TEST(CudaFrameArguments, AreChecked) {
  Random random(1);
  const Frame frame(STA_FORMAT_NV12, 16, 16, random);
  EXPECT_FALSE(sta::make_frame_plan(frame.on_device, {0, 8, 8, false}, kScale, kShift));
  for (const bool antialias : {false, true}) {
    auto plan = sta::make_frame_plan(frame.on_device, {8, 8, 8, antialias}, kScale, kShift);
    ASSERT_TRUE(plan);
    char message[STA_CUDA_MESSAGE] = "";
    EXPECT_EQ(sta_cuda_frame(&plan->args, nullptr, message), STA_CUDA_UNSUPPORTED);
    EXPECT_STREQ(message, "frame: a pointer is NULL");
    plan->args.shift_y[1] = 2;
    EXPECT_EQ(sta_cuda_frame(&plan->args, nullptr, message), STA_CUDA_UNSUPPORTED);
    EXPECT_STREQ(message, "frame: shift_y is neither 0 nor 1");
  }
}

}  // namespace
