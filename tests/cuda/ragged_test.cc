// SPDX-License-Identifier: MIT
// Tests the pruning kernels on groups that differ in size, without LibTorch, so that the memory and the threads of the
// emulated device are watched: a plan of equal groups gives what no plan gives, bit for bit; any plan keeps tokens that
// are legal, the same on every schedule; sizes that cannot be right are refused. prune_step_test.cc compares the tokens
// with the reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "cuda/sta_cuda.h"
#include "device_memory.h"

namespace {

struct Case {
  int batch = 1, groups = 4, n = 0, channels = 16, heads = 1, dim = 8, tokens = 0, kept = 0;
  std::vector<sta_cuda_group> plan;  // [B,T]
  std::vector<float> x, keys;
};

sta_cuda_prune_args args_of(const Case &c) {
  sta_cuda_prune_args a{};
  a.x_token = c.channels;
  a.x_batch = static_cast<int64_t>(c.tokens) * c.channels;
  a.key_head = c.dim;
  a.key_token = static_cast<int64_t>(c.heads) * c.dim;
  a.key_batch = c.tokens * a.key_token;
  a.type = STA_CUDA_FP32;
  a.batch = c.batch;
  a.groups = c.groups;
  a.group_tokens = c.n;
  a.channels = c.channels;
  a.heads = c.heads;
  a.head_dim = c.dim;
  a.keep_token = -1;
  return a;
}

// [B·K'] tokens. planned: by the plan; else as groups of one size that lose `drop` each.
std::vector<int64_t> run(const Case &c, bool planned, int drop = 0, bool backward = false, int keep_token = -1) {
  sta_cuda_prune_args a = args_of(c);
  const device::Array<float> x(c.x), keys(c.keys);
  const device::Array<sta_cuda_group> plan(c.plan);
  a.x = x.get();
  a.keys = keys.get();
  if (planned) {
    a.plan = plan.get();
    a.tokens = c.tokens;
    a.kept_count = c.kept;
  } else {
    a.drop = drop;
    a.backward = backward;
    a.keep_token = keep_token;
  }
  const device::Array<char> workspace(sta_cuda_prune_workspace(&a));
  const device::Array<int64_t> kept(static_cast<size_t>(c.batch) * static_cast<size_t>(c.kept));
  a.workspace = workspace.get();
  a.kept = kept.get();
  char message[STA_CUDA_MESSAGE] = "";
  EXPECT_EQ(sta_cuda_prune(&a, nullptr, message), STA_CUDA_OK) << message;
  return kept.host();
}

void fill(Case &c, std::mt19937 &random) {
  std::normal_distribution<float> normal;
  c.x.resize(static_cast<size_t>(c.batch * c.tokens * c.channels));
  c.keys.resize(static_cast<size_t>(c.batch * c.tokens * c.heads * c.dim));
  for (float &v : c.x) v = normal(random);
  for (float &v : c.keys) v = normal(random);
}

int below(std::mt19937 &random, int end) { return static_cast<int>(random() % static_cast<unsigned>(end)); }

TEST(CudaRagged, APlanOfEqualGroupsIsNoPlan) {
  std::mt19937 random(1);
  for (int round = 0; round < 30; ++round) {
    Case c;
    c.batch = 1 + below(random, 3);
    c.groups = 1 + below(random, 8);
    c.n = 2 + below(random, 60);
    c.heads = 1 + below(random, 3);
    c.tokens = c.groups * c.n;
    const int drop = below(random, c.n / 2 + 1);
    const bool backward = random() % 2 == 0;
    const bool stays = random() % 2 == 0 && drop < (c.n + 1) / 2;
    c.kept = c.groups * (c.n - drop);
    // Token 0: at an even position of its group.
    for (int b = 0; b < c.batch; ++b)
      for (int step = 0; step < c.groups; ++step) {
        const int g = backward ? c.groups - 1 - step : step;
        c.plan.push_back({g * c.n, c.n, c.n - drop, g * (c.n - drop), stays && g == 0 ? 0 : -1});
      }
    fill(c, random);
    device::use(device::schedules()[static_cast<size_t>(round) % device::schedules().size()]);
    ASSERT_EQ(run(c, true), run(c, false, drop, backward, stays ? 0 : -1)) << "round " << round;
  }
}

TEST(CudaRagged, AnyPlanKeepsLegalTokensOnEverySchedule) {
  std::mt19937 random(2);
  for (int round = 0; round < 40; ++round) {
    Case c;
    c.batch = 1 + below(random, 3);
    c.groups = 1 + below(random, 8);
    c.dim = 1 + below(random, 20);
    const bool backward = random() % 2 == 0;
    std::vector<std::vector<int>> counts(static_cast<size_t>(c.batch), std::vector<int>(static_cast<size_t>(c.groups)));
    c.tokens = c.groups + below(random, 40 * c.groups);
    for (auto &window : counts)
      for (int i = 0; i < c.tokens; ++i) ++window[below(random, 3) > 0 ? 0 : static_cast<size_t>(below(random, c.groups))];
    // As many go in each window: from the group scanned first sources only, from others all but one token.
    const auto first_of = [&](const std::vector<int> &window) {
      size_t g = backward ? window.size() - 1 : 0;
      while (window[g] == 0) backward ? --g : ++g;
      return g;
    };
    int most = c.tokens;
    for (const auto &window : counts) {
      int room = 0;
      for (size_t g = 0; g < window.size(); ++g) room += g == first_of(window) ? (window[g] + 1) / 2 - (window[g] == 1) : std::max(0, window[g] - 1);
      most = std::min(most, room);
    }
    int total = below(random, most + 1);
    c.kept = c.tokens - total;
    for (const auto &window : counts) {
      std::vector<int> kept = window;
      for (int left = total; left > 0;) {
        const size_t g = static_cast<size_t>(below(random, c.groups));
        const int least = g == first_of(window) ? std::max(window[g] / 2, 1) : 1;
        if (kept[g] > least) {
          --kept[g];
          --left;
        }
      }
      std::vector<sta_cuda_group> groups;
      int start = 0, place = 0;
      for (size_t g = 0; g < window.size(); ++g) {
        c.n = std::max(c.n, window[g]);
        if (window[g] > 0) groups.push_back({start, window[g], kept[g], place, -1});
        start += window[g];
        place += kept[g];
      }
      if (backward) std::reverse(groups.begin(), groups.end());
      groups.resize(window.size(), sta_cuda_group{});
      c.plan.insert(c.plan.end(), groups.begin(), groups.end());
    }
    fill(c, random);
    std::vector<int64_t> before;
    for (const auto &schedule : device::schedules()) {
      device::use(schedule);
      const std::vector<int64_t> kept = run(c, true);
      if (!before.empty()) {
        ASSERT_EQ(kept, before) << schedule.name;
      }
      before = kept;
    }
    for (int b = 0; b < c.batch; ++b)
      for (int step = 0; step < c.groups; ++step) {
        const sta_cuda_group &g = c.plan[static_cast<size_t>(b * c.groups + step)];
        if (g.count == 0) continue;
        const auto *at = before.data() + static_cast<ptrdiff_t>(b) * c.kept + g.place;
        const std::set<int64_t> tokens(at, at + g.kept);
        ASSERT_EQ(tokens.size(), static_cast<size_t>(g.kept));
        ASSERT_GE(*tokens.begin(), g.start);
        ASSERT_LT(*tokens.rbegin(), g.start + g.count);
        if (step == 0)
          for (int i = 1; i < g.count; i += 2) {
            ASSERT_EQ(at[i / 2], g.start + i);
          }
      }
  }
}

TEST(CudaRagged, SizesThatCannotBeRightAreRefused) {
  Case c;
  c.n = 6;
  c.tokens = 11;
  c.kept = 7;
  c.plan = {{0, 6, 4, 0, -1}, {6, 2, 1, 4, -1}, {8, 3, 2, 5, -1}, {}};
  std::mt19937 random(3);
  fill(c, random);
  const device::Array<sta_cuda_group> plan(c.plan);
  for (const auto &[tokens, kept, word] :
       {std::tuple{0, 7, "tokens of a clip"}, {25, 7, "tokens of a clip"}, {11, 0, "tokens to keep"}, {11, 12, "tokens to keep"}}) {
    sta_cuda_prune_args a = args_of(c);
    a.plan = plan.get();
    a.tokens = tokens;
    a.kept_count = kept;
    EXPECT_EQ(sta_cuda_prune_workspace(&a), 0u);
    char message[STA_CUDA_MESSAGE] = "";
    EXPECT_EQ(sta_cuda_prune(&a, nullptr, message), STA_CUDA_UNSUPPORTED);
    EXPECT_NE(std::string(message).find(word), std::string::npos) << message;
  }
}

}  // namespace
