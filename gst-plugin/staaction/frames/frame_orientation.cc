// SPDX-License-Identifier: MIT
// See frame_orientation.h.
#include "frame_orientation.h"

#include <gst/video/video.h>

#include "staaction/settings/settings.h"

namespace sta::gst {

void FrameOrientation::take(const GstTagList *tags) {
  GstVideoOrientationMethod method = GST_VIDEO_ORIENTATION_IDENTITY;
  // Older headers want a list that is not const; it is only read.
  if (!gst_video_orientation_from_tag(const_cast<GstTagList *>(tags), &method)) return;
  if (method < GST_VIDEO_ORIENTATION_IDENTITY || method > GST_VIDEO_ORIENTATION_UR_LL) return;
  // sta.h has GStreamer's numbers.
  (gst_tag_list_get_scope(tags) == GST_TAG_SCOPE_GLOBAL ? container_ : stream_) = method;
}

sta_orientation FrameOrientation::of(gint property) const {
  if (property != kOrientationAuto) return static_cast<sta_orientation>(property);
  return static_cast<sta_orientation>(stream_ >= 0 ? stream_ : container_ >= 0 ? container_ : static_cast<gint>(STA_ORIENTATION_NONE));
}

bool exchangesAxes(sta_orientation orientation) {
  return orientation == STA_ORIENTATION_90R || orientation == STA_ORIENTATION_90L || orientation == STA_ORIENTATION_TRANSPOSED ||
         orientation == STA_ORIENTATION_ANTITRANSPOSED;
}

}  // namespace sta::gst
