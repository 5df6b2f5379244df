// SPDX-License-Identifier: MIT
// Caps with and without meta:GstVideoOverlayComposition. With it the box travels beside the pixels and the sink (often
// a GPU) draws it; without it the box is blended into the pixels.
#pragma once

#include <gst/gst.h>

namespace sta::gst {

gboolean hasComposition(const GstCaps *caps, guint index);

// What the other pad may carry for caps on one pad: a box can be added to plain frames either way; frames that carry
// boxes already keep them beside the pixels. offer: whether plain sink caps may become composition caps.
GstCaps *otherPadCaps(GstPadDirection direction, const GstCaps *caps, gboolean offer);

// The first structure with the feature if there is one, else the first: downstream may list what it likes less first.
// Takes and returns ownership.
GstCaps *preferComposition(GstCaps *caps);

}  // namespace sta::gst
