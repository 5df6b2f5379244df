// SPDX-License-Identifier: MIT
// Fuzz target: the things a pipeline may do to staaction, in any order. Each byte of the input is an operation or its
// argument: frames at odd times and of odd sizes, caps, segments, flushes, gaps, ends of stream, property changes,
// state changes. These are faults, besides crashes and hangs:
//   - a frame that was pushed into a playing element does not come out, or with another timestamp
//   - an error message, for nothing here is a reason to stop
//   - a label on a frame whose window began before the last flush, new stream or other caps
//   - a window that is neither classified nor skipped nor discarded after everything is drained
// FUZZ_WEIGHTS_FOLDER is the model folder of the tiny model (16 frames of 64x64, three blocks); the plugin is found by
// GST_PLUGIN_PATH.
#include <gst/check/gstharness.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "fuzz_check.h"

namespace {

// The bytes that choose what happens. When they are used up, all further ones are zero.
class Script {
 public:
  Script(const uint8_t *data, size_t size) : data_(data), size_(size) {}
  bool done() const { return at_ >= size_; }
  uint8_t byte() { return at_ < size_ ? data_[at_++] : 0; }
  template <typename T, size_t n>
  const T &pick(const T (&from)[n]) {
    return from[byte() % n];
  }

 private:
  const uint8_t *data_;
  size_t size_, at_ = 0;
};

// ns. Extremes, the frame distances of cameras, and values just inside and outside of grid tolerance, gaps and windows.
constexpr GstClockTime kTimes[] = {0,           1,           999'999,     1'000'001,  33'333'333, 33'333'334,      40'000'000,
                                   133'333'333, 499'999'999, 500'000'001, GST_SECOND, 2133333333, 10 * GST_SECOND, 3600 * GST_SECOND};

constexpr const char *kCaps[] = {
    "video/x-raw,format=GRAY8,width=16,height=16,framerate=30/1",
    "video/x-raw,format=RGB,width=33,height=17,framerate=0/1",
    "video/x-raw,format=I420,width=1,height=1,framerate=25/1",
    "video/x-raw,format=NV12,width=64,height=48,framerate=30000/1001,pixel-aspect-ratio=16/11",
    "video/x-raw,format=YUY2,width=31,height=5,framerate=1/60",
    "video/x-raw,format=BGRA,width=8,height=64,framerate=1000/1",
};

struct Change {
  const char *name, *value;
};
constexpr Change kChanges[] = {{"hop", "0"},
                               {"hop", "133333333"},
                               {"hop", "1"},
                               {"hop", "5000000000"},
                               {"sample-interval", "0"},
                               {"sample-interval", "10000000"},
                               {"sample-interval", "5"},  // refused with a warning
                               {"drop-number", "0"},
                               {"drop-number", "8"},
                               {"drop-number", "9"},  // refused with a warning
                               {"drop-number", "-1"},
                               {"still-threshold", "0"},
                               {"still-threshold", "0.1"},
                               {"still-threshold", "10"},
                               {"still-threshold", "-1"},
                               {"pruning", "random"},
                               {"pruning", "none"},
                               {"pruning", "sta"},
                               {"gap-policy", "hold"},
                               {"gap-policy", "reset"},
                               {"max-gap", "0"},
                               {"max-gap", "3000000000"},
                               {"tail-policy", "drop"},
                               {"tail-policy", "pad"},
                               {"enabled", "false"},
                               {"enabled", "true"},
                               {"sync", "true"},
                               {"sync", "false"},
                               {"top-k", "1"},
                               {"top-k", "10"},
                               {"threshold", "0.9"},
                               {"threshold", "0"},
                               {"label-ttl", "1"},
                               {"label-ttl", "0"},
                               {"resize", "antialias"},
                               {"resize", "bilinear"},
                               {"smoothing", "3"},
                               {"enter-threshold", "0.1"},
                               {"exit-threshold", "0.9"},  // above enter: refused with a warning
                               {"exit-threshold", "0.05"},
                               {"classes", "class1,no such label"},
                               {"classes", ""},
                               {"stream-id", "camera"},
                               {"post-windows", "true"},
                               {"max-gap", "3600000000000"},  // with the next: millions of samples in one push
                               {"sample-interval", "1000000"}};

class Run {
 public:
  Run(const uint8_t *data, size_t size) : script_(data, size) {
    element_ = gst_element_factory_make("staaction", nullptr);
    FUZZ_CHECK(element_, "no element staaction: is GST_PLUGIN_PATH set?");
    gst_object_ref_sink(element_);
    bus_ = gst_bus_new();
    gst_element_set_bus(element_, bus_);
    g_object_set(element_, "model", FUZZ_WEIGHTS_FOLDER, "device", "cpu", "inference-threads", 1, "sync", script_.byte() % 2 != 0, nullptr);
    gst_util_set_object_arg(G_OBJECT(element_), "precision", "fp32");
    harness_ = gst_harness_new_with_element(element_, "sink", "src");
    gst_segment_init(&segment_, GST_FORMAT_TIME);
    GstCaps *caps = gst_caps_from_string(kCaps[0]);
    gst_video_info_from_caps(&info_, caps);
    gst_harness_set_src_caps(harness_, caps);  // with a stream-start and a segment
  }
  ~Run() {
    gst_harness_teardown(harness_);
    gst_element_set_bus(element_, nullptr);
    gst_object_unref(element_);
    gst_object_unref(bus_);
  }
  Run(const Run &) = delete;
  Run &operator=(const Run &) = delete;

