// SPDX-License-Identifier: MIT
// Tests the pruning kernels against plain loops with the same order of sums: every token, every score, bit for bit, in
// several thread orders.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "cuda/scalar.h"
#include "cuda/sta_cuda.h"
#include "device_memory.h"
#include "prune_case.h"
#include "prune_reference.h"
#include "random.h"

namespace {

using prune_case::Kind;
using prune_case::Size;
using reference::PruneInput;
using reference::PruneOutput;

template <typename T>
constexpr sta_cuda_type kType = std::is_same_v<T, float>             ? STA_CUDA_FP32
                                : std::is_same_v<T, sta::cuda::Half> ? STA_CUDA_FP16
                                                                     : STA_CUDA_BF16;

// Rows of `used` values, `stride` apart, behind `lead` values that the kernels must ignore.
template <typename T>
std::vector<T> strided(const std::vector<float> &values, int used, int stride, int lead) {
  const size_t rows = values.size() / static_cast<size_t>(used);
  std::vector<T> out(lead + rows * static_cast<size_t>(stride), sta::cuda::from_float<T>(std::numeric_limits<float>::quiet_NaN()));
  for (size_t row = 0; row < rows; ++row)
    for (int i = 0; i < used; ++i) out[lead + row * stride + i] = sta::cuda::from_float<T>(values[row * used + i]);
  return out;
}

struct Layout {
  int x_lead = 0, x_pad = 0, key_lead = 0, head_pad = 0;
};

// The kernels' results for a batch of clips of one size.
template <typename T>
std::vector<PruneOutput> run(const std::vector<PruneInput> &batch, const Layout &layout = {}) {
  const PruneInput &first = batch[0];
  std::vector<float> x, keys;
  for (const PruneInput &in : batch) {
    x.insert(x.end(), in.x.begin(), in.x.end());
    keys.insert(keys.end(), in.keys.begin(), in.keys.end());
  }
  const int l = first.groups * first.n, b = static_cast<int>(batch.size()), sources = (first.n + 1) / 2, kept = first.groups * (first.n - first.drop);
  const int x_stride = first.channels + layout.x_pad, head_stride = first.dim + layout.head_pad;
  const device::Array<T> dx(strided<T>(x, first.channels, x_stride, layout.x_lead)), dk(strided<T>(keys, first.dim, head_stride, layout.key_lead));
  sta_cuda_prune_args a{};
  a.x = dx.get() + layout.x_lead;
  a.x_token = x_stride;
  a.x_batch = static_cast<int64_t>(l) * a.x_token;
  a.keys = dk.get() + layout.key_lead;
  a.key_head = head_stride;
  a.key_token = static_cast<int64_t>(first.heads) * a.key_head;
  a.key_batch = l * a.key_token;
  a.type = kType<T>;
  a.batch = b;
  a.groups = first.groups;
  a.group_tokens = first.n;
  a.channels = first.channels;
  a.heads = first.heads;
  a.head_dim = first.dim;
  a.drop = first.drop;
  a.backward = first.backward;
  a.keep_token = first.keep_token;
  const size_t workspace_size = sta_cuda_prune_workspace(&a);
  EXPECT_GT(workspace_size, 0u);
  const device::Array<char> workspace(workspace_size);
  const device::Array<int64_t> dkept(static_cast<size_t>(b) * kept);
  const size_t scores = static_cast<size_t>(b) * l;
  const device::Array<float> semantic(scores), accumulated(scores), score(scores), similarity(static_cast<size_t>(b) * sources);
  a.workspace = workspace.get();
  a.kept = dkept.get();
  a.semantic = semantic.get();
  a.accumulated = accumulated.get();
  a.score = score.get();
  a.first_similarity = similarity.get();
  const uint64_t launched = sta_cuda_launches();
  char message[STA_CUDA_MESSAGE] = "";
  EXPECT_EQ(sta_cuda_prune(&a, nullptr, message), STA_CUDA_OK) << message;
  EXPECT_LE(sta_cuda_launches() - launched, 3u);

  std::vector<PruneOutput> out(b);
  const auto cut = [](const auto &all, size_t i, size_t count) {
    return
        typename std::decay_t<decltype(all)>(all.begin() + static_cast<ptrdiff_t>(i * count), all.begin() + static_cast<ptrdiff_t>((i + 1) * count));
  };
  const auto k = dkept.host();
  const auto f = semantic.host(), acc = accumulated.host(), s = score.host(), sim = similarity.host();
  for (int i = 0; i < b; ++i) out[i] = {cut(k, i, kept), cut(f, i, l), cut(acc, i, l), cut(s, i, l), cut(sim, i, sources)};
  return out;
}

bool same_bits(const std::vector<float> &a, const std::vector<float> &b) {
  // 0 and -0 count as equal: padding a key with zeros may turn one into the other.
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](float x, float y) { return x == y || (x != x && y != y); });
}

