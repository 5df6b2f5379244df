// SPDX-License-Identifier: MIT
// Between stillness and the engine: the token grid of a model, the threshold that holds for a stream or a clip, and the
// tokens of windows that go through one pass.
#pragma once

#include <vector>

#include "model/description.h"
#include "result.h"
#include "stillness/still_mask.h"

namespace sta {

/// Of a plain ViT.
StillGrid still_grid(const ModelDescription &description);

/// INVALID_ARGUMENT: not a number from 0 to 10, nor negative for the model's own. UNSUPPORTED: above 0 for a model that
/// needs whole windows.
Status check_still_threshold(float threshold, const ModelDescription &description);

/// asked: negative: what the model folder recommends, which is 0 where it says nothing.
inline float still_threshold(float asked, const ModelDescription &m) { return asked >= 0 ? asked : m.still_threshold; }

/// How many tokens windows of so many changed ones take in a pass on this device; L means that the pass is dense.
int tokens_of_pass(const StillGrid &grid, int changed, bool cuda);

/// The tokens of the windows of one batch: as many of each as the one takes that changed most. Empty if that is all of
/// them: the pass is then the dense one, bit for bit.
std::vector<StillTokens> still_batch(const StillGrid &grid, const std::vector<const StillMask *> &masks, bool cuda);

}  // namespace sta