  void play() {
    // Long enough for several windows, short enough for many runs a second.
    for (int i = 0; i < 400 && !script_.done(); ++i) step();
    finish();
  }

 private:
  void step() {
    switch (script_.byte() % 16) {
      case 0:
        return caps();
      case 1:
        return segment();
      case 2:
        return flush();
      case 3:
        push_event(gst_event_new_gap(moved(script_.pick(kTimes)), script_.byte() % 4 == 0 ? GST_CLOCK_TIME_NONE : script_.pick(kTimes)));
        return;
      case 4:
        return stream_start(script_.byte() % 2 ? "one" : "another");
      case 5: {
        const Change &change = script_.pick(kChanges);
        gst_util_set_object_arg(G_OBJECT(element_), change.name, change.value);
        return;
      }
      case 6:
        return look();
      case 7:
        return states();
      case 8:
        return odd_frame();
      case 9:  // twenty frames of a camera
        for (int i = 0; i < 20; ++i) frame(moved(33'333'333), 33'333'333, 0);
        return;
      case 10:
        push_event(gst_event_new_eos());
        return flush();  // nothing may come after an end but a flush
      default: {
        const GstClockTime pts = moved(script_.pick(kTimes));
        frame(pts, script_.byte() % 3 == 0 ? GST_CLOCK_TIME_NONE : script_.pick(kTimes), script_.byte());
      }
    }
  }

  GstClockTime moved(GstClockTime by) { return pts_ += by; }

  void push_event(GstEvent *event) { gst_harness_push_event(harness_, event); }

  // From here on no label may come from before.
  void forget() {
    scene_begin_ = GST_CLOCK_TIME_NONE;
    scene_known_ = true;
  }

  void caps() {
    GstCaps *caps = gst_caps_from_string(script_.pick(kCaps));
    GstVideoInfo next;
    gst_video_info_from_caps(&next, caps);
    if (!gst_video_info_is_equal(&next, &info_)) forget();
    info_ = next;
    push_event(gst_event_new_caps(caps));
    gst_caps_unref(caps);
  }

  void stream_start(const char *id) {
    if (stream_ != id) forget();
    stream_ = id;
    push_event(gst_event_new_stream_start(id));
    segment();
  }