void expect_same(const PruneOutput &got, const PruneOutput &want, const std::string &where) {
  EXPECT_EQ(got.kept, want.kept) << where;
  EXPECT_TRUE(same_bits(got.semantic, want.semantic)) << "F~, " << where;
  EXPECT_TRUE(same_bits(got.accumulated, want.accumulated)) << "A, " << where;
  EXPECT_TRUE(same_bits(got.score, want.score)) << "S, " << where;
  EXPECT_TRUE(same_bits(got.first_similarity, want.first_similarity)) << "similarity, " << where;
}

void expect_legal(const PruneInput &in, const PruneOutput &out) {
  const int kept = in.n - in.drop;
  ASSERT_EQ(out.kept.size(), static_cast<size_t>(in.groups * kept));
  for (int g = 0; g < in.groups; ++g) {
    const std::set<int64_t> tokens(out.kept.begin() + g * kept, out.kept.begin() + (g + 1) * kept);
    EXPECT_EQ(tokens.size(), static_cast<size_t>(kept));
    EXPECT_GE(*tokens.begin(), g * in.n);
    EXPECT_LT(*tokens.rbegin(), (g + 1) * in.n);
    EXPECT_TRUE(in.keep_token < 0 || in.keep_token / in.n != g || tokens.count(in.keep_token)) << "token " << in.keep_token << " was dropped";
  }
}

template <typename T>
PruneInput rounded(PruneInput in) {
  for (auto *values : {&in.x, &in.keys})
    for (float &v : *values) v = sta::cuda::to_float(sta::cuda::from_float<T>(v));
  return in;
}

std::string describe(const Size &s, int kind, const char *order) {
  return std::string(order) + ": kind " + std::to_string(kind) + " T " + std::to_string(s.groups) + " N " + std::to_string(s.n) + " C " +
         std::to_string(s.channels) + " h " + std::to_string(s.heads) + " D " + std::to_string(s.dim) + " r " + std::to_string(s.drop) +
         (s.backward ? " backward" : " forward");
}

TEST(CudaPrune, EveryKindOfInputInManySizesAndOrders) {
  for (int i = 0; i < device::rounds(2000); ++i) {
    const Size size = prune_case::random_size(static_cast<uint64_t>(i));
    const int kind = i % static_cast<int>(Kind::kCount);
    const PruneInput in = prune_case::make(static_cast<Kind>(kind), size, static_cast<uint64_t>(i));
    const PruneOutput want = reference::prune(in);
    for (size_t k = 0; k < device::schedules().size(); ++k) {
      // All orders for every tenth input, one order for each of the others.
      if (i % 10 != 0 && k != static_cast<size_t>(i) % device::schedules().size()) continue;
      const device::Schedule &schedule = device::schedules()[k];
      device::use(schedule);
      const PruneOutput got = run<float>({in})[0];
      expect_legal(in, got);
      expect_same(got, want, describe(size, kind, schedule.name));
      for (const auto *scores : {&got.semantic, &got.accumulated, &got.score, &got.first_similarity})
        EXPECT_TRUE(std::all_of(scores->begin(), scores->end(), [](float v) { return std::isfinite(v); })) << describe(size, kind, schedule.name);
      if (testing::Test::HasFailure()) return;
    }
  }
}

