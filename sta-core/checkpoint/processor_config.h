// SPDX-License-Identifier: MIT
// Reads how a model folder wants its pictures prepared. Hugging Face's processor file says that. transformers has
// written it in several forms, and all are read: preprocessor_config.json, video_preprocessor_config.json, or
// processor_config.json with a "video_processor" or "image_processor" inside.
//
// Nothing in the file is ignored silently. Each key that changes pixels is either applied as in transformers or refused
// with a message. These are applied:
//   size {"shortest_edge"} or a number   the short side gets that length, then the centre crop
//   size {"height","width"}              squashed to exactly that size whatever the frame's shape, then the centre crop
//   do_center_crop false                 no crop; only if the size is the size of the model's image
//   rescale_factor, do_rescale, image_mean, image_std, do_normalize
//                                        any combination: together they are one multiply-add per channel
//   offset                               ViViT's processor: 1 is subtracted after rescaling
//   do_sample_frames with fps            the time between the frames of a window
// These are refused: resampling other than bilinear, no resizing at all, exchanged channels, an offset in other
// processors, padding, another number of frames than the model's.
#pragma once

#include <string>

#include "model/description.h"
#include "result.h"

namespace sta {

/// Fills the description's picture fields from the folder's processor file, if the folder has one. Image size and patch
/// must be known before. Errors: BAD_MODEL (a value that cannot be right), UNSUPPORTED (a step that this library does
/// not have). The message names file and key.
Status read_processor(const std::string &folder, ModelDescription &description);

}  // namespace sta
