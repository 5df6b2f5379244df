// SPDX-License-Identifier: MIT
// How frames have to be turned before a model looks at them. Upstream's image-orientation tag says it (telephones
// record sideways and set the tag), or the property does. The frames themselves go on unchanged. Used by the streaming
// thread alone.
#pragma once

#include <gst/gst.h>
#include <sta/sta.h>

namespace sta::gst {

class FrameOrientation {
 public:
  // Takes a TAG event of upstream. A tag of the stream outranks one of the whole container.
  void take(const GstTagList *tags);
  // A new stream starts: it has tags of its own.
  void forget() { stream_ = container_ = -1; }
  // property: the orientation in Settings, kOrientationAuto or a sta_orientation.
  sta_orientation of(gint property) const;

 private:
  gint stream_ = -1, container_ = -1;  // sta_orientation; -1: no tag
};

// Whether columns of the frame are rows of the picture that the model sees.
bool exchangesAxes(sta_orientation orientation);

}  // namespace sta::gst