// The three calls of ViT-S, B, L, H, and a clip of 384 x 384.
TEST(CudaPrune, SizesOfRealModels) {
  const Size sizes[] = {{8, 196, 384, 6, 64, 64, false},   {4, 264, 768, 12, 64, 64, true},  {2, 400, 1024, 16, 64, 64, false},
                        {8, 196, 1280, 16, 80, 98, false}, {4, 196, 1280, 16, 80, 98, true}, {2, 196, 1280, 16, 80, 98, false},
                        {2, 780, 768, 12, 64, 1, false},   {2, 576, 768, 12, 64, 288, true}};
  uint64_t seed = 100;
  for (const Size &size : sizes) {
    if (device::kSlow && size.channels > 768) continue;
    const PruneInput in = prune_case::make(Kind::kClustered, size, ++seed);
    const PruneOutput want = reference::prune(in);
    for (const auto &schedule : device::schedules()) {
      if (device::kSlow && schedule.seed != 2) continue;
      device::use(schedule);
      expect_same(run<float>({in})[0], want, describe(size, 1, schedule.name));
    }
  }
}

TEST(CudaPrune, LargestGroup) {
  const Size size{2, device::kSlow ? 512 : 2048, 8, 1, 4, 200, false};
  const PruneInput in = prune_case::make(Kind::kPrototypes, size, 5);
  device::use(device::schedules().back());
  expect_same(run<float>({in})[0], reference::prune(in), "largest group");
}

TEST(CudaPrune, HalfAndBfloat16AreReadExactly) {
  for (int i = 0; i < device::rounds(100); ++i) {
    const Size size = prune_case::random_size(1000 + static_cast<uint64_t>(i));
    const PruneInput in = prune_case::make(static_cast<Kind>(i % static_cast<int>(Kind::kCount)), size, static_cast<uint64_t>(i));
    device::use(device::schedules()[static_cast<size_t>(i) % device::schedules().size()]);
    const PruneInput half = rounded<sta::cuda::Half>(in), bfloat = rounded<sta::cuda::Bfloat16>(in);
    expect_same(run<sta::cuda::Half>({half})[0], reference::prune(half), describe(size, i, "fp16"));
    expect_same(run<sta::cuda::Bfloat16>({bfloat})[0], reference::prune(bfloat), describe(size, i, "bf16"));
  }
}

// The result for an item does not depend on its neighbours, whatever they are.
TEST(CudaPrune, ItemsOfABatchAreIndependent) {
  for (int i = 0; i < device::rounds(60); ++i) {
    const Size size = prune_case::random_size(2000 + static_cast<uint64_t>(i));
    std::vector<PruneInput> batch;
    for (int b = 0; b < 2 + i % 3; ++b)
      batch.push_back(prune_case::make(static_cast<Kind>((i + b) % static_cast<int>(Kind::kCount)), size, static_cast<uint64_t>(i * 10 + b)));
    for (PruneInput &in : batch) in.keep_token = batch[0].keep_token;  // one argument of the whole call
    device::use(device::schedules()[static_cast<size_t>(i) % device::schedules().size()]);
    const std::vector<PruneOutput> got = run<float>(batch);
    for (size_t b = 0; b < batch.size(); ++b) expect_same(got[b], reference::prune(batch[b]), describe(size, i, "batch"));
  }
}

