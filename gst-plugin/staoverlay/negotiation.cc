// SPDX-License-Identifier: MIT
// The caps computations of staoverlay, kept apart from the element so that both stay readable.
#include "negotiation.h"

#include <gst/video/video-overlay-composition.h>

namespace sta::gst {

gboolean hasComposition(const GstCaps *caps, guint index) {
  GstCapsFeatures *features = gst_caps_get_features(caps, index);
  return features && !gst_caps_features_is_any(features) && gst_caps_features_contains(features, GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION);
}

static void append(GstCaps *result, const GstCaps *caps, guint index, gboolean composition) {
  GstCapsFeatures *features = gst_caps_features_copy(gst_caps_get_features(caps, index));
  if (composition && !gst_caps_features_contains(features, GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION))
    gst_caps_features_add(features, GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION);
  else if (!composition)
    gst_caps_features_remove(features, GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION);
  gst_caps_append_structure_full(result, gst_structure_copy(gst_caps_get_structure(caps, index)), features);
}

GstCaps *otherPadCaps(GstPadDirection direction, const GstCaps *caps, gboolean offer) {
  GstCaps *result = gst_caps_new_empty();
  for (guint i = 0; i < gst_caps_get_size(caps); i++) {
    const gboolean composition = hasComposition(caps, i);
    if (direction == GST_PAD_SINK) {
      if (composition || offer) append(result, caps, i, TRUE);
      if (!composition) append(result, caps, i, FALSE);
    } else {
      append(result, caps, i, FALSE);
      if (composition) append(result, caps, i, TRUE);
    }
  }
  return result;
}

GstCaps *preferComposition(GstCaps *caps) {
  guint chosen = 0;
  for (guint i = 0; i < gst_caps_get_size(caps); i++)
    if (hasComposition(caps, i)) {
      chosen = i;
      break;
    }
  GstCaps *result = gst_caps_copy_nth(caps, chosen);
  gst_caps_unref(caps);
  return gst_caps_fixate(result);
}

}  // namespace sta::gst
