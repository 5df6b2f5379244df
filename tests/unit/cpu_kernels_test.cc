// SPDX-License-Identifier: MIT
// The CPU's own products and attention against LibTorch's, on random sizes and numbers: sizes that fill no tile and no
// panel, large scores, few rows and many threads. Skipped where the processor does not have the kernels.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "cpu/cpu_kernels.h"
#include "ops/cpu_ops.h"
#include "ops/ops.h"

namespace sta {
namespace {

class CpuKernels : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!cpu::cpu_kernels()) GTEST_SKIP() << "this processor has no AVX2, or has AVX-512";
    at::manual_seed(5);
  }
  void TearDown() override { at::set_num_threads(before_); }
  int any(int most) { return std::uniform_int_distribution<int>(1, most)(random_); }

  std::mt19937 random_{11};
  const int before_ = at::get_num_threads();
};

ops::Linear some_layer(int64_t out, int64_t in) { return {at::randn({out, in}) / std::sqrt(static_cast<double>(in)), at::randn({out})}; }

ops::Linear packed(const ops::Linear &layer) {
  EXPECT_TRUE(ops::packs(at::kCPU, at::kFloat));
  EXPECT_FALSE(ops::packs(at::kCPU, at::kBFloat16));
  return ops::packed(layer.weight, layer.bias);
}

ops::LayerNorm some_norm(int64_t c) { return {at::randn({c}), at::randn({c}), 1e-6}; }

void expect_near(const at::Tensor &is, const at::Tensor &should, double tolerance, const std::string &what) {
  ASSERT_EQ(is.sizes(), should.sizes()) << what;
  EXPECT_LE((is - should).abs().max().item<double>(), tolerance * std::max(1.0, should.abs().max().item<double>())) << what;
}

TEST_F(CpuKernels, LinearIsTorchs) {
  for (int i = 0; i < 300; ++i) {
    const int64_t rows = any(i % 10 ? 40 : 300), in = any(i % 7 ? 70 : 900), out = any(i % 5 ? 70 : 400);
    at::set_num_threads(any(5));
    const ops::Linear layer = some_layer(out, in);
    const at::Tensor x = at::randn({rows, in}), y = at::linear(x, layer.weight, layer.bias);
    const std::string what = std::to_string(rows) + " rows, " + std::to_string(in) + " -> " + std::to_string(out);
    expect_near(ops::packed_linear(x, packed(layer)), y, 3e-6, what);
    expect_near(ops::packed_linear(x, packed(layer), true), at::linear(at::gelu(x), layer.weight, layer.bias), 3e-6, what + ", GELU");
  }
}

TEST_F(CpuKernels, RowsNeedNotBeContiguous) {
  const ops::Linear layer = some_layer(33, 20);
  const at::Tensor x = at::randn({20, 3, 7}).permute({2, 1, 0});
  expect_near(ops::linear(x, packed(layer)), at::linear(x, layer.weight, layer.bias), 3e-6, "a permuted x");
}

TEST_F(CpuKernels, GeluIsTorchsEverywhere) {
  const at::Tensor x = at::cat({at::linspace(-12, 12, 48001), at::tensor({-0.0f, 1e-30f, -1e-30f, 1e30f, -1e30f})}).unsqueeze(1);
  const ops::Linear identity{at::ones({1, 1}), at::zeros({1})};
  const at::Tensor is = ops::packed_linear(x, packed(identity), true), should = at::gelu(x.to(at::kDouble));
  const at::Tensor off = (is - should).abs() / (1 + should.abs());
  EXPECT_LE(off.max().item<double>(), 3e-7);
}

