// SPDX-License-Identifier: MIT
// Tells the preprocessor how a model wants its frames. Only here a model's description becomes a PreprocessSpec.
#pragma once

#include "model/description.h"
#include "preprocess/preprocess.h"

namespace sta {

inline PreprocessSpec preprocess_spec(const ModelDescription &m, bool antialias, const CropChoice &crop = {}) {
  return {m.height, m.width, {m.short_side, m.squash_height, m.squash_width}, antialias, crop};
}

}  // namespace sta
