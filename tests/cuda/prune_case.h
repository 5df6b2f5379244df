// SPDX-License-Identifier: MIT
// Difficult inputs for the pruning step: ties, degenerate keys, extreme magnitudes, and ordinary random ones.
#pragma once

#include <cstdint>

#include "prune_reference.h"

namespace prune_case {

enum class Kind {
  kRandom,
  kClustered,   // keys in a few bundles, like those of a video
  kPrototypes,  // few different tokens, so that most scores tie exactly
  kEqual,       // all tokens and keys equal
  kZeroKeys,    // some keys zero
  kFlat,        // all magnitudes of a group equal: the semantic score has no range
  kHuge,        // up to the largest fp16
  kTiny,        // denormal numbers
  kOpposite,    // keys and their negatives
  kPermuted,    // the next group is the previous one in another order
  kCount
};

struct Size {
  int groups, n, channels, heads, dim, drop;
  bool backward;
};

/// Any legal size up to 8 groups of 70 tokens.
Size random_size(uint64_t seed);
reference::PruneInput make(Kind kind, const Size &size, uint64_t seed);

}  // namespace prune_case
