// SPDX-License-Identifier: MIT
// Tests the gather kernel. It copies rows bit for bit, and their LayerNorm is within rounding of one computed in
// double.
#include <gtest/gtest.h>

#include <cmath>

#include "cuda/scalar.h"
#include "cuda/sta_cuda.h"
#include "device_memory.h"
#include "random.h"

namespace {

template <typename T>
struct Precision;
template <>
struct Precision<float> {
  static constexpr sta_cuda_type kType = STA_CUDA_FP32;
  static constexpr double kStep = 0x1p-22;
};
template <>
struct Precision<sta::cuda::Half> {
  static constexpr sta_cuda_type kType = STA_CUDA_FP16;
  static constexpr double kStep = 0x1p-11;
};
template <>
struct Precision<sta::cuda::Bfloat16> {
  static constexpr sta_cuda_type kType = STA_CUDA_BF16;
  static constexpr double kStep = 0x1p-8;
};

template <typename T>
class CudaGather : public testing::Test {};
using Types = testing::Types<float, sta::cuda::Half, sta::cuda::Bfloat16>;
TYPED_TEST_SUITE(CudaGather, Types);

struct Case {
  int batch, tokens, kept, channels, pad, lead;  // pad: unused channels behind a row; lead: elements before x
  bool norm;
};

template <typename T>
void check(const Case &c, uint64_t seed) {
  using sta::cuda::from_float;
  using sta::cuda::to_float;
  Random random(seed);
  const int stride = c.channels + c.pad;
  std::vector<T> x(static_cast<size_t>(c.lead) + static_cast<size_t>(c.batch) * c.tokens * stride), weight(c.channels), bias(c.channels);
  for (size_t i = 0; i < x.size(); ++i) x[i] = from_float<T>(random.real() + (i % 7 == 0 ? 8.0f : 0.0f));  // a mean, and some channels far from it
  for (T &v : weight) v = from_float<T>(1 + 0.3f * random.real());
  for (T &v : bias) v = from_float<T>(random.real());
  std::vector<int64_t> kept(static_cast<size_t>(c.batch) * c.kept);
  for (int64_t &k : kept) k = random.below(c.tokens);
  const device::Array<T> dx(x), dweight(weight), dbias(bias), out(kept.size() * c.channels), normed(kept.size() * c.channels);
  const device::Array<int64_t> dkept(kept);
  sta_cuda_gather_args a{};
  a.x = dx.get() + c.lead;
  a.x_token = stride;
  a.x_batch = static_cast<int64_t>(c.tokens) * stride;
  a.kept = dkept.get();
  a.out = out.get();
  if (c.norm) {
    a.normed = normed.get();
    a.weight = dweight.get();
    a.bias = dbias.get();
  }
  a.eps = 1e-6f;
  a.type = Precision<T>::kType;
  a.batch = c.batch;
  a.kept_count = c.kept;
  a.channels = c.channels;
  const uint64_t launched = sta_cuda_launches();
  char message[STA_CUDA_MESSAGE] = "";
  ASSERT_EQ(sta_cuda_gather(&a, nullptr, message), STA_CUDA_OK) << message;
  EXPECT_EQ(sta_cuda_launches() - launched, 1u);
  const auto got = out.host(), got_normed = normed.host();
  for (size_t row = 0; row < kept.size(); ++row) {
    const T *in = &x[c.lead + (row / c.kept * c.tokens + static_cast<size_t>(kept[row])) * stride];
    double mean = 0, variance = 0;
    for (int i = 0; i < c.channels; ++i) mean += to_float(in[i]) / static_cast<double>(c.channels);
    for (int i = 0; i < c.channels; ++i) variance += std::pow(to_float(in[i]) - mean, 2) / c.channels;
    for (int i = 0; i < c.channels; ++i) {
      ASSERT_EQ(to_float(got[row * c.channels + i]), to_float(in[i])) << "row " << row << " channel " << i;
      if (!c.norm) continue;
      const double unit = (to_float(in[i]) - mean) / std::sqrt(variance + 1e-6), want = unit * to_float(weight[i]) + to_float(bias[i]);
      ASSERT_NEAR(to_float(got_normed[row * c.channels + i]), want, Precision<T>::kStep * (2 + std::abs(want)) + 3e-6 * std::abs(unit))
          << "row " << row << " channel " << i;
    }
  }
}

TYPED_TEST(CudaGather, RowsAndTheirLayerNorm) {
  uint64_t seed = 0;
  for (const auto &schedule : device::schedules()) {
    device::use(schedule);
    for (const Case &c :
         {Case{1, 40, 13, 768, 0, 0, true}, Case{3, 20, 7, 1280, 0, 0, true}, Case{2, 9, 9, 384, 8, 0, true}, Case{2, 9, 4, 96, 0, 3, true},
          Case{1, 5, 5, 1, 0, 0, true}, Case{2, 6, 3, 13, 1, 0, true}, Case{2, 30, 11, 256, 0, 0, false}, Case{1, 3, 1, 17, 0, 1, false}})
      check<TypeParam>(c, ++seed);
  }
}

TEST(CudaGatherArguments, AreChecked) {
  sta_cuda_gather_args a{};
  char message[STA_CUDA_MESSAGE] = "";
  a.batch = a.kept_count = 1;
  EXPECT_EQ(sta_cuda_gather(&a, nullptr, message), STA_CUDA_UNSUPPORTED);
  EXPECT_STREQ(message, "gathering tokens: batch, tokens and channels must be at least 1");
  a.channels = 8;
  EXPECT_EQ(sta_cuda_gather(&a, nullptr, message), STA_CUDA_UNSUPPORTED);
  EXPECT_STREQ(message, "gathering tokens: a pointer is NULL");
}

}  // namespace