// Keys and rows in place in a qkv tensor: at any offset, any stride, aligned or not.
TEST(CudaPrune, StridesAndAlignment) {
  const Size size{4, 33, 64, 3, 24, 10, true};
  const PruneInput in = prune_case::make(Kind::kClustered, size, 77);
  const PruneOutput want = reference::prune(in), half_want = reference::prune(rounded<sta::cuda::Half>(in));
  for (const Layout &layout : {Layout{0, 8, 0, 40}, Layout{1, 0, 3, 1}, Layout{8, 3, 5, 0}, Layout{4, 0, 0, 0}}) {
    expect_same(run<float>({in, in}, layout)[1], want, "fp32 strides");
    expect_same(run<sta::cuda::Half>({rounded<sta::cuda::Half>(in), rounded<sta::cuda::Half>(in)}, layout)[1], half_want, "fp16 strides");
  }
}

// With NaN and infinity there is no promise on which tokens stay. But they are tokens, each once.
TEST(CudaPrune, NonFiniteInputKeepsLegalTokens) {
  const float bad[] = {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()};
  for (int i = 0; i < device::rounds(60); ++i) {
    const Size size = prune_case::random_size(3000 + static_cast<uint64_t>(i));
    PruneInput in = prune_case::make(Kind::kRandom, size, static_cast<uint64_t>(i));
    Random random(static_cast<uint64_t>(i));
    for (auto *values : {&in.x, &in.keys})
      for (int k = 0; k < 5; ++k) (*values)[static_cast<size_t>(random.below(static_cast<int>(values->size())))] = bad[random.below(3)];
    device::use(device::schedules()[static_cast<size_t>(i) % device::schedules().size()]);
    expect_legal(in, run<float>({in})[0]);
  }
}

TEST(CudaPrune, ArgumentsOutOfRangeAreRefusedWithoutALaunch) {
  sta_cuda_prune_args good{};
  good.type = STA_CUDA_FP32;
  good.batch = good.heads = 1;
  good.groups = 2;
  good.group_tokens = 10;
  good.channels = good.head_dim = 8;
  good.drop = 5;
  good.keep_token = -1;
  EXPECT_GT(sta_cuda_prune_workspace(&good), 0u);
  struct Bad {
    int32_t sta_cuda_prune_args::*field;
    int32_t value;
    const char *message;
  };
  const uint64_t launched = sta_cuda_launches();
  for (const Bad &bad : {Bad{&sta_cuda_prune_args::batch, 0, "pruning: the batch is not within 1 .. 65535"},
                         {&sta_cuda_prune_args::groups, 0, "pruning: the number of groups is not within 1 .. 256"},
                         {&sta_cuda_prune_args::group_tokens, 2049, "pruning: the tokens of a group are not within 1 .. 2048"},
                         {&sta_cuda_prune_args::head_dim, 129, "pruning: the head size is not within 1 .. 128"},
                         {&sta_cuda_prune_args::heads, 0, "pruning: there are no heads"},
                         {&sta_cuda_prune_args::channels, 0, "pruning: there are no channels"},
                         {&sta_cuda_prune_args::drop, 6, "pruning: the drop number is more than half of a group's tokens, or all of them"},
                         {&sta_cuda_prune_args::keep_token, 20, "pruning: the token to keep is not one of them"},
                         {&sta_cuda_prune_args::keep_token, -2, "pruning: the token to keep is not one of them"},
                         {&sta_cuda_prune_args::keep_token, 0,
                          "pruning: the token to keep is at an odd position of the first group, or all even ones are to be dropped"},
                         {&sta_cuda_prune_args::drop, 5, "pruning: a pointer is NULL"}}) {
    sta_cuda_prune_args a = good;
    a.*bad.field = bad.value;
    char message[STA_CUDA_MESSAGE] = "";
    EXPECT_EQ(sta_cuda_prune(&a, nullptr, message), STA_CUDA_UNSUPPORTED);
    EXPECT_STREQ(message, bad.message);
    EXPECT_EQ(sta_cuda_prune(&a, nullptr, nullptr), STA_CUDA_UNSUPPORTED);
  }
  EXPECT_EQ(sta_cuda_launches(), launched);
}

