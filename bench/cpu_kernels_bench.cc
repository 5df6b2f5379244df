// SPDX-License-Identifier: MIT
// Measures the CPU's own products and attention (sta-core/cpu/) one by one, in one thread, in multiply-adds a second.
// It counts the time that the thread had a processor, so work beside it disturbs little. A line is the best of its
// rounds, and all lines take turns.
//
//   cpu-kernels-bench [C [TOKENS [ROUNDS]]]   384 1568 5 if they are not named: ViT-S, the paper's clip
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "cpu/cpu_kernels.h"

namespace {

constexpr int64_t kHeadDim = 64;    // D
constexpr int64_t kQueryRows = 96;  // of one task of the attention

std::vector<float> random_floats(int64_t count, float deviation = 1) {
  static std::minstd_rand random(1);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> out(static_cast<size_t>(count));
  for (float &f : out) f = normal(random);
  return out;
}

double thread_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct Line {
  std::string name;
  double multiply_adds;
  std::function<void()> run;
  double best = 1e30;
};

// y [tokens, out] of x [tokens, in]
Line product(const sta::cpu::CpuKernels &kernels, const char *name, int64_t tokens, int64_t in, int64_t out, sta::cpu::Prepare prepare,
             sta::cpu::Finish finish) {
  struct Data {
    std::vector<float> x, packed, bias, y, scratch;
  };
  const auto d = std::make_shared<Data>();
  d->x = random_floats(tokens * in);
  d->bias = random_floats(std::max(in, out));
  d->y = random_floats(tokens * out);
  // As wide as in a trained model: GELU would have little to do where nearly all results are large.
  const std::vector<float> weight = random_floats(out * in, 1 / std::sqrt(static_cast<float>(in)));
  d->packed.resize(static_cast<size_t>(kernels.packed_size(out, in)));
  kernels.pack_weights(weight.data(), in, out, in, d->packed.data());
  d->scratch.resize(static_cast<size_t>(kernels.linear_scratch(tokens, in)));
  return {name, static_cast<double>(tokens * in * out), [=, &kernels] {
            kernels.linear({d->x.data(), in, d->packed.data(), d->bias.data(), d->y.data(), out, tokens, in, out, 0,
                            (out + kernels.panel_width - 1) / kernels.panel_width, prepare, d->bias.data(), d->bias.data(), 1e-6f, finish,
                            d->scratch.data()});
          }};
}

// One head: all queries, all keys.
Line attention(const sta::cpu::CpuKernels &kernels, int64_t tokens) {
  struct Data {
    std::vector<float> q, keys, values, y, scratch;
  };
  const auto d = std::make_shared<Data>();
  const std::vector<float> k = random_floats(tokens * kHeadDim), v = random_floats(tokens * kHeadDim);
  d->q = random_floats(tokens * kHeadDim);
  d->y.resize(d->q.size());
  d->keys.resize(static_cast<size_t>(kernels.packed_size(tokens, kHeadDim)));
  d->values.resize(static_cast<size_t>(kernels.packed_size(kHeadDim, tokens)));
  d->scratch.resize(static_cast<size_t>(kernels.attention_scratch(kQueryRows, kHeadDim)));
  kernels.pack_weights(k.data(), kHeadDim, tokens, kHeadDim, d->keys.data());
  kernels.pack_values(v.data(), kHeadDim, tokens, kHeadDim, d->values.data());
  return {"attention", static_cast<double>(2 * tokens * tokens * kHeadDim), [=, &kernels] {
            for (int64_t row = 0; row < tokens; row += kQueryRows)
              kernels.attention({d->q.data() + row * kHeadDim, kHeadDim, d->keys.data(), d->values.data(), d->y.data() + row * kHeadDim, kHeadDim,
                                 std::min(kQueryRows, tokens - row), tokens, kHeadDim, 0.125f, d->scratch.data()});
          }};
}

}  // namespace

int main(int argc, char **argv) {
  const int64_t c = argc > 1 ? std::atol(argv[1]) : 384, tokens = argc > 2 ? std::atol(argv[2]) : 1568;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 5;
  if (c < 1 || tokens < 1 || rounds < 1) {
    std::fprintf(stderr, "usage: cpu-kernels-bench [C [TOKENS [ROUNDS]]], whole numbers above 0\n");
    return 1;
  }
  const sta::cpu::CpuKernels *kernels = sta::cpu::cpu_kernels();
  if (!kernels) {
    std::printf("LibTorch computes on this processor: there is nothing to measure\n");
    return 0;
  }
  using sta::cpu::Finish;
  using sta::cpu::Prepare;
  std::vector<Line> lines = {product(*kernels, "norm, q k v", tokens, c, 3 * c, Prepare::kNorm, Finish::kBias), attention(*kernels, tokens),
                             product(*kernels, "projection", tokens, c, c, Prepare::kNone, Finish::kBiasResidual),
                             product(*kernels, "norm, fc1", tokens, c, 4 * c, Prepare::kNorm, Finish::kBias),
                             product(*kernels, "GELU, fc2", tokens, 4 * c, c, Prepare::kGelu, Finish::kBiasResidual)};
  for (Line &line : lines) line.run();
  for (int i = 0; i < rounds; ++i)
    for (Line &line : lines) {
      const double begin = thread_seconds();
      line.run();
      line.best = std::min(line.best, thread_seconds() - begin);
    }
  std::printf("C %ld, %ld tokens, one thread\n%-12s %10s %22s\n", static_cast<long>(c), static_cast<long>(tokens), "", "ms", "multiply-adds/ns");
  for (const Line &line : lines) std::printf("%-12s %10.2f %22.1f\n", line.name.c_str(), 1e3 * line.best, 1e-9 * line.multiply_adds / line.best);
  return 0;
}