// add_attention and add_mlp, packed and not: the whole block.
TEST_F(CpuKernels, BlockIsTorchs) {
  for (int i = 0; i < 60; ++i) {
    const int64_t b = any(3), l = any(i % 6 ? 120 : 600), heads = any(4), d = i % 3 == 0 ? 64 : any(40), c = heads * d, hidden = any(300);
    at::set_num_threads(any(4));
    const ops::Linear qkv = some_layer(3 * c, c), proj = some_layer(c, c), fc1 = some_layer(hidden, c), fc2 = some_layer(c, hidden);
    const ops::LayerNorm norm1 = some_norm(c), norm2 = some_norm(c);
    const at::Tensor x = at::randn({b, l, c}) * (i % 4 == 0 ? 30 : 1) + (i % 5 == 0 ? 100 : 0);
    const std::string what = "x [" + std::to_string(b) + "," + std::to_string(l) + "," + std::to_string(c) + "], heads of " + std::to_string(d);
    at::Tensor should = x.clone(), is = x.clone();
    const at::Tensor keys = ops::add_attention(should, {}, norm1, qkv, proj, static_cast<int>(heads), true);
    const at::Tensor mine = ops::add_attention(is, {}, norm1, packed(qkv), packed(proj), static_cast<int>(heads), true);
    expect_near(is, should, 2e-5, what + ", attention");
    expect_near(mine, keys, 2e-5, what + ", keys");
    EXPECT_FALSE(ops::add_attention(is, {}, norm1, packed(qkv), packed(proj), static_cast<int>(heads), false).defined());
    is = should.clone();
    ops::add_mlp(should, norm2, fc1, fc2);
    ops::add_mlp(is, norm2, packed(fc1), packed(fc2));
    expect_near(is, should, 2e-5, what + ", MLP");
  }
}

// One key may have all the weight, and scores may be so far apart that exponentials vanish.
TEST_F(CpuKernels, AttentionBearsLargeScores) {
  for (const double scale : {1e-3, 30.0, 3e3}) {
    const int64_t l = 777, heads = 2, d = 32;
    const at::Tensor qkv = at::randn({1, l, 3, heads, d}) * std::sqrt(scale);
    const cpu::CpuKernels &kernels = *cpu::cpu_kernels();
    at::Tensor keys = at::empty({kernels.packed_size(l, d)}), values = at::empty({kernels.packed_size(d, l)});
    at::Tensor scratch = at::empty({kernels.attention_scratch(l, d)}), y = at::empty({l, d});
    const float *const q = qkv.const_data_ptr<float>() + d;  // the second head
    const int64_t row = 3 * heads * d;
    kernels.pack_weights(q + heads * d, row, l, d, keys.data_ptr<float>());
    kernels.pack_values(q + 2 * heads * d, row, l, d, values.data_ptr<float>());
    kernels.attention({q, row, keys.const_data_ptr<float>(), values.const_data_ptr<float>(), y.data_ptr<float>(), d, l, l, d,
                       1 / std::sqrt(static_cast<float>(d)), scratch.data_ptr<float>()});
    const at::Tensor head = qkv[0].select(2, 1).to(at::kDouble);  // [L,3,D]
    const at::Tensor weights = (head.select(1, 0).matmul(head.select(1, 1).t()) / std::sqrt(static_cast<double>(d))).softmax(1);
    // Products of f32 numbers are off by their own size, and the exponential sees that.
    expect_near(y, weights.matmul(head.select(1, 2)).to(at::kFloat), std::max(3e-6, 3e-7 * scale), "scores up to " + std::to_string(scale));
  }
}

// What is not a number does not become one.
TEST_F(CpuKernels, ProductsKeepWhatIsNotANumber) {
  at::Tensor x = at::randn({7, 24});
  x[3][5] = std::numeric_limits<float>::quiet_NaN();
  for (const bool gelu : {false, true}) {
    const at::Tensor bad = ops::packed_linear(x, packed(some_layer(20, 24)), gelu).isnan();
    EXPECT_TRUE(bad[3].all().item<bool>());
    EXPECT_EQ(bad.sum().item<int64_t>(), 20);
  }
}

}  // namespace
}  // namespace sta