#ifndef STA_TEST_ON_DEVICE
// The emulated device counts by itself: three launches, whatever the batch and the number of groups.
TEST(CudaPrune, ThreeLaunchesACall) {
  for (const Size &size : {Size{1, 7, 8, 1, 8, 2, false}, Size{8, 49, 96, 3, 32, 11, false}, Size{2, 100, 16, 1, 8, 30, true}}) {
    const PruneInput in = prune_case::make(Kind::kRandom, size, 1);
    const uint64_t before = emulation::launch_count();
    run<float>({in, in, in});
    EXPECT_EQ(emulation::launch_count() - before, 3u);
  }
}
#endif

TEST(CudaScalar, ExponentialIsWithinOneUnit) {
  for (int i = -8000; i <= 8000; ++i) {
    const float x = static_cast<float>(i) * 0.01f, got = sta::cuda::exponential(x);
    const double want = std::exp(static_cast<double>(x)), unit = std::ldexp(1.0, std::ilogb(want) - 23);
    EXPECT_LE(std::abs(got - want), unit) << x;
  }
  EXPECT_EQ(sta::cuda::exponential(0), 1.0f);
  EXPECT_TRUE(std::isfinite(sta::cuda::exponential(std::numeric_limits<float>::quiet_NaN())));
}

// All 65536 patterns there and back, and rounding at the midpoint between neighbours.
TEST(CudaScalar, HalfAndBfloat16Conversions) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const sta::cuda::Half half{static_cast<uint16_t>(bits)};
    const sta::cuda::Bfloat16 bfloat{static_cast<uint16_t>(bits)};
    const float h = sta::cuda::to_float(half), b = sta::cuda::to_float(bfloat);
    if (h == h) {
      EXPECT_EQ(sta::cuda::from_float<sta::cuda::Half>(h).bits, bits);
    }
    if (b == b) {
      EXPECT_EQ(sta::cuda::from_float<sta::cuda::Bfloat16>(b).bits, bits);
    }
    // Finite neighbours: their midpoint rounds to the even one.
    const float next = sta::cuda::to_float(sta::cuda::Half{static_cast<uint16_t>(bits + 1)});
    if ((bits & 0x7fff) < 0x7bff) {
      EXPECT_EQ(sta::cuda::from_float<sta::cuda::Half>((h + next) / 2).bits, bits + (bits & 1));
    }
    const float bnext = sta::cuda::to_float(sta::cuda::Bfloat16{static_cast<uint16_t>(bits + 1)});
    if ((bits & 0x7fff) < 0x7f7f) {
      EXPECT_EQ(sta::cuda::from_float<sta::cuda::Bfloat16>(b / 2 + bnext / 2).bits, bits + (bits & 1));
    }
  }
  // fp16 by its definition.
  EXPECT_EQ(sta::cuda::to_float(sta::cuda::Half{0x3c00}), 1.0f);
  EXPECT_EQ(sta::cuda::to_float(sta::cuda::Half{0x7bff}), 65504.0f);
  EXPECT_EQ(sta::cuda::to_float(sta::cuda::Half{0x0001}), 0x1p-24f);
  EXPECT_EQ(sta::cuda::to_float(sta::cuda::Half{0xc000}), -2.0f);
  EXPECT_EQ(sta::cuda::from_float<sta::cuda::Half>(65520.0f).bits, 0x7c00);
  EXPECT_EQ(sta::cuda::from_float<sta::cuda::Half>(65519.0f).bits, 0x7bff);
  EXPECT_NE(sta::cuda::from_float<sta::cuda::Half>(std::numeric_limits<float>::quiet_NaN()).bits & 0x3ff, 0);
  EXPECT_NE(sta::cuda::from_float<sta::cuda::Bfloat16>(std::numeric_limits<float>::quiet_NaN()).bits & 0x7f, 0);
}

}  // namespace
