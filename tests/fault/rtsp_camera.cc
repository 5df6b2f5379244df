// SPDX-License-Identifier: MIT
// See rtsp_camera.h.
#include "rtsp_camera.h"

#include <fcntl.h>
#include <gst/gst.h>
#include <gst/rtsp-server/rtsp-server.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>

extern char **environ;

namespace sta::test {
namespace {

/* ---------------------------------------------------------------------------------------- the camera's side */

struct Served {
  std::mutex mutex;             // guards media; a leaf lock
  GstElement *media = nullptr;  // the bin that is being played
  std::atomic<uint32_t> rtp_offset{0};
};

// The timestamp of an RTP packet is its bytes 4 to 7, big-endian.
GstBuffer *shifted(GstBuffer *packet, uint32_t by) {
  packet = gst_buffer_make_writable(packet);
  uint8_t bytes[4];
  if (gst_buffer_extract(packet, 4, bytes, 4) != 4) return packet;
  GST_WRITE_UINT32_BE(bytes, GST_READ_UINT32_BE(bytes) + by);
  gst_buffer_fill(packet, 4, bytes, 4);
  return packet;
}

GstPadProbeReturn shiftClock(GstPad *, GstPadProbeInfo *info, gpointer user) {
  const uint32_t by = static_cast<Served *>(user)->rtp_offset;
  if (by == 0) return GST_PAD_PROBE_OK;
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    info->data = shifted(GST_PAD_PROBE_INFO_BUFFER(info), by);
  } else {
    GstBufferList *list = gst_buffer_list_make_writable(GST_PAD_PROBE_INFO_BUFFER_LIST(info));
    gst_buffer_list_foreach(
        list,
        [](GstBuffer **packet, guint, gpointer offset) -> gboolean {
          *packet = shifted(*packet, *static_cast<const uint32_t *>(offset));
          return TRUE;
        },
        const_cast<uint32_t *>(&by));
    info->data = list;
  }
  return GST_PAD_PROBE_OK;
}

void configured(GstRTSPMediaFactory *, GstRTSPMedia *media, gpointer user) {
  auto *served = static_cast<Served *>(user);
  GstElement *bin = gst_rtsp_media_get_element(media);
  GstElement *pay = gst_bin_get_by_name(GST_BIN(bin), "pay0");
  GstPad *pad = gst_element_get_static_pad(pay, "src");
  gst_pad_add_probe(pad, static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST), shiftClock, served, nullptr);
  gst_object_unref(pad);
  gst_object_unref(pay);
  std::lock_guard lock(served->mutex);
  if (served->media) gst_object_unref(served->media);
  served->media = bin;
}

void obey(Served *served, const char *line) {
  int width = 0, height = 0;
  double seconds = 0;
  if (std::sscanf(line, "jump %lf", &seconds) == 1) {
    served->rtp_offset += static_cast<uint32_t>(static_cast<int64_t>(seconds * 90'000));  // modulo 2^32, as the clock itself
  } else if (std::sscanf(line, "size %d %d", &width, &height) == 2) {
    std::lock_guard lock(served->mutex);
    if (!served->media) return;
    GstElement *filter = gst_bin_get_by_name(GST_BIN(served->media), "size");
    gchar *caps = g_strdup_printf("video/x-raw,format=I420,width=%d,height=%d,framerate=30/1", width, height);
    gst_util_set_object_arg(G_OBJECT(filter), "caps", caps);
    g_free(caps);
    gst_object_unref(filter);
  }
}

gboolean readLine(GIOChannel *channel, GIOCondition, gpointer user) {
  gchar *line = nullptr;
  if (g_io_channel_read_line(channel, &line, nullptr, nullptr, nullptr) != G_IO_STATUS_NORMAL) _exit(0);  // the test is gone
  obey(static_cast<Served *>(user), line);
  g_free(line);
  return G_SOURCE_CONTINUE;
}

}  // namespace

int cameraMain(const char *port) {
  gst_init(nullptr, nullptr);
  static Served served;
  GstRTSPServer *server = gst_rtsp_server_new();
  gst_rtsp_server_set_address(server, "127.0.0.1");
  gst_rtsp_server_set_service(server, port);
  GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
  gst_rtsp_media_factory_set_launch(
      factory,
      "( videotestsrc is-live=true pattern=ball ! capsfilter name=size "
      "caps=video/x-raw,format=I420,width=96,height=64,framerate=30/1 ! x264enc tune=zerolatency speed-preset=ultrafast "
      "key-int-max=10 threads=1 ! rtph264pay name=pay0 pt=96 config-interval=-1 )");
  gst_rtsp_media_factory_set_shared(factory, TRUE);
  g_signal_connect(factory, "media-configure", G_CALLBACK(configured), &served);
  GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(server);
  gst_rtsp_mount_points_add_factory(mounts, "/camera", factory);
  g_object_unref(mounts);
  if (gst_rtsp_server_attach(server, nullptr) == 0) {
    std::printf("0\n");
    return 1;
  }
  std::printf("%d\n", gst_rtsp_server_get_bound_port(server));
  std::fflush(stdout);
  GIOChannel *input = g_io_channel_unix_new(STDIN_FILENO);
  g_io_add_watch(input, static_cast<GIOCondition>(G_IO_IN | G_IO_HUP), readLine, &served);
  g_main_loop_run(g_main_loop_new(nullptr, FALSE));
  return 0;
}

/* ------------------------------------------------------------------------------------------ the test's side */

Camera::Camera(int port) {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
    ADD_FAILURE() << std::strerror(errno);
    return;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  std::string number = std::to_string(port);
  char program[] = "/proc/self/exe", flag[] = "--camera";
  char *argv[] = {program, flag, number.data(), nullptr};
  EXPECT_EQ(posix_spawn(&pid_, program, &actions, nullptr, argv, environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  to_ = in[1];
  std::FILE *from = fdopen(out[0], "r");
  EXPECT_EQ(std::fscanf(from, "%d", &port_), 1);
  EXPECT_GT(port_, 0) << "the camera did not start";
  std::fclose(from);
}

Camera::~Camera() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (to_ >= 0) close(to_);
}

void Camera::say(const std::string &line) { EXPECT_EQ(write(to_, (line + "\n").data(), line.size() + 1), static_cast<ssize_t>(line.size() + 1)); }

void Camera::signal(int number) { EXPECT_EQ(kill(pid_, number), 0); }

}  // namespace sta::test