  void segment() {
    constexpr gdouble rates[] = {1, 1, 1, 2, 0.5, -1};
    constexpr GstClockTime starts[] = {0, 0, GST_SECOND, 3600 * GST_SECOND, G_MAXINT64};
    gst_segment_init(&segment_, script_.byte() % 8 == 7 ? GST_FORMAT_BYTES : GST_FORMAT_TIME);
    segment_.rate = script_.pick(rates);
    segment_.start = script_.pick(starts);
    if (segment_.rate < 0) segment_.stop = segment_.start + 3600 * GST_SECOND;  // GStreamer demands this stop
    segment_.time = script_.byte() % 2 ? segment_.start : 0;
    segment_.base = script_.pick(kTimes);
    segment_.position = segment_.start;
    pts_ = segment_.start;
    push_event(gst_event_new_segment(&segment_));
  }

  void flush() {
    push_event(gst_event_new_flush_start());
    push_event(gst_event_new_flush_stop(TRUE));
    forget();
    drop_output();
    segment();
  }

  void states() {
    // Of the properties set here, these two would stop a start, with an error message. While playing they are refused
    // with a warning.
    g_object_set(element_, "drop-number", 0, "sample-interval", guint64{0}, nullptr);
    gst_element_set_state(element_, script_.byte() % 2 ? GST_STATE_READY : GST_STATE_NULL);
    FUZZ_CHECK(gst_element_set_state(element_, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE, "the element does not start again");
    drop_output();
    forget();
    // Deactivation removed the sticky events.
    stream_ = "again";
    push_event(gst_event_new_stream_start("again"));
    GstCaps *caps = gst_video_info_to_caps(&info_);
    push_event(gst_event_new_caps(caps));
    gst_caps_unref(caps);
    segment();
  }

  void look() {
    GstStructure *stats = nullptr;
    guint64 hop = 0, interval = 0;
    g_object_get(element_, "stats", &stats, "actual-hop", &hop, "actual-sample-interval", &interval, nullptr);
    FUZZ_CHECK(stats, "no stats");
    gst_structure_free(stats);
  }

  void frame(GstClockTime pts, GstClockTime duration, uint8_t odd, gsize missing = 0) {
    GstBuffer *buffer = gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info_) > missing ? GST_VIDEO_INFO_SIZE(&info_) - missing : 1, nullptr);
    gst_buffer_memset(buffer, 0, static_cast<guint8>(pts >> 20), gst_buffer_get_size(buffer));
    GST_BUFFER_PTS(buffer) = odd % 16 == 15 ? GST_CLOCK_TIME_NONE : pts;
    GST_BUFFER_DURATION(buffer) = duration;
    if (odd % 32 >= 28) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    const GstClockTime sent = GST_BUFFER_PTS(buffer);
    note_time(sent);
    const guint before = gst_harness_buffers_received(harness_);
    const GstFlowReturn flow = gst_harness_push(harness_, buffer);
    FUZZ_CHECK(flow == GST_FLOW_OK, "a frame was answered with %s", gst_flow_get_name(flow));
    FUZZ_CHECK(gst_harness_buffers_received(harness_) == before + 1, "a frame did not come out");
    GstBuffer *out = gst_harness_try_pull(harness_);
    FUZZ_CHECK(out && GST_BUFFER_PTS(out) == sent, "a frame came out with another time");
    check_label(out);
    gst_buffer_unref(out);
  }

  void odd_frame() {
    const GstClockTime pts = moved(script_.pick(kTimes)), duration = script_.pick(kTimes);
    const uint8_t odd = script_.byte();
    frame(pts, duration, odd, script_.byte());
  }

  // The earliest running time of the scene, as far as timestamps tell.
  void note_time(GstClockTime pts) {
    if (!GST_CLOCK_TIME_IS_VALID(pts) || segment_.format != GST_FORMAT_TIME) {
      scene_known_ = false;
      return;
    }
    const GstClockTime time = gst_segment_to_running_time(&segment_, GST_FORMAT_TIME, std::max<GstClockTime>(pts, segment_.start));
    if (GST_CLOCK_TIME_IS_VALID(time) && (!GST_CLOCK_TIME_IS_VALID(scene_begin_) || time < scene_begin_)) scene_begin_ = time;
  }

