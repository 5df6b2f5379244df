// SPDX-License-Identifier: MIT
// Plays a real RTSP stream over the loopback interface and makes it fail: the camera dies and comes back, stalls,
// changes its resolution, sets its clock. Only the source is made anew, like in an application that reconnects;
// staaction plays on. The assertions are about the stream. The test writes down every frame that leaves staaction, with
// its time and label. The label must belong to the scene that the frame is in. No wall-clock time is asserted; the
// timeouts are for hangs.
#include <gst/gst.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "rtsp_camera.h"
#include "support/process_state.h"

namespace sta::test {
namespace {

constexpr guint64 kSample = 40 * GST_MSECOND;  // sample-interval
constexpr guint64 kFrame = GST_SECOND / 30;
constexpr guint64 kWindow = 16 * kSample;  // 0.64 s
constexpr guint64 kHop = 4 * kSample;
constexpr guint64 kGap = 500 * GST_MSECOND;  // max-gap, its default here
constexpr auto kHang = std::chrono::seconds(90);

struct Seen {
  GstClockTime time = 0;  // running time, ns
  int width = 0;
  int connection = 0;  // counts the sources
  bool labelled = false;
  guint64 start = 0, end = 0;  // of the label's window
};

// The pipeline: source (made anew by connect()) ! H.264 decoder ! staaction ! fakesink.
class Client {
 public:
  Client() {
    pipeline_ = gst_parse_launch(
        ("videoconvert name=entry ! staaction name=action post-windows=true device=cpu precision=fp32 inference-threads=1 drop-number=2 "
         "sample-interval=" +
         std::to_string(kSample) + " model=" STA_TEST_GOLDEN "/checkpoints/tiny_hf_qkv_bias ! fakesink name=sink sync=false async=false")
            .c_str(),
        nullptr);
    action_ = gst_bin_get_by_name(GST_BIN(pipeline_), "action");
    GstPad *pad = gst_element_get_static_pad(action_, "src");
    gst_pad_add_probe(pad, static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM), passing, this, nullptr);
    gst_object_unref(pad);
    EXPECT_NE(gst_element_set_state(pipeline_, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  }
  ~Client() {
    disconnect();
    gst_element_set_state(pipeline_, GST_STATE_NULL);
    gst_object_unref(action_);
    gst_object_unref(pipeline_);
  }
  Client(const Client &) = delete;
  Client &operator=(const Client &) = delete;

  void connect(const std::string &url) {
    connection_++;
    ended_ = false;
    // Not ghosted by the parser, because that would take the depayloader's sink too: rtspsrc links to that later.
    source_ = gst_parse_bin_from_description(
        ("rtspsrc protocols=tcp latency=50 location=" + url + " ! rtph264depay ! h264parse ! avdec_h264 name=decoder max-threads=1").c_str(), FALSE,
        nullptr);
    ASSERT_TRUE(source_);
    GstElement *decoder = gst_bin_get_by_name(GST_BIN(source_), "decoder"), *entry = gst_bin_get_by_name(GST_BIN(pipeline_), "entry");
    GstPad *inner = gst_element_get_static_pad(decoder, "src"), *from = gst_ghost_pad_new("src", inner),
           *to = gst_element_get_static_pad(entry, "sink");
    gst_element_add_pad(source_, from);
    gst_bin_add(GST_BIN(pipeline_), source_);
    // The end of a connection is not the end of the stream.
    gst_pad_add_probe(
        from, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
        [](GstPad *, GstPadProbeInfo *info, gpointer user) {
          if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) != GST_EVENT_EOS) return GST_PAD_PROBE_OK;
          static_cast<Client *>(user)->ended_ = true;
          return GST_PAD_PROBE_DROP;
        },
        this, nullptr);
    EXPECT_EQ(gst_pad_link(from, to), GST_PAD_LINK_OK);
    gst_object_unref(inner);
    gst_object_unref(to);
    gst_object_unref(decoder);
    gst_object_unref(entry);
    gst_element_sync_state_with_parent(source_);
  }

