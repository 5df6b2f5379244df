// SPDX-License-Identifier: MIT
// See window_plan.h.
#include "ops/window_plan.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <map>

namespace sta::ops {
namespace {

// One dimension of the plan.
struct Axis {
  int grid, window, shift, padded;

  Axis(int size, int configured, bool shifted) {
    grid = size;
    window = std::min(size, configured);
    shift = shifted && size > configured ? configured / 2 : 0;  // equal sizes clip too
    padded = (size + window - 1) / window * window;
  }
  int windows() const { return padded / window; }
  bool split(int w) const { return shift > 0 && w == windows() - 1; }
  /// Region of a coordinate in the last window. 1: it was there before the roll; 2: it wrapped round.
  int region(int c) const { return c < window - shift ? 1 : 2; }
  /// Turns coordinate c of window w into the coordinate in the grid before the roll. Results of `grid` and more mean
  /// padding.
  int source(int w, int c) const { return (w * window + c + shift) % padded; }
};

at::Tensor to_tensor(const std::vector<int64_t> &v, at::Device device) { return at::tensor(v, at::kLong).to(device); }

}  // namespace

at::Tensor relative_position_rows(const std::array<int, 3> &w, int64_t tokens) {
  const int64_t plane = int64_t{w[1]} * w[2];
  at::Tensor rows = at::empty({tokens * tokens}, at::kLong);
  int64_t *out = rows.data_ptr<int64_t>();
  for (int64_t i = 0; i < tokens; ++i)
    for (int64_t j = 0; j < tokens; ++j) {
      const int64_t dd = i / plane - j / plane, dh = i / w[2] % w[1] - j / w[2] % w[1], dw = i % w[2] - j % w[2];
      *out++ = ((dd + w[0] - 1) * (2 * w[1] - 1) + dh + w[1] - 1) * (2 * w[2] - 1) + dw + w[2] - 1;
    }
  return rows;
}

WindowPlan make_window_plan(const std::array<int, 3> &grid, const std::array<int, 3> &window, bool shifted, at::ScalarType type, at::Device device) {
  const Axis d(grid[0], window[0], shifted), h(grid[1], window[1], shifted), w(grid[2], window[2], shifted);
  WindowPlan plan;
  plan.tokens = int64_t{grid[0]} * grid[1] * grid[2];
  plan.windows = int64_t{d.windows()} * h.windows() * w.windows();
  plan.window_tokens = int64_t{d.window} * h.window * w.window;
  const int64_t n = plan.window_tokens, l = plan.tokens;
  plan.padded = plan.windows * n > l;

  // Windows, grouped by the dimensions in which they are split (as bits).
  std::map<int, std::vector<std::array<int, 3>>> kinds;
  for (int wd = 0; wd < d.windows(); ++wd)
    for (int wh = 0; wh < h.windows(); ++wh)
      for (int ww = 0; ww < w.windows(); ++ww) kinds[4 * d.split(wd) + 2 * h.split(wh) + w.split(ww)].push_back({wd, wh, ww});

  std::vector<int64_t> slot_token, token_slot(l), run_first(l), run_slots(l);
  slot_token.reserve(plan.windows * n);
  int64_t first = 0;
  for (const auto &[kind, members] : kinds) {
    WindowRun run{first, static_cast<int64_t>(members.size()), {}};
    for (const auto &[wd, wh, ww] : members)
      for (int cd = 0; cd < d.window; ++cd)
        for (int ch = 0; ch < h.window; ++ch)
          for (int cw = 0; cw < w.window; ++cw) {
            const int sd = d.source(wd, cd), sh = h.source(wh, ch), sw = w.source(ww, cw);
            const bool padding = sd >= d.grid || sh >= h.grid || sw >= w.grid;
            const int64_t token = padding ? l : (int64_t{sd} * h.grid + sh) * w.grid + sw;
            if (!padding) {
              token_slot[token] = static_cast<int64_t>(slot_token.size());
              run_first[token] = run.first * n;
              run_slots[token] = run.count * n;
            }
            slot_token.push_back(token);
          }
    if (kind != 0) {
      std::vector<int> region;
      for (int cd = 0; cd < d.window; ++cd)
        for (int ch = 0; ch < h.window; ++ch)
          for (int cw = 0; cw < w.window; ++cw)
            region.push_back((kind & 4 ? 9 * d.region(cd) : 0) + (kind & 2 ? 3 * h.region(ch) : 0) + (kind & 1 ? w.region(cw) : 0));
      run.mask = at::zeros({n, n}, at::kFloat);
      float *mask = run.mask.data_ptr<float>();
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) mask[i * n + j] = region[i] == region[j] ? 0.0f : -100.0f;
      run.mask = run.mask.to(device, type);
    }
    plan.runs.push_back(run);
    first += run.count;
  }
  plan.slot_token = to_tensor(slot_token, device);
  plan.token_slot = to_tensor(token_slot, device);
  plan.run_first = to_tensor(run_first, device);
  plan.run_slots = to_tensor(run_slots, device);
  plan.bias_row = relative_position_rows(window, n).to(device);
  return plan;
}

WindowIndex index_windows(const WindowPlan &plan, const at::Tensor &row_of, const at::Tensor &wanted) {
  const int64_t b = row_of.size(0), n = plan.window_tokens;
  WindowIndex index;
  const at::Tensor rows = row_of.index_select(1, plan.slot_token);  // [B,S]
  std::vector<at::Tensor> runs;
  for (const WindowRun &run : plan.runs) runs.push_back(rows.slice(1, run.first * n, (run.first + run.count) * n).reshape({-1}));
  index.slot_row = at::cat(runs);
  const at::Tensor flat = wanted.reshape({-1});
  auto of = [&](const at::Tensor &per_token) { return per_token.index_select(0, flat).view(wanted.sizes()); };
  const at::Tensor first = of(plan.run_first);
  // A slot comes after the same run's slots of earlier items. The runs before it hold B times as many slots as in the
  // plan.
  index.out_slot = (first * (b - 1) + at::arange(b, wanted.options()).unsqueeze(1) * of(plan.run_slots) + of(plan.token_slot)).reshape({-1});
  return index;
}

}  // namespace sta::ops
