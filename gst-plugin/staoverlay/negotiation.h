// SPDX-License-Identifier: MIT
// Caps with and without meta:GstVideoOverlayComposition. With the feature the box travels beside the pixels, and the
// sink (often a GPU) draws it. Without it the box is blended into the pixels.
#pragma once

#include <gst/gst.h>

namespace sta::gst {

gboolean hasComposition(const GstCaps *caps, guint index);

// The caps that the other pad may carry for the caps of one pad. A box can be added to plain frames either way. Frames
// that already carry boxes keep them beside the pixels. offer: whether plain sink caps may become composition caps.
GstCaps *otherPadCaps(GstPadDirection direction, const GstCaps *caps, gboolean offer);

// Returns the first structure with the feature; if none has it, the first of all. Downstream may list a structure
// that it likes less first. Takes and returns ownership.
GstCaps *preferComposition(GstCaps *caps);

}  // namespace sta::gst
