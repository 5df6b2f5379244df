// SPDX-License-Identifier: MIT
// A network camera that can be made to fail: an RTSP server (gst-rtsp-server, H.264, loopback). It is a separate
// process, so that a test can kill and stop it like a real camera.
#pragma once

#include <string>

namespace sta::test {

// The camera's side: serves until its standard input ends. It reads commands there, one per line:
//   size WIDTH HEIGHT   another resolution, in the stream that is being played
//   jump SECONDS        the RTP clock jumps, forwards or (negative) backwards
int cameraMain(const char *port);

// The test's side: starts this program again as a camera.
class Camera {
 public:
  // Port 0: any free one. Afterwards port() says which one it is.
  explicit Camera(int port = 0);
  ~Camera();  // kills
  Camera(const Camera &) = delete;
  Camera &operator=(const Camera &) = delete;

  int port() const { return port_; }
  std::string url() const { return "rtsp://127.0.0.1:" + std::to_string(port_) + "/camera"; }
  void say(const std::string &line);
  void signal(int number);

 private:
  int port_ = 0, pid_ = -1, to_ = -1;
};

}  // namespace sta::test
