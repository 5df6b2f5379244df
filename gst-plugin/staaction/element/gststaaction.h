// SPDX-License-Identifier: MIT
// The element staaction: it adds labels of what happens in the frames, and neither changes nor delays the frames. The
// object is a plain C struct, as GObject demands. It owns one StaActionState, which holds everything that has a
// destructor.
#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>

namespace sta::gst {
struct StaActionState;
}

G_BEGIN_DECLS

#define GST_TYPE_STA_ACTION (gst_sta_action_get_type())
#define GST_STA_ACTION(object) (G_TYPE_CHECK_INSTANCE_CAST((object), GST_TYPE_STA_ACTION, GstStaAction))

typedef struct _GstStaAction GstStaAction;
typedef struct _GstStaActionClass GstStaActionClass;

struct _GstStaAction {
  GstBaseTransform parent;
  sta::gst::StaActionState *state;
};

struct _GstStaActionClass {
  GstBaseTransformClass parent_class;
};

GType gst_sta_action_get_type(void);

GST_ELEMENT_REGISTER_DECLARE(staaction)

G_END_DECLS