  void check_label(GstBuffer *buffer) {
    GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, "StaActionMeta");
    if (!meta) return;
    guint64 start = 0, end = 0;
    const GstStructure *fields = gst_custom_meta_get_structure(meta);
    FUZZ_CHECK(gst_structure_get_uint64(fields, "window-start", &start) && gst_structure_get_uint64(fields, "window-end", &end) && start < end,
               "a label without a window");
    FUZZ_CHECK(gst_structure_get_string(fields, "label"), "a label without a text");
    if (scene_known_)
      FUZZ_CHECK(GST_CLOCK_TIME_IS_VALID(scene_begin_) && start + GST_MSECOND >= scene_begin_,
                 "a label of %" G_GUINT64_FORMAT " in a scene from %" G_GUINT64_FORMAT, start, scene_begin_);
  }

  void drop_output() {
    while (GstBuffer *buffer = gst_harness_try_pull(harness_)) gst_buffer_unref(buffer);
    while (GstEvent *event = gst_harness_try_pull_event(harness_)) gst_event_unref(event);
  }

  void read_bus() {
    while (GstMessage *message = gst_bus_pop(bus_)) {
      if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        GError *error = nullptr;
        gst_message_parse_error(message, &error, nullptr);
        FUZZ_CHECK(false, "%s", error->message);
      }
      gst_message_unref(message);
    }
  }

  guint64 stat(const GstStructure *stats, const char *name) {
    guint64 value = 0;
    FUZZ_CHECK(gst_structure_get_uint64(stats, name, &value), "%s", name);
    return value;
  }

  void finish() {
    push_event(gst_event_new_eos());  // waits for what is under way
    GstStructure *stats = nullptr;
    g_object_get(element_, "stats", &stats, nullptr);
    const guint64 windows = stat(stats, "windows"), answered = stat(stats, "windows-classified") + stat(stats, "windows-skipped") +
                                                               stat(stats, "windows-failed") + stat(stats, "windows-discarded");
    FUZZ_CHECK(stat(stats, "windows-failed") == 0, "a forward pass failed");
    // A window that was under way at a reset is counted when its pass ends. Nobody waits for that.
    FUZZ_CHECK(answered <= windows && windows <= answered + 4, "%d windows, %d answered", static_cast<int>(windows), static_cast<int>(answered));
    gst_structure_free(stats);
    read_bus();
    drop_output();
  }

  Script script_;
  GstElement *element_;
  GstBus *bus_;
  GstHarness *harness_;
  GstVideoInfo info_{};
  GstSegment segment_;
  std::string stream_;
  GstClockTime pts_ = 0;
  GstClockTime scene_begin_ = GST_CLOCK_TIME_NONE;  // running time, ns
  bool scene_known_ = true;
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int *, char ***) {
  g_setenv("GST_DEBUG", "0", FALSE);
  gst_init(nullptr, nullptr);
  gst_debug_set_default_threshold(GST_LEVEL_NONE);
  // Keeps the engine, and so the model, for all runs. It is released at the end, or LeakSanitizer would report a leak.
  static GstElement *holder = nullptr;
  holder = gst_element_factory_make("staaction", nullptr);
  FUZZ_CHECK(holder, "no element staaction: is GST_PLUGIN_PATH set?");
  g_object_set(holder, "model", FUZZ_WEIGHTS_FOLDER, "device", "cpu", "inference-threads", 1, nullptr);
  gst_util_set_object_arg(G_OBJECT(holder), "precision", "fp32");
  FUZZ_CHECK(gst_element_set_state(holder, GST_STATE_READY) == GST_STATE_CHANGE_SUCCESS, "the tiny model cannot be opened");
  std::atexit([] {
    gst_element_set_state(holder, GST_STATE_NULL);
    gst_object_unref(holder);
  });
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Run(data, size).play();
  return 0;
}
