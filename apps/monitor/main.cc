// SPDX-License-Identifier: MIT
// sta-monitor CONFIG.yaml: watches the cameras of a file until it is told to stop. Exit status as in sta: 0 good, 1 the
// requested action failed, 2 usage.
#include <gio/gio.h>
#include <glib-unix.h>
#include <gst/gst.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>

#include "install_dirs.h"
#include "monitor/config/reader.h"
#include "monitor/monitor.h"

namespace {

constexpr const char *kUsage =
    "usage: sta-monitor CONFIG.yaml            watch the cameras of the file\n"
    "       sta-monitor --fleet nats://HOST[,HOST...] CONFIG.yaml\n"
    "                                          watch cameras as a node of a fleet\n"
    "       sta-monitor --check CONFIG.yaml    only read it\n"
    "       sta-monitor --print-defaults       print a file with every key\n"
    "       sta-monitor --version\n";

using sta::monitor::Monitor;

struct Run {
  GMainLoop *loop = nullptr;
  std::unique_ptr<Monitor> monitor;
  guint reload_soon = 0;
};

// Editors write a file in several steps. So it is read only after half a second without a change.
void reloadSoon(Run *run) {
  if (run->reload_soon) g_source_remove(run->reload_soon);
  run->reload_soon = g_timeout_add(
      500,
      [](gpointer data) -> gboolean {
        auto *self = static_cast<Run *>(data);
        self->reload_soon = 0;
        self->monitor->reload();
        return G_SOURCE_REMOVE;
      },
      run);
}

bool loadPlugin(const std::filesystem::path &folder) {
  std::error_code failed;
  const std::filesystem::path file = folder / "libgststa.so";
  if (!std::filesystem::exists(file, failed)) return false;
  GstPlugin *plugin = gst_plugin_load_file(file.c_str(), nullptr);
  if (plugin) gst_object_unref(plugin);
  return plugin != nullptr;
}

// Like sta, prefers the plugin beside this program (in a build folder) to an installed one.
bool havePlugin() {
  std::error_code failed;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (loadPlugin(self.parent_path().parent_path().parent_path() / "gst-plugin")) return true;
  if (GstElementFactory *factory = gst_element_factory_find("staaction")) {
    gst_object_unref(factory);
    return true;
  }
  return loadPlugin(STA_PLUGIN_INSTALL_DIR);
}

// Makes GIO load what it otherwise loads at the first request: file system, network, TLS. Starting cameras ask for
// parts of it from threads of their own, and two first requests at once may wait for each other for ever.
void loadGio() {
  g_vfs_get_default();
  g_object_unref(g_resolver_get_default());
  g_proxy_resolver_get_default();
  g_tls_backend_get_default();
  g_network_monitor_get_default();
}

// A node of a fleet hands its cameras over, so that they are without a watcher for a moment only. Twenty seconds are
// enough for hundreds; a second signal ends the wait.
void giveCamerasAway(const Run &run) {
  constexpr int kMostSeconds = 20;
  if (run.monitor->drained()) return;
  std::fputs("sta-monitor: the cameras are given to the other nodes of the fleet\n", stderr);
  struct Wait {
    const Run &run;
    gint64 until;
  } wait{run, g_get_monotonic_time() + kMostSeconds * G_USEC_PER_SEC};
  const guint timer = g_timeout_add(
      100,
      [](gpointer data) -> gboolean {
        const auto *self = static_cast<Wait *>(data);
        if (self->run.monitor->drained() || g_get_monotonic_time() > self->until) g_main_loop_quit(self->run.loop);
        return G_SOURCE_CONTINUE;
      },
      &wait);
  g_main_loop_run(run.loop);
  g_source_remove(timer);
}

int watch(const std::string &path, sta::monitor::Settings settings) {
  Run run;
  loadGio();
  GFile *file = g_file_new_for_path(path.c_str());
  GFileMonitor *changes = g_file_monitor_file(file, G_FILE_MONITOR_WATCH_MOVES, nullptr, nullptr);
  std::string error;
  run.monitor = Monitor::start(std::move(settings), path, error);
  if (!run.monitor) {
    std::fprintf(stderr, "sta-monitor: %s\n", error.c_str());
    return 1;
  }
  std::printf("sta-monitor: the page is at %s\n", run.monitor->address().c_str());
  std::fflush(stdout);
  run.loop = g_main_loop_new(nullptr, FALSE);
  const auto stop = +[](gpointer loop) -> gboolean {
    g_main_loop_quit(static_cast<GMainLoop *>(loop));
    return G_SOURCE_CONTINUE;
  };
  g_unix_signal_add(SIGINT, stop, run.loop);
  g_unix_signal_add(SIGTERM, stop, run.loop);
  g_unix_signal_add(
      SIGHUP, [](gpointer data) -> gboolean { return reloadSoon(static_cast<Run *>(data)), G_SOURCE_CONTINUE; }, &run);
  if (changes)
    g_signal_connect(changes, "changed", G_CALLBACK(+[](GFileMonitor *, GFile *, GFile *, GFileMonitorEvent event, gpointer data) {
                       if (event != G_FILE_MONITOR_EVENT_ATTRIBUTE_CHANGED) reloadSoon(static_cast<Run *>(data));
                     }),
                     &run);
  g_main_loop_run(run.loop);
  giveCamerasAway(run);
  // Ends the program in time, even if a library waits for something.
  std::thread([] {
    g_usleep(1'800'000);
    std::_Exit(0);
  }).detach();
  if (changes) g_object_unref(changes);
  g_object_unref(file);
  run.monitor.reset();
  // Threads of cameras that do not answer may still run. So nothing that they use is freed.
  std::fflush(nullptr);
  std::_Exit(0);
}

}  // namespace

int main(int argc, char **argv) {
  const std::string first = argc > 1 ? argv[1] : "";
  if (first == "--help" || first == "-h") {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (first == "--version") {
    std::puts("sta-monitor " STA_VERSION);
    return 0;
  }
  if (first == "--print-defaults") {
    std::fputs(sta::monitor::defaultsText(), stdout);
    return 0;
  }
  // "--fleet URL" before the rest goes before what the file says.
  std::string fleet;
  if (first == "--fleet" && argc == 4) {
    fleet = argv[2];
    argv += 2;
    argc -= 2;
  }
  const bool check = std::string(argc > 1 ? argv[1] : "") == "--check";
  if (argc != (check ? 3 : 2) || (!check && std::string(argv[1]).starts_with("-"))) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  const std::string path = argv[check ? 2 : 1];
  sta::monitor::ReadResult read = sta::monitor::readSettings(path, sta::monitor::modelFolders());
  if (!fleet.empty()) {
    std::string error;
    read.settings.fleet.nats.servers = sta::monitor::fleet::readServers(fleet, error);
    if (!error.empty()) read.errors.push_back("--fleet: " + error);
  }
  for (const std::string &error : read.errors) std::fprintf(stderr, "sta-monitor: %s\n", error.c_str());
  if (!read.errors.empty()) return 1;
  if (check) {
    std::printf("%s: good, %zu cameras\n", path.c_str(), read.settings.cameras.size());
    return 0;
  }
  // A broken connection must be an error to handle, not a signal that ends the program.
  std::signal(SIGPIPE, SIG_IGN);
  gst_init(nullptr, nullptr);
  if (!havePlugin()) {
    std::fputs("sta-monitor: GStreamer knows no element staaction; install STA, or name its folder in GST_PLUGIN_PATH\n", stderr);
    return 1;
  }
  return watch(path, std::move(read.settings));
}
