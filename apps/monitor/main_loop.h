// SPDX-License-Identifier: MIT
// The GLib main loop is the one thread where the monitor's state changes; other threads hand it what they have.
#pragma once

#include <glib.h>

#include <functional>
#include <utility>

namespace sta::monitor {

// Runs `what` in the main loop, soon. Any thread.
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
