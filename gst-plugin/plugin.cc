// SPDX-License-Identifier: MIT
// Registers the plugin "sta" (libgststa.so) with its elements. This loads nothing beyond GStreamer: see
// loader/core_loader.h.
#include <gst/gst.h>

#include "metadata/action_meta.h"
#include "staaction/element/gststaaction.h"
#include "staoverlay/gststaoverlay.h"

static gboolean plugin_init(GstPlugin *plugin) {
  sta::gst::registerActionMeta();
  gboolean any = FALSE;
  any |= GST_ELEMENT_REGISTER(staaction, plugin);
  any |= GST_ELEMENT_REGISTER(staoverlay, plugin);
  return any;
}

// "MIT/X11" is how GStreamer's list of licences spells MIT.
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, sta, "Live action recognition with STA-pruned video transformers", plugin_init, STA_VERSION,
                  "MIT/X11", "sta", "Unknown package origin")