  void disconnect() {
    if (!source_) return;
    gst_element_set_state(source_, GST_STATE_NULL);
    gst_bin_remove(GST_BIN(pipeline_), source_);
    source_ = nullptr;
  }

  // Connects again and again until frames come, as one does with a camera that is starting.
  void reconnect(const std::string &url) {
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begin < kHang) {
      disconnect();
      connect(url);
      const size_t before = count();
      if (waitFor([&](const std::vector<Seen> &seen) { return seen.size() > before; }, std::chrono::seconds(10))) return;
    }
    ADD_FAILURE() << "no frames after a reconnection";
  }

  // Waits until `done(frames so far)` is true.
  template <typename Done>
  bool waitFor(Done done, std::chrono::seconds limit = kHang) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] { return done(seen_); });
  }
  // Waits until so many labels came on frames after frame number `from`.
  bool waitForLabels(size_t from, int labels) {
    return waitFor([&](const std::vector<Seen> &seen) {
      int found = 0;
      for (size_t i = from; i < seen.size(); i++) found += seen[i].labelled;
      return found >= labels;
    });
  }
  // Waits until a frame after number `from` has a current label. The first frame that has any label is not enough:
  // frames that were held back come in a burst, faster than a busy machine labels them.
  bool waitForCurrentLabel(size_t from) {
    return waitFor([&](const std::vector<Seen> &seen) {
      const auto current = [](const Seen &s) { return s.labelled && s.start + kWindow + 10 * kHop >= s.time; };
      return seen.size() > from && std::any_of(seen.begin() + static_cast<std::ptrdiff_t>(from), seen.end(), current);
    });
  }
  size_t count() {
    std::lock_guard lock(mutex_);
    return seen_.size();
  }
  std::vector<Seen> seen() {
    std::lock_guard lock(mutex_);
    return seen_;
  }
  // Waits until the source has given up. It says so by an error or by the end of its stream.
  void waitForFailure() {
    GstBus *bus = gst_element_get_bus(pipeline_);
    bool failed = false;
    for (const auto begin = std::chrono::steady_clock::now(); !failed && !ended_ && std::chrono::steady_clock::now() - begin < kHang;) {
      GstMessage *message = gst_bus_timed_pop_filtered(bus, 100 * GST_MSECOND, GST_MESSAGE_ERROR);
      failed = message != nullptr;
      gst_clear_message(&message);
    }
    EXPECT_TRUE(failed || ended_) << "the source did not notice that its server is gone";
    gst_object_unref(bus);
  }
  // Errors of staaction itself. Errors of the source belong to the test. Empties the bus.
  int actionErrors() {
    int errors = 0;
    GstBus *bus = gst_element_get_bus(pipeline_);
    while (GstMessage *message = gst_bus_pop(bus)) {
      errors += GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR && GST_MESSAGE_SRC(message) == GST_OBJECT_CAST(action_);
      gst_message_unref(message);
    }
    gst_object_unref(bus);
    return errors;
  }

 private:
  static GstPadProbeReturn passing(GstPad *, GstPadProbeInfo *info, gpointer user) {
    auto *self = static_cast<Client *>(user);
    if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
      GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
      if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) gst_event_copy_segment(event, &self->segment_);
      if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
        GstCaps *caps = nullptr;
        gst_event_parse_caps(event, &caps);
        gst_structure_get_int(gst_caps_get_structure(caps, 0), "width", &self->width_);
      }
      return GST_PAD_PROBE_OK;
    }
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    Seen frame;
    frame.time = gst_segment_to_running_time(&self->segment_, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
    frame.width = self->width_;
    frame.connection = self->connection_;
    if (GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, "StaActionMeta")) {
      frame.labelled = true;
      const GstStructure *fields = gst_custom_meta_get_structure(meta);
      EXPECT_TRUE(gst_structure_get_uint64(fields, "window-start", &frame.start) && gst_structure_get_uint64(fields, "window-end", &frame.end));
    }
    {
      std::lock_guard lock(self->mutex_);
      self->seen_.push_back(frame);
    }
    self->changed_.notify_all();
    return GST_PAD_PROBE_OK;
  }

  GstElement *pipeline_ = nullptr, *action_ = nullptr, *source_ = nullptr;
  std::atomic<int> connection_{0};
  std::atomic<bool> ended_{false};  // the source of this connection
  // Used by the streaming thread.
  GstSegment segment_{};
  int width_ = 0;

  std::mutex mutex_;  // guards seen_; a leaf lock
  std::condition_variable changed_;
  std::vector<Seen> seen_;
};

