// SPDX-License-Identifier: MIT
// How frames have to be turned before a model looks at them: what upstream's image-orientation tag says (telephones
// record sideways and say so), or what the property says. The frames themselves go on untouched. Used by the streaming
// thread alone.
#pragma once

#include <gst/gst.h>
#include <sta/sta.h>

namespace sta::gst {

class FrameOrientation {
 public:
  // A TAG event of upstream. A tag of the stream goes before one of the whole container.
  void take(const GstTagList *tags);
  // A new stream: its tags are its own.
  void forget() { stream_ = container_ = -1; }
  // property: orientation of Settings, kOrientationAuto or a sta_orientation.
  sta_orientation of(gint property) const;

 private:
  gint stream_ = -1, container_ = -1;  // sta_orientation; -1: no tag
};

// Whether columns of the frame are rows of what the model sees.
bool exchangesAxes(sta_orientation orientation);

}  // namespace sta::gst
