// SPDX-License-Identifier: MIT
// See attention_choice.h.
#include "engine/attention_choice.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "engine/catch.h"
#include "ops/attention.h"
#include "ops/swin_ops.h"

namespace sta {
namespace {

using ops::AttentionKernel;

constexpr int kTrialTokens = 64;

// All keys are equal, so every query gets the mean of the values. All values are equal too: one half, which is exact in
// every precision.
constexpr double kValue = 0.5, kTolerance = 1e-2;

// Returns what is wrong with the attention of this shape, "" if nothing is. kernel: receives the kernel that was used.
// Throws what the device throws.
std::string trial(const AttentionShape &s, at::Device device, at::ScalarType type, AttentionKernel &kernel) {
  const auto options = at::TensorOptions(device).dtype(type);
  // The same layout as in a model: q, k and v are parts of one product.
  const at::Tensor qkv = at::full({1, s.tokens, 3, s.heads, s.head_dim}, kValue, options);
  const at::Tensor q = qkv.select(2, 0).transpose(1, 2), k = qkv.select(2, 1).transpose(1, 2), v = qkv.select(2, 2).transpose(1, 2);
  const at::Tensor mask = s.masked ? at::zeros({1, s.heads, s.tokens, s.tokens}, options) : at::Tensor();
  kernel = ops::kernel_for(q, k, v, mask);
  const at::Tensor out = ops::attend(q, k, v, mask);
  // Reading the result waits for the device and brings up its errors.
  const double worst = (out.to(at::kFloat) - kValue).abs().max().item<double>();
  return worst < kTolerance ? "" : "it computes something else";
}

}  // namespace

std::vector<AttentionShape> attention_shapes(const ModelDescription &m) {
  if (!m.pyramid()) return {{m.num_heads, m.head_dim(), std::min(m.tokens(), kTrialTokens), false}};
  std::vector<AttentionShape> shapes;
  for (int s = 0; s < m.stages(); ++s) {
    const int dim = m.stage_dim(s) / m.stage_heads[s];
    const auto grid = m.stage_grid(s);
    int tokens = 1;
    for (size_t i = 0; i < grid.size(); ++i) tokens *= std::min(grid[i], m.window[i]);
    // If tokens were dropped, a few channels are appended (ops/swin_ops.cc).
    for (const int wide : {dim, dim + static_cast<int>(ops::kFlagChannels)}) {
      if (wide > dim && m.max_drop_number() == 0) continue;
      if (std::none_of(shapes.begin(), shapes.end(), [&](const AttentionShape &a) { return a.head_dim == wide; }))
        shapes.push_back({m.stage_heads[s], wide, std::min(tokens, kTrialTokens), true});
    }
  }
  return shapes;
}

AttentionChoice::AttentionChoice(at::Device device, at::ScalarType type, std::vector<AttentionShape> shapes)
    : device_(device), type_(type), shapes_(std::move(shapes)) {}

// Each kernel is tried at most once: either it works, or it is switched off afterwards.
Status AttentionChoice::try_shape(const AttentionShape &shape, int &kernels, std::string &reasons) const {
  for (int attempt = 0; attempt < ops::kAttentionKernels; ++attempt) {
    AttentionKernel kernel = AttentionKernel::kPlain;
    const uint64_t changes = ops::attention_changes();
    auto wrong = guarded("", [&]() -> Result<std::string> { return trial(shape, device_, type_, kernel); });
    static_cast<void>(ops::take_attention_failure());
    if (wrong && wrong->empty()) {
      kernels |= 1 << static_cast<int>(kernel);
      return ok();
    }
    if (!wrong && wrong.error().status == STA_ERROR_OUT_OF_MEMORY) return wrong.error();
    std::string why = wrong ? *wrong : wrong.error().message;
    if (why.rfind(": ", 0) == 0) why.erase(0, 2);  // guarded() adds this to an empty name
    reasons += (reasons.empty() ? "" : "; ") + std::string(ops::name_of(kernel)) + ": " + why.substr(0, why.find('\n'));
    if (ops::attention_changes() == changes) ops::switch_off(kernel, why);  // a late error, or a wrong result
    if (ops::attention_changes() == changes) break;                         // it is the plain kernel, which stays on
  }
  return Error{STA_ERROR_DEVICE, "no attention works on " + device_.str() + " (" + reasons + ")"};
}

Status AttentionChoice::check() {
  const c10::InferenceMode guard;
  std::lock_guard lock(mutex_);
  int kernels = 0;
  std::string reasons;
  // Repeat until nothing changes: a kernel that fails for one shape is then off for the shapes that were tried before,
  // too.
  for (uint64_t changes = ops::attention_changes() + 1; changes != ops::attention_changes();) {
    changes = ops::attention_changes();
    kernels = 0;
    for (const AttentionShape &shape : shapes_)
      if (auto s = try_shape(shape, kernels, reasons); !s) return s;
  }
  kernels_.store(kernels, std::memory_order_release);
  due_.store(false, std::memory_order_release);
  return ok();
}

Status AttentionChoice::before_pass() { return due_.load(std::memory_order_acquire) ? check() : ok(); }

const char *AttentionChoice::kernels() const {
  static const auto names = [] {
    std::array<std::string, 1 << ops::kAttentionKernels> all;
    for (size_t set = 0; set < all.size(); ++set)
      for (int k = 0; k < ops::kAttentionKernels; ++k)
        if (set >> k & 1) all[set] += (all[set].empty() ? "" : ", ") + std::string(ops::name_of(static_cast<AttentionKernel>(k)));
    return all;
  }();
  return names[static_cast<size_t>(kernels_.load(std::memory_order_acquire))].c_str();
}

}  // namespace sta
