// SPDX-License-Identifier: MIT
// The element staoverlay: draws the labels that staaction put on frames.
#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>

namespace sta::gst {
struct StaOverlayState;
}

G_BEGIN_DECLS

#define GST_TYPE_STA_OVERLAY (gst_sta_overlay_get_type())
#define GST_STA_OVERLAY(object) (G_TYPE_CHECK_INSTANCE_CAST((object), GST_TYPE_STA_OVERLAY, GstStaOverlay))

typedef struct _GstStaOverlay GstStaOverlay;
typedef struct _GstStaOverlayClass GstStaOverlayClass;

struct _GstStaOverlay {
  GstBaseTransform parent;
  sta::gst::StaOverlayState *state;
};

struct _GstStaOverlayClass {
  GstBaseTransformClass parent_class;
};

GType gst_sta_overlay_get_type(void);

GST_ELEMENT_REGISTER_DECLARE(staoverlay)

G_END_DECLS
