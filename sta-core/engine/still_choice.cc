// SPDX-License-Identifier: MIT
// See still_choice.h.
#include "engine/still_choice.h"

#include <algorithm>
#include <sstream>

namespace sta {

StillGrid still_grid(const ModelDescription &m) {
  StillGrid grid{m.steps(), m.tubelet, m.height / m.patch, m.width / m.patch, m.patch, {}};
  for (size_t c = 0; c < 3; ++c) grid.scale[c] = 1.0f / (255.0f * m.std[c]);
  return grid;
}

Status check_still_threshold(float threshold, const ModelDescription &m) {
  if (!(threshold <= 10)) {
    std::ostringstream message;
    message << "still-threshold " << threshold << " should be 0 (off) to 10, or -1 (the model's own)";
    return Error{STA_ERROR_INVALID_ARGUMENT, message.str()};
  }
  if (threshold > 0 && !m.joint())
    return Error{STA_ERROR_UNSUPPORTED, "still-threshold should be 0 for model " + m.name + ": a " + (m.pyramid() ? "Video Swin" : "TimeSformer") +
                                            " needs whole windows, and stillness works with plain ViTs"};
  return ok();
}

int tokens_of_pass(const StillGrid &grid, int changed, bool cuda) { return still_bucket(grid, changed, cuda ? kStillBucketCuda : kStillBucketCpu); }

std::vector<StillTokens> still_batch(const StillGrid &grid, const std::vector<const StillMask *> &masks, bool cuda) {
  int count = 0;
  for (const StillMask *mask : masks) count = std::max(count, tokens_of_pass(grid, mask->changed, cuda));
  std::vector<StillTokens> out;
  if (count == grid.tokens()) return out;
  for (const StillMask *mask : masks) out.push_back(choose_tokens(grid, *mask, count));
  return out;
}

}  // namespace sta
