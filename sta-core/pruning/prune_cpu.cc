// SPDX-License-Identifier: MIT
// See prune_cpu.h; the formulas are those of sta.cc. How an old token spreads its mass does not depend on which others
// survive, so all groups are prepared side by side, and only the scan itself goes from group to group.
#include "pruning/prune_cpu.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cpu/cpu_kernels.h"
#include "cpu/parallel.h"
#include "pruning/group_plan.h"

namespace sta {
namespace {

constexpr float kTiny = 1e-20f;  // see sta.cc
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A product of unit keys: of the old and the new tokens of two neighbours in the scan, or, of the group that is scanned
// first, of the even and the odd ones.
struct Cosines {
  const float *rows = nullptr, *columns = nullptr;  // unit keys [.., D], row_stride floats from one to the next
  int64_t stride = 0;
  int64_t row_count = 0, column_count = 0;
  float *out = nullptr;     // [row_count, padded columns]
  float *shares = nullptr;  // [row_count] of spread(); NULL: the cosines are what is wanted
};

// Kept from call to call, so that a warm pass allocates nothing here. Grows to what the largest call needs.
struct Workspace {
  std::vector<float> unit_keys, sizes, cosines, shares, worker;
  std::vector<float> zeros;  // a bias
  std::vector<Cosines> products;
  std::vector<float> accumulated, mass, score;
  std::vector<int32_t> order;
};

Workspace &workspace() {
  static thread_local Workspace kept;
  return kept;
}

template <class T>
T *take(std::vector<T> &buffer, int64_t size) {
  if (static_cast<int64_t>(buffer.size()) < size) buffer.resize(static_cast<size_t>(size));
  return buffer.data();
}

int64_t padded(int64_t columns) {
  const int64_t width = cpu::cpu_kernels()->panel_width;
  return (columns + width - 1) / width * width;
}

// Fills `order` with 0..n-1 by ascending score; ties keep the earlier token, what is not a number comes last. stays: is
// the first; -1: none.
void sort_by(float *score, int64_t n, int64_t stays, int32_t *order) {
  for (int64_t i = 0; i < n; ++i) {
    order[i] = static_cast<int32_t>(i);
    if (std::isnan(score[i])) score[i] = kInfinity;
  }
  if (stays >= 0) score[stays] = -kInfinity;
  std::sort(order, order + n, [score](int32_t a, int32_t b) { return score[a] < score[b] || (score[a] == score[b] && a < b); });
}

// The products of one window's groups, in the order of the scan: first the evens and odds of the first group.
void list_products(const sta_cuda_group *groups, int64_t count, const float *unit_keys, int64_t d, Workspace &space) {
  space.products.clear();
  int64_t floats = 0, shares = 0;
  const auto add = [&](const float *rows, const float *columns, int64_t stride, int64_t row_count, int64_t column_count) {
    space.products.push_back({rows, columns, stride, row_count, column_count, nullptr, nullptr});
    floats += row_count * padded(column_count);
    shares += row_count;
  };
  const float *const first = unit_keys + groups[0].start * d;
  add(first, first + d, 2 * d, (groups[0].count + 1) / 2, groups[0].count / 2);
  for (int64_t g = 1; g < count; ++g)
    add(unit_keys + groups[g - 1].start * d, unit_keys + groups[g].start * d, d, groups[g - 1].count, groups[g].count);
  float *out = take(space.cosines, floats), *share = take(space.shares, shares);
  for (Cosines &p : space.products) {
    p.out = out;
    if (&p != &space.products[0]) p.shares = share;
    out += p.row_count * padded(p.column_count);
    share += p.row_count;
  }
}

void compute_products(int64_t d, Workspace &space) {
  const cpu::CpuKernels &kernels = *cpu::cpu_kernels();
  int64_t work = 0, each = 0, most = 0;
  for (const Cosines &p : space.products) {
    work += p.row_count * p.column_count * (d + 16);
    each = std::max(each, kernels.packed_size(p.column_count, d) + kernels.linear_scratch(p.row_count, d));
    most = std::max(most, p.column_count);
  }
  float *const worker = take(space.worker, cpu::workers() * each);
  const float *const zeros = take(space.zeros, padded(most));
  cpu::parallel(static_cast<int64_t>(space.products.size()), work, [&](int64_t task, int thread) {
    const Cosines &p = space.products[static_cast<size_t>(task)];
    if (p.column_count == 0) return;
    const int64_t stride = padded(p.column_count);
    float *const packed = worker + thread * each;
    kernels.pack_weights(p.columns, p.stride, p.column_count, d, packed);
    cpu::LinearArgs a{};
    a.x = p.rows;
    a.x_stride = p.stride;
    a.packed = packed;
    a.bias = zeros;
    a.y = p.out;
    a.y_stride = stride;
    a.rows = p.row_count;
    a.in = d;
    a.out = p.column_count;
    a.panels = stride / kernels.panel_width;
    a.scratch = packed + kernels.packed_size(p.column_count, d);
    kernels.linear(a);
    if (p.shares) kernels.spread(p.out, stride, p.row_count, p.column_count, p.shares);
  });
}

// Writes the kept tokens of one window.
void scan(const sta_cuda_group *groups, int64_t count, const float *sizes, Workspace &space, int64_t *kept) {
  int64_t most = 0;
  for (int64_t g = 0; g < count; ++g) most = std::max<int64_t>(most, groups[g].count);
  float *const score = take(space.score, most), *const mass = take(space.mass, most), *const accumulated = take(space.accumulated, padded(most));
  int32_t *const order = take(space.order, most);

  // The group scanned first: its targets stay, and the sources that are like no target.
  const sta_cuda_group &first = groups[0];
  const int64_t sources = (first.count + 1) / 2, targets = first.count / 2;
  for (int64_t i = 0; i < sources; ++i) {
    const float *const row = space.products[0].out + i * padded(targets);
    score[i] = targets > 0 ? -kInfinity : 0;
    for (int64_t j = 0; j < targets; ++j) score[i] = row[j] > score[i] || std::isnan(row[j]) ? row[j] : score[i];
  }
  // A token that has to stay may be a target, which stays anyway.
  sort_by(score, sources, first.stays >= 0 && first.stays % 2 == 0 ? first.stays / 2 : -1, order);
  for (int64_t i = 0; i < targets; ++i) kept[first.place + i] = first.start + 2 * i + 1;
  for (int64_t i = targets; i < first.kept; ++i) kept[first.place + i] = first.start + 2 * order[i - targets];

  std::fill_n(mass, first.count, 1.0f);
  for (int64_t g = 1; g < count; ++g) {
    const sta_cuda_group &now = groups[g];
    const Cosines &p = space.products[static_cast<size_t>(g)];
    const int64_t stride = padded(now.count);
    std::fill_n(accumulated, now.count, 0.0f);
    for (int64_t i = 0; i < p.row_count; ++i) {
      const float share = mass[i] * p.shares[i], *const row = p.out + i * stride;
      if (share != 0)
        for (int64_t j = 0; j < now.count; ++j) accumulated[j] += share * row[j];
    }
    const float *const size = sizes + now.start;
    const auto [low, high] = std::minmax_element(size, size + now.count);
    const float least = *low, range = std::max(*high - *low, kTiny);
    for (int64_t j = 0; j < now.count; ++j) score[j] = accumulated[j] * (1 - (size[j] - least) / range);
    sort_by(score, now.count, now.stays, order);
    float total = 0;
    for (int64_t i = 0; i < now.kept; ++i) {
      kept[now.place + i] = now.start + order[i];
      total += accumulated[order[i]];
    }
    std::fill_n(mass, now.count, 0.0f);
    for (int64_t i = 0; i < now.kept; ++i) mass[order[i]] = accumulated[order[i]] / std::max(total, kTiny);
  }
}

// plan: [T] for all windows, or [B,T]
at::Tensor select(const at::Tensor &x, const at::Tensor &keys, const std::vector<sta_cuda_group> &plan, int64_t groups, int64_t kept_count) {
  const int64_t b = x.size(0), l = x.size(1), c = x.size(2), d = keys.size(3);
  Workspace &space = workspace();
  float *const unit_keys = take(space.unit_keys, l * d), *const sizes = take(space.sizes, l);
  at::Tensor kept = at::empty({b, kept_count}, at::kLong);
  for (int64_t i = 0; i < b; ++i) {
    const sta_cuda_group *const mine = plan.data() + (static_cast<int64_t>(plan.size()) == groups ? 0 : i * groups);
    const int64_t there = std::count_if(mine, mine + groups, [](const sta_cuda_group &g) { return g.count > 0; });
    const int64_t parts = std::min<int64_t>(l, cpu::workers());
    cpu::parallel(parts, l * (c + keys.size(2) * d), [&](int64_t part, int) {
      const int64_t first = part * l / parts, last = (part + 1) * l / parts;
      cpu::cpu_kernels()->token_scores({x.const_data_ptr<float>() + i * x.stride(0) + first * c, last - first, c,
                                        keys.const_data_ptr<float>() + i * keys.stride(0) + first * keys.stride(1), keys.stride(1), keys.stride(2),
                                        keys.size(2), d, unit_keys + first * d, sizes + first});
    });
    list_products(mine, there, unit_keys, d, space);
    compute_products(d, space);
    scan(mine, there, sizes, space, kept.data_ptr<int64_t>() + i * kept_count);
  }
  return kept;
}

}  // namespace

bool cpu_takes(const at::Tensor &x, const at::Tensor &keys, const PruneSettings &settings) {
  const cpu::CpuKernels *const kernels = cpu::cpu_kernels();
  return kernels && settings.rule == STA_PRUNING_STA && x.is_cpu() && x.scalar_type() == at::kFloat && keys.scalar_type() == at::kFloat &&
         x.stride(2) == 1 && x.stride(1) == x.size(2) && keys.stride(3) == 1 && keys.size(3) <= kernels->most_head_dim;
}

at::Tensor select_on_cpu(const at::Tensor &x, const at::Tensor &keys, const PruneCall &call, int drop_number) {
  const int64_t n = x.size(1) / call.groups, first = call.backward ? call.groups - 1 : 0;
  TORCH_CHECK(x.size(1) % call.groups == 0 && drop_number <= (n + 1) / 2 && drop_number < n, "a group of ", n, " tokens cannot lose ", drop_number);
  TORCH_CHECK(call.keep_token < 0 || call.keep_token / n != first || (call.keep_token % n % 2 == 0 && drop_number < (n + 1) / 2),
              "a token that has to stay must be one of the first group's sources, of which one is left");
  return select(x, keys, group_plan(call.groups, static_cast<int>(n), drop_number, call.backward, call.keep_token), call.groups,
                call.groups * (n - drop_number));
}

at::Tensor select_on_cpu(const at::Tensor &x, const at::Tensor &keys, const RaggedCall &call) {
  return select(x, keys, group_plan(call), static_cast<int64_t>(call.windows[0].counts.size()), call.kept);
}

}  // namespace sta
