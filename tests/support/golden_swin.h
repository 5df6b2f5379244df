// SPDX-License-Identifier: MIT
// The generator of the Video Swin golden files (tests/golden/videoswin/README.md, section 2): the same numbers as in
// golden.h, with other names and scales.
#pragma once

#include <array>
#include <map>
#include <string>

#include "support/golden.h"

namespace golden {

/// Description of "nano", "micro_w8", "micro_w16", "swin_t", "swin_s", "swin_b", "swin_b_w16" for clips of frames x
/// height x width.
sta::ModelDescription describe_swin(const std::string &config, const std::array<int, 3> &clip);

/// One weight by its official name without "backbone.".
at::Tensor swin_weight(const std::string &name, at::IntArrayRef shape, uint64_t seed);
/// All weights, canonical names.
sta::StateDict swin_weights(const sta::ModelDescription &model, uint64_t seed);

/// f32 [3,T,H,W]; kind "noise", "blocks" or "zeros".
at::Tensor swin_clip(const std::string &kind, const std::array<int, 3> &shape, uint64_t seed);

/// "12,40,44" -> {12, 40, 44}
std::array<int, 3> three(const std::string &text);

}  // namespace golden
