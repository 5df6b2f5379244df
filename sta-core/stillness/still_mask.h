// SPDX-License-Identifier: MIT
// Stillness: which tokens of a window show what the token before them at the same place showed already. A camera shows
// the same picture most of the time, so most tokens say nothing new, and a pass need not see them. STA drops tokens
// inside the network, from the first block on; this drops them before it.
//
// Rule, tubelet by tubelet, on normalised pixels (Choudhury et al., "Don't Look Twice: Faster Video Transformers with
// Run-Length Tokenization", NeurIPS 2024). A token (t, y, x) is still if the mean absolute difference between its
// tubelet and the tubelet of the last changed token at (y, x) is below the threshold. The comparison is with the last
// changed one and not with the step before, so slow changes add up until they count. The first step never is still.
//
// How many tokens a pass sees is rounded up to a bucket, so that shapes repeat; choose_tokens() fills the bucket with
// the still tokens that changed most. Pure C++ on bytes, so that it runs in a stream's thread and is tested by itself.
//
// Dimension letters: model/description.h.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace sta {

/// The token grid of a model and the scale of its pixels.
struct StillGrid {
  int steps = 0;    // n_t
  int tubelet = 0;  // pictures of a step
  int rows = 0;     // n_y
  int columns = 0;  // n_x
  int patch = 0;    // rows and columns of pixels of a token
  // Normalised pixel = scale · byte + shift; differences need the scale alone.
  std::array<float, 3> scale{};

  int step_tokens() const { return rows * columns; }
  int tokens() const { return steps * rows * columns; }
};

/// How much each token of a window differs from what it is compared with.
struct StillMask {
  // [L] mean absolute difference of normalised pixels, in the order t, y, x; infinity for tokens that are not still.
  std::vector<float> change;
  int changed = 0;  // tokens that are not still: n_s .. L
};

/// The tokens of one window that a pass sees.
struct StillTokens {
  std::vector<int32_t> tokens;  // [K] indices into 0..L-1, ascending
  std::vector<int32_t> runs;    // [K] steps that each stands for: 1, plus the steps until the next kept token at its place
};

/// Finds what is still in a window. frames: [T] pictures u8 [H,W,3] RGB with H = rows·patch, W = columns·patch, no
/// padding between rows. threshold: of normalised pixels, above 0. The mask's memory is used again. Costs one pass over
/// the pixels. Thread-safe.
void find_still(const StillGrid &grid, const uint8_t *const *frames, float threshold, StillMask &mask);

/// The same rule on tubelets of normalised pixels, f32 [L,P] with P values a token, for clips that come as floats.
void find_still(const StillGrid &grid, const float *tubelets, int64_t volume, float threshold, StillMask &mask);

/// `count` rounded up to a multiple of `bucket`, at most all tokens.
int still_bucket(const StillGrid &grid, int count, int bucket);

/// The tokens that are not still, filled up to `count` with the still ones that changed most (of equal ones the earlier).
/// count: mask.changed .. L.
StillTokens choose_tokens(const StillGrid &grid, const StillMask &mask, int count);

/// A multiple of this many tokens goes through a pass.
constexpr int kStillBucketCpu = 16, kStillBucketCuda = 64;

}  // namespace sta
