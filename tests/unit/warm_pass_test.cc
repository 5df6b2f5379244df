// SPDX-License-Identifier: MIT
// A warm pass on the CPU's own kernels allocates no memory of the size of its data: buffers are kept from pass to pass.
// What it returns, and the lists of kept tokens, are small. LibTorch's allocator is replaced, too.
#include <ATen/ATen.h>
#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>

#include "cpu/cpu_kernels.h"
#include "support/counted_new.h"
#include "support/small_vit.h"

namespace {

using counted_new::bytes;
using counted_new::largest;

// LibTorch's allocator for the CPU, counted.
class Counted : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t size) override {
    counted_new::count(size);
    return inner_->allocate(size);
  }
  c10::DeleterFnPtr raw_deleter() const override { return inner_->raw_deleter(); }
  void copy_data(void *to, const void *from, std::size_t size) const override { inner_->copy_data(to, from, size); }

 private:
  c10::Allocator *const inner_ = c10::GetDefaultCPUAllocator();
};

}  // namespace

namespace sta {
namespace {

TEST(WarmPass, AllocatesNothingOfTheSizeOfItsData) {
  if (!cpu::cpu_kernels()) GTEST_SKIP() << "this processor has no AVX2, or has AVX-512";
  static Counted counted;
  c10::SetCPUAllocator(&counted, 255);
  ModelDescription m = small_model::small_vit(true);
  m.height = m.width = 112;
  m.patch = 16;
  m.embed_dim = 192;
  m.mlp_dim = 768;
  at::manual_seed(1);
  const Vit vit(m, small_model::random_weights(m), at::kFloat, at::kCPU);
  const at::Tensor clip = at::randn({1, 3, m.num_frames, m.height, m.width});
  const size_t data = static_cast<size_t>(m.tokens() * m.embed_dim) * sizeof(float);  // x [L,C]: 294 KiB
  std::vector<PruneSettings> passes(4);
  passes[1].drop_number = 8;
  passes[2].drop_number = 24;
  passes[3].drop_number = 8;
  StillTokens still;
  for (int token = 0; token < m.tokens(); token += token < m.step_tokens() ? 1 : 3) {
    still.tokens.push_back(token);
    still.runs.push_back(1);
  }
  passes[3].still = {still};
  bytes = largest = 0;
  for (const PruneSettings &settings : passes) vit.forward(clip, settings);
  EXPECT_GE(largest, data) << "the counter does not count";
  for (const PruneSettings &settings : passes) {
    bytes = largest = 0;
    vit.forward(clip, settings);
    EXPECT_LE(largest, 8192u) << "drop number " << settings.drop_number;  // the kept tokens, 8 bytes each
    EXPECT_LE(bytes, data / 4) << "drop number " << settings.drop_number;
  }
}

}  // namespace
}  // namespace sta
