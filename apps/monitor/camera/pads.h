// SPDX-License-Identifier: MIT
// Small questions to pads and caps, for all parts of a camera's pipeline.
#pragma once

#include <gst/gst.h>

#include "monitor/camera/media_sample.h"

namespace sta::monitor {

inline bool isName(GstCaps *caps, const char *name) {
  return caps && !gst_caps_is_empty(caps) && !gst_caps_is_any(caps) && gst_structure_has_name(gst_caps_get_structure(caps, 0), name);
}

inline HeldCaps capsOf(GstPad *pad) {
  GstCaps *caps = gst_pad_get_current_caps(pad);
  return HeldCaps::take(caps ? caps : gst_pad_query_caps(pad, nullptr));
}

inline bool mediaIs(GstCaps *caps, const char *prefix) {
  return caps && !gst_caps_is_empty(caps) && !gst_caps_is_any(caps) &&
         g_str_has_prefix(gst_structure_get_name(gst_caps_get_structure(caps, 0)), prefix);
}

inline void linkPad(GstPad *pad, GstElement *element) {
  GstPad *sink = gst_element_get_static_pad(element, "sink");
  gst_pad_link(pad, sink);
  gst_object_unref(sink);
}

}  // namespace sta::monitor
