// SPDX-License-Identifier: MIT
// A staaction in a GstHarness with a bus: frames go in, and frames, windows and messages come out. Windows are read
// from the bus, like in an application, not from inside.
#pragma once

#include <gst/check/gstharness.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sta::test {

struct BufferUnref {
  void operator()(GstBuffer *buffer) const { gst_buffer_unref(buffer); }
};
using Buffer = std::unique_ptr<GstBuffer, BufferUnref>;

struct MessageUnref {
  void operator()(GstMessage *message) const { gst_message_unref(message); }
};
using Message = std::unique_ptr<GstMessage, MessageUnref>;

// A sta-window message, or the StaActionMeta of a frame. The struct has the fields of both, and those that only one of
// them has.
struct Window {
  guint64 id = 0, start = 0, end = 0, age = 0;
  std::string label, status, error, stream_id, model;
  std::vector<std::string> labels;
  std::vector<double> confidences;
  int class_id = -1, drop_number = -1, tokens = -1;
  double gmacs = -1;
  bool degraded = false, tail = false, below_threshold = false;
};
Window parseWindow(const GstStructure *structure);
// FALSE: the frame carries no label.
bool parseMeta(GstBuffer *buffer, Window *window);

using Properties = std::vector<std::pair<std::string, std::string>>;

std::string microModel();  // 16 frames of 64x64, 10 classes, random weights

inline constexpr GstClockTime kInterval = 133333333;  // ns: 4/30 s
inline constexpr int kFrames = 16;                    // samples in a window
inline constexpr int kHop = 4;                        // samples from one window to the next
// The micro model in file mode with messages.
Properties fileMode();
GstElement *makeAction(const Properties &properties);

class ActionHarness {
 public:
  explicit ActionHarness(const Properties &properties);
  ~ActionHarness();
  ActionHarness(const ActionHarness &) = delete;
  ActionHarness &operator=(const ActionHarness &) = delete;

  GstHarness *harness() { return harness_; }
  GstElement *element() { return element_; }
  void set(const char *name, const char *value) { gst_util_set_object_arg(G_OBJECT(element_), name, value); }

  void caps(const std::string &text);
  void rgbCaps(int width, int height, int fps_n, int fps_d);
  // A frame of the current caps; its content varies with seed. NONE times are left unset.
  GstBuffer *frame(GstClockTime pts, GstClockTime duration, int seed);
  // Pushes a frame and pulls what comes out; null if nothing does.
  Buffer push(GstClockTime pts, GstClockTime duration, int seed = 0);
  Buffer push(GstBuffer *buffer);
  bool event(GstEvent *event) { return gst_harness_push_event(harness_, event); }

  // sta-window messages since the last call.
  std::vector<Window> windows();
  // All messages of a type since the last call of this function or of windows().
  std::vector<Message> messages(GstMessageType type);
  guint64 stat(const char *name);

 private:
  void sortMessages();

  GstElement *element_;
  GstBus *bus_;
  GstHarness *harness_;
  GstVideoInfo info_{};
  std::vector<Window> windows_;
  std::vector<Message> messages_;
};

// Text of the error that a failing state change posts, "" if it succeeds. *count receives the number of error messages.
std::string errorOf(const Properties &properties, int *count);

}  // namespace sta::test