// Where scenes begin: another connection, another size, or time that goes backwards. Labels do not cross these borders.
bool newScene(const Seen &before, const Seen &after) {
  return after.connection != before.connection || after.width != before.width || after.time + GST_MSECOND < before.time;
}

// Checks that every label belongs to the scene of its frame and that no window spans a gap. Each scene that lasted long
// enough must be labelled, by windows that begin with its first frame or with the first after a gap. Returns the number
// of scenes.
int checkLabels(const std::vector<Seen> &seen) {
  int scenes = 0;
  guint64 scene = 0;  // its earliest time
  std::vector<std::pair<guint64, guint64>> gaps;
  for (size_t i = 0; i < seen.size(); i++) {
    const Seen &frame = seen[i];
    if (i == 0 || newScene(seen[i - 1], frame)) {
      scene = frame.time;
      scenes++;
      gaps.clear();
    } else if (frame.time - seen[i - 1].time > kGap + kSample) {  // a frame lasts a while itself
      gaps.emplace_back(seen[i - 1].time, frame.time);
    }
    if (!frame.labelled) continue;
    EXPECT_GE(frame.start + GST_MSECOND, scene) << "frame " << i << " of " << seen.size() << " has a label of an earlier scene";
    EXPECT_EQ(frame.end - frame.start, kWindow) << "frame " << i;
    EXPECT_LE(frame.end, frame.time + kFrame + kSample + GST_MSECOND) << "frame " << i << " has a label of the future";
    for (const auto &[from, to] : gaps)
      EXPECT_FALSE(frame.start < from && frame.end > to)
          << "frame " << i << ": the window " << frame.start << " to " << frame.end << " spans a gap of " << to - from << " ns at " << from;
  }
  return scenes;
}

// In stream time: the first labelled frame after number `from` carries one of the first windows after it. On a busy
// machine, live mode may skip a window, which moves the label by whole hops. It may not wait longer than that.
void expectLabelsResume(const std::vector<Seen> &seen, size_t from, guint64 begin) {
  const auto first = std::find_if(seen.begin() + from, seen.end(), [&](const Seen &s) { return s.labelled && s.start + GST_MSECOND >= begin; });
  ASSERT_NE(first, seen.end());
  const guint64 late = first->start > begin ? first->start - begin : 0;
  EXPECT_LE(std::min(late % kHop, kHop - late % kHop), 2 * GST_MSECOND) << "the windows are not on the grid of the scene's first frame";
  EXPECT_LE(late, 10 * kHop) << "the first windows of the scene were not labelled";
}

size_t beginOfScene(const std::vector<Seen> &seen, size_t from) {
  for (size_t i = std::max<size_t>(from, 1); i < seen.size(); i++)
    if (newScene(seen[i - 1], seen[i])) return i;
  return seen.size();
}

