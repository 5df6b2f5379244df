// SPDX-License-Identifier: MIT
// What a model folder says about preparing pictures: the processor file of Hugging Face, in any of the forms in which
// transformers has written it: preprocessor_config.json, video_preprocessor_config.json, or processor_config.json with
// a "video_processor" or "image_processor" inside.
//
// Nothing in it is ignored in silence: each key that changes pixels is done as transformers does it, or refused by a
// sentence. Done are:
//   size {"shortest_edge"} or a number   short side to that length, then the centre crop
//   size {"height","width"}              squashed to exactly that size, whatever the frame's shape is, then the centre
//                                        crop
//   do_center_crop false                 no crop; only with a size that is the model's image
//   rescale_factor, do_rescale, image_mean, image_std, do_normalize
//                                        any combination: all are one multiplication and one addition a channel
// Refused are other resamplings than bilinear, no resizing at all, exchanged channels, shifted value ranges (offset),
// padding.
#pragma once

#include <string>

#include "model/description.h"
#include "result.h"

namespace sta {

/// Fills the description's picture fields from the folder's processor file, if it has one; image size and patch are
/// known by then. Errors: BAD_MODEL (a value that cannot be right), UNSUPPORTED (something that this library does not
/// do); the message names file and key.
Status read_processor(const std::string &folder, ModelDescription &description);

}  // namespace sta
