// SPDX-License-Identifier: MIT
// Does the same thing very often. A thousand state cycles and five hundred flushing seeks must leave no file, thread or
// object behind, and no label may cross a seek.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>
#include <string>

#include "support/process_state.h"

namespace sta::test {
namespace {

constexpr auto kHang = std::chrono::seconds(60);

std::string action(const char *more) {
  return std::string("staaction name=action model=" STA_TEST_GOLDEN
                     "/checkpoints/tiny_hf_qkv_bias device=cpu precision=fp32 inference-threads=1 "
                     "sample-interval=33333333 ") +
         more;
}

GstElement *launch(const std::string &line) {
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch(line.c_str(), &error);
  EXPECT_EQ(error, nullptr) << (error ? error->message : "");
  g_clear_error(&error);
  return pipeline;
}

// Every seventh cycle plays to its end, so that windows are under way. The others stop somewhere between NULL and the
// first window.
TEST(Endurance, ThousandStateCycles) {
  GstElement *pipeline =
      launch("videotestsrc num-buffers=20 ! video/x-raw,format=GRAY8,width=32,height=32,framerate=30/1 ! " + action("") + " ! fakesink sync=false");
  GstBus *bus = gst_element_get_bus(pipeline);
  size_t files = 0, running = 0;
  LiveObjects objects;
  for (int cycle = 0; cycle < 1000; cycle++) {
    const GstState states[] = {GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING};
    const GstState state = cycle % 7 == 0 ? GST_STATE_PLAYING : states[cycle % 3];
    ASSERT_NE(gst_element_set_state(pipeline, state), GST_STATE_CHANGE_FAILURE) << "cycle " << cycle;
    if (cycle % 7 == 0) {
      GstMessage *end = gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
      ASSERT_TRUE(end) << "cycle " << cycle << " hangs";
      ASSERT_EQ(GST_MESSAGE_TYPE(end), GST_MESSAGE_EOS) << "cycle " << cycle;
      gst_message_unref(end);
    }
    ASSERT_EQ(gst_element_set_state(pipeline, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS) << "cycle " << cycle;
    gst_bus_set_flushing(bus, TRUE);
    gst_bus_set_flushing(bus, FALSE);
    if (cycle == 49) {
      files = openFiles();
      running = threads();
      objects = liveObjects();
    }
  }
  EXPECT_LE(openFiles(), files);
  EXPECT_LE(idleThreads(running + 1), running + 1);
  EXPECT_EQ(moreObjects(objects, liveObjects()), "");
  gst_object_unref(bus);
  gst_object_unref(pipeline);
}

// Records what passes the element's source pad.
struct Watch {
  GstElement *action = nullptr;
  std::mutex mutex;  // guards the rest; a leaf lock
  std::condition_variable changed;
  int frames = 0, labels = 0;   // since the last flush
  int stale = 0;                // labels of windows from before it
  guint64 first_window_id = 0;  // windows before this one are of before it
};

GstPadProbeReturn watched(GstPad *, GstPadProbeInfo *info, gpointer user) {
  auto *watch = static_cast<Watch *>(user);
  if (info->type & GST_PAD_PROBE_TYPE_EVENT_FLUSH) {
    if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) != GST_EVENT_FLUSH_STOP) return GST_PAD_PROBE_OK;
    // The element has been reset by now, so the number of windows so far is the id of the next one.
    GstStructure *stats = nullptr;
    g_object_get(watch->action, "stats", &stats, nullptr);
    std::lock_guard lock(watch->mutex);
    gst_structure_get_uint64(stats, "windows", &watch->first_window_id);
    gst_structure_free(stats);
    watch->frames = watch->labels = 0;
    return GST_PAD_PROBE_OK;
  }
  guint64 id = 0;
  GstCustomMeta *meta = gst_buffer_get_custom_meta(GST_PAD_PROBE_INFO_BUFFER(info), "StaActionMeta");
  {
    std::lock_guard lock(watch->mutex);
    watch->frames++;
    if (meta && gst_structure_get_uint64(gst_custom_meta_get_structure(meta), "window-id", &id)) {
      watch->labels++;
      watch->stale += id < watch->first_window_id;
    }
  }
  watch->changed.notify_all();
  return GST_PAD_PROBE_OK;
}

TEST(Endurance, FiveHundredFlushingSeeks) {
  GstElement *pipeline = launch("videotestsrc ! video/x-raw,format=GRAY8,width=32,height=32,framerate=30/1 ! " + action("hop=33333333") +
                                " ! identity sleep-time=200 ! fakesink sync=false");
  Watch watch;
  watch.action = gst_bin_get_by_name(GST_BIN(pipeline), "action");
  GstPad *pad = gst_element_get_static_pad(watch.action, "src");
  gst_pad_add_probe(pad, static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_FLUSH), watched, &watch, nullptr);
  gst_object_unref(pad);
  ASSERT_NE(gst_element_set_state(pipeline, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  ASSERT_EQ(gst_element_get_state(pipeline, nullptr, nullptr, 60 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);

  std::mt19937 random(1);
  size_t files = 0, running = 0;
  for (int seek = 0; seek < 500; seek++) {
    // The next seek sometimes comes at once, sometimes after frames, sometimes when there are labels on them.
    const int frames = seek % 5 == 0 ? 0 : static_cast<int>(random() % 30), labels = seek % 10 == 9 ? 3 : 0;
    const GstClockTime to = random() % 3600 * GST_SECOND + random() % GST_SECOND;
    ASSERT_TRUE(gst_element_seek_simple(pipeline, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, static_cast<gint64>(to))) << "seek " << seek;
    std::unique_lock lock(watch.mutex);
    ASSERT_TRUE(watch.changed.wait_for(lock, kHang, [&] { return watch.frames >= frames && watch.labels >= labels; }))
        << "seek " << seek << ": " << watch.frames << " frames and " << watch.labels << " labels after it";
    ASSERT_EQ(watch.stale, 0) << "after seek " << seek << " a frame had a label of before";
    if (seek == 49) {
      files = openFiles();
      running = threads();
    }
  }
  EXPECT_LE(openFiles(), files);
  EXPECT_LE(idleThreads(running + 1), running + 1);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(watch.action);
  gst_object_unref(pipeline);
}

}  // namespace
}  // namespace sta::test

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  sta::test::traceLeaks();
  gst_init(&argc, &argv);
  return RUN_ALL_TESTS();
}
