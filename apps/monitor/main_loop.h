// SPDX-License-Identifier: MIT
// Only one thread changes the monitor's state: the one of the GLib main loop. Other threads hand it their work.
#pragma once

#include <glib.h>

#include <functional>
#include <utility>

namespace sta::monitor {

// Runs `what` in the main loop, soon. May be called from any thread.
inline void inMainLoop(std::function<void()> what) {
  g_idle_add_full(
      G_PRIORITY_DEFAULT,
      [](gpointer data) -> gboolean {
        (*static_cast<std::function<void()> *>(data))();
        return G_SOURCE_REMOVE;
      },
      new std::function<void()>(std::move(what)), [](gpointer data) { delete static_cast<std::function<void()> *>(data); });
}

}  // namespace sta::monitor