TEST(Rtsp, CameraIsKilledAndComesBack) {
  auto camera = std::make_unique<Camera>();
  const int port = camera->port();
  Client client;
  client.reconnect(camera->url());
  ASSERT_TRUE(client.waitForLabels(0, 20));
  size_t files = 0, running = 0;
  LiveObjects objects;
  for (int round = 0; round < 4; round++) {
    const size_t before = client.count();
    camera.reset();
    client.waitForFailure();
    camera = std::make_unique<Camera>(port);
    client.reconnect(camera->url());
    ASSERT_TRUE(client.waitForLabels(beginOfScene(client.seen(), before), 10)) << "round " << round;
    EXPECT_EQ(client.actionErrors(), 0);
    // Between two connections nothing is left of the previous one. Messages on the bus belong to the application. How
    // many of them disconnecting leaves there is a matter of chance (a window may end just then).
    client.disconnect();
    const auto live = [&] {
      EXPECT_EQ(client.actionErrors(), 0);
      return liveObjects();
    };
    if (round == 0) {
      files = openFiles();
      running = threads();
      objects = live();
    } else if (round == 3) {
      EXPECT_LE(openFiles(), files);
      EXPECT_LE(idleThreads(running + 1), running + 1);
      // rtspsrc releases its tasks a moment after its state has changed.
      std::string more = moreObjects(objects, live());
      for (const auto begin = std::chrono::steady_clock::now();
           !more.empty() && std::chrono::steady_clock::now() - begin < std::chrono::seconds(20);) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        more = moreObjects(objects, live());
      }
      EXPECT_EQ(more, "");
    }
    const auto seen = client.seen();
    const size_t scene = beginOfScene(seen, before);
    ASSERT_LT(scene, seen.size());
    expectLabelsResume(seen, scene, seen[scene].time);
    if (round < 3) {
      client.reconnect(camera->url());
      ASSERT_TRUE(client.waitForLabels(client.count(), 5));
    }
  }
  EXPECT_GE(checkLabels(client.seen()), 5);
}

TEST(Rtsp, CameraStallsForTenSeconds) {
  Camera camera;
  Client client;
  client.reconnect(camera.url());
  ASSERT_TRUE(client.waitForLabels(0, 20));
  camera.signal(SIGSTOP);
  std::this_thread::sleep_for(std::chrono::seconds(10));
  const size_t before = client.count();
  camera.signal(SIGCONT);
  ASSERT_TRUE(client.waitFor([&](const auto &seen) { return seen.size() > before + 60; })) << "frames do not come again";
  const size_t settled = client.count();
  ASSERT_TRUE(client.waitForLabels(settled, 20)) << "labels do not come again";
  EXPECT_TRUE(client.waitForCurrentLabel(settled)) << "labels stay those of before the stall";
  EXPECT_EQ(client.actionErrors(), 0);
  client.disconnect();
  checkLabels(client.seen());
}

TEST(Rtsp, ResolutionIsSwitched) {
  Camera camera;
  Client client;
  client.reconnect(camera.url());
  ASSERT_TRUE(client.waitForLabels(0, 20));
  for (const auto &[line, width] : {std::pair<const char *, int>{"size 160 128", 160}, {"size 64 96", 64}}) {
    const size_t before = client.count();
    camera.say(line);
    const int wanted = width;
    ASSERT_TRUE(client.waitFor([&](const auto &seen) { return seen.back().width == wanted; })) << line;
    size_t scene = before;
    const auto so_far = client.seen();
    while (so_far[scene].width != wanted) scene++;
    ASSERT_TRUE(client.waitForLabels(scene, 20)) << line;
    const auto seen = client.seen();
    expectLabelsResume(seen, scene, seen[scene].time);
  }
  EXPECT_EQ(client.actionErrors(), 0);
  client.disconnect();
  EXPECT_GE(checkLabels(client.seen()), 3);
}

TEST(Rtsp, ClockJumps) {
  Camera camera;
  Client client;
  client.reconnect(camera.url());
  ASSERT_TRUE(client.waitForLabels(0, 20));
  for (const char *jump : {"jump 3600", "jump -20", "jump 2", "jump -86400"}) {
    camera.say(jump);
    const size_t before = client.count();
    ASSERT_TRUE(client.waitFor([&](const auto &seen) { return seen.size() > before + 60; })) << jump << ": frames do not come again";
    const size_t settled = client.count();
    ASSERT_TRUE(client.waitForLabels(settled, 20)) << jump << ": labels do not come again";
    EXPECT_TRUE(client.waitForCurrentLabel(settled)) << jump << ": labels stay those of before";
  }
  EXPECT_EQ(client.actionErrors(), 0);
  client.disconnect();
  checkLabels(client.seen());
}

}  // namespace
}  // namespace sta::test

int main(int argc, char **argv) {
  if (argc == 3 && std::strcmp(argv[1], "--camera") == 0) return sta::test::cameraMain(argv[2]);
  testing::InitGoogleTest(&argc, argv);
  sta::test::traceLeaks();
  gst_init(&argc, &argv);
  return RUN_ALL_TESTS();
}
