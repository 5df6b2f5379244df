// SPDX-License-Identifier: MIT
// Tests the robustness that an operator relies on: windows that fail, results that come between frames, and how long a
// frame may wait. A hook that is no part of sta-core's API injects failures into it.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <new>
#include <random>
#include <stdexcept>
#include <thread>

#include "action_harness.h"

namespace sta::test {
namespace {

constexpr GstClockTime kFrame = GST_SECOND / 30;

std::atomic<int> g_every{0};  // every how many-th place fails; 0: none
std::atomic<int> g_calls{0};

void failEvery(int) {
  if (g_every == 0 || ++g_calls % g_every != 0) return;
  if (g_calls / g_every % 2) throw std::bad_alloc();
  throw std::runtime_error("injected failure");
}

Properties liveMode() {
  Properties properties = fileMode();
  for (auto &[name, value] : properties)
    if (name == "sync") value = "false";
  return properties;
}

bool waitFor(const std::function<bool()> &done) {
  for (int i = 0; i < 30000; i++) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

class Failures : public testing::Test {
 protected:
  void start(const Properties &properties, const char *on_error) {
    action = std::make_unique<ActionHarness>(properties);  // loads sta-core
    action->set("on-error", on_error);
    action->rgbCaps(64, 64, 30, 1);
    void *core = dlopen("libsta-core.so.2", RTLD_NOW | RTLD_NOLOAD);
    ASSERT_NE(core, nullptr);
    hook = reinterpret_cast<void (*)(void (*)(int))>(dlsym(core, "sta_test_set_fault_hook"));
    dlclose(core);
    ASSERT_NE(hook, nullptr);
    g_calls = 0;
    hook(&failEvery);
  }
  ~Failures() override {
    g_every = 0;
    if (hook) hook(nullptr);
  }

  std::unique_ptr<ActionHarness> action;
  void (*hook)(void (*)(int)) = nullptr;
};

TEST_F(Failures, ContinueCountsThemAndGoesOn) {
  start(fileMode(), "continue");
  g_every = 17;  // nine places a window: about every second one fails
  const gint64 begin = g_get_monotonic_time();
  for (int i = 0; i < 61 + 39 * 16; i++) ASSERT_TRUE(action->push(i * kFrame, kFrame, i));
  const auto windows = action->windows();
  ASSERT_EQ(windows.size(), 40u);
  guint64 failed = 0;
  for (const Window &window : windows) {
    if (window.status == "ok") continue;
    failed++;
    EXPECT_EQ(window.status, "failed");
    EXPECT_TRUE(window.labels.empty());
    EXPECT_TRUE(window.error.find("injected") != std::string::npos || window.error.find("out of memory") != std::string::npos) << window.error;
  }
  EXPECT_GT(failed, 10u);
  EXPECT_LT(failed, 40u);
  EXPECT_EQ(action->stat("windows-failed"), failed);
  EXPECT_EQ(action->stat("windows-classified"), 40u - failed);
  const size_t tens = static_cast<size_t>((g_get_monotonic_time() - begin) / (10 * G_USEC_PER_SEC)),
               warnings = action->messages(GST_MESSAGE_WARNING).size();
  EXPECT_GE(warnings, 1u);
  EXPECT_LE(warnings, 1u + tens) << "one warning in ten seconds";
  EXPECT_TRUE(action->messages(GST_MESSAGE_ERROR).empty());
}

TEST_F(Failures, FailIsOneErrorAndEndsTheStream) {
  for (const bool live : {false, true}) {
    start(live ? liveMode() : fileMode(), "fail");
    g_every = 0;
    int i = 0;
    for (; i < 61; i++) ASSERT_TRUE(action->push(i * kFrame, kFrame, i));
    ASSERT_TRUE(waitFor([&] { return action->stat("windows-classified") == 1; }));
    g_every = 1;
    GstFlowReturn flow = GST_FLOW_OK;
    for (; i < 4000 && flow == GST_FLOW_OK; i++) {
      flow = gst_harness_push(action->harness(), action->frame(i * kFrame, kFrame, i));
      if (live) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(flow, GST_FLOW_ERROR);
    if (!live) {
      EXPECT_EQ(i, 61 + 16) << "the frame that completed the failed window";
    }
    std::vector<Message> errors;
    EXPECT_TRUE(waitFor([&] { return !(errors = action->messages(GST_MESSAGE_ERROR)).empty(); }));
    EXPECT_EQ(errors.size(), 1u);
    gst_harness_push(action->harness(), action->frame(i * kFrame, kFrame, i));
    EXPECT_TRUE(action->messages(GST_MESSAGE_ERROR).empty()) << "the error is said once";
    g_every = 0;
    action.reset();
  }
}

// A new model proves itself with its first window before it replaces the old one.
TEST_F(Failures, AModelWhoseFirstWindowFailsIsNotTakenOver) {
  start(fileMode(), "continue");
  int i = 0;
  for (; i < 61; i++) action->push(i * kFrame, kFrame, i);
  action->messages(GST_MESSAGE_WARNING);
  g_every = 1;
  const std::string path = testing::TempDir() + "other_labels.txt";
  std::ofstream(path) << "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n";
  action->set("labels", path.c_str());
  bool refused = false;
  EXPECT_TRUE(waitFor([&] {
    action->push(i * kFrame, kFrame, i);
    i++;
    for (const Message &message : action->messages(GST_MESSAGE_WARNING)) {
      GError *error = nullptr;
      gst_message_parse_warning(message.get(), &error, nullptr);
      refused |= strstr(error->message, "its first window failed: ") != nullptr;
      g_error_free(error);
    }
    return refused;
  }));
  g_every = 0;
  action->windows();
  for (int end = i + 70; i < end; i++) action->push(i * kFrame, kFrame, i);
  for (const Window &window : action->windows()) EXPECT_EQ(window.label.rfind("class ", 0), 0u) << window.label;
  EXPECT_EQ(action->stat("model-swaps"), 0u);
  std::filesystem::remove(path);
}

// A random generator chooses the places of failures, and frames come as fast as they can. Every frame must come out,
// and the element must end as usual.
TEST_F(Failures, RandomPlacesUnderLoadNeverHang) {
  std::mt19937 random(11);
  for (int run = 0; run < 6; run++) {
    start(run % 2 ? liveMode() : fileMode(), "continue");
    action->set("static-skip", run % 3 ? "true" : "false");
    for (int i = 0; i < 600; i++) {
      if (i % 50 == 0) g_every = static_cast<int>(random() % 40);
      ASSERT_TRUE(action->push(i * kFrame, kFrame, i));
    }
    ASSERT_TRUE(action->event(gst_event_new_eos()));
    EXPECT_EQ(action->stat("windows"), action->stat("windows-classified") + action->stat("windows-failed") + action->stat("windows-skipped") +
                                           action->stat("windows-discarded"));
    action.reset();
  }
}

TEST(StaticSkip, IsCountedAndSaid) {
  ActionHarness action(fileMode());
  action.rgbCaps(64, 64, 30, 1);
  for (int i = 0; i < 61 + 3 * 16; i++) action.push(i * kFrame, kFrame, 5);
  EXPECT_EQ(action.stat("windows-classified"), 4u);
  EXPECT_EQ(action.stat("windows-reused"), 3u);
  action.set("static-skip", "false");
  for (int i = 61 + 3 * 16; i < 61 + 5 * 16; i++) action.push(i * kFrame, kFrame, 5);
  EXPECT_EQ(action.stat("windows-classified"), 6u);
  EXPECT_EQ(action.stat("windows-reused"), 3u);
  const auto windows = action.windows();
  ASSERT_EQ(windows.size(), 6u);
  for (const Window &window : windows) EXPECT_EQ(window.confidences, windows[0].confidences);
}

TEST(Live, ResultsArePublishedWithoutAnotherFrame) {
  ActionHarness action(liveMode());
  action.rgbCaps(64, 64, 30, 1);
  std::atomic<int> signals{0};
  g_signal_connect(action.element(), "window",
                   G_CALLBACK(+[](GstElement *, GstStructure *, gpointer data) { ++*static_cast<std::atomic<int> *>(data); }), &signals);
  for (int i = 0; i < 61; i++) action.push(i * kFrame, kFrame, i);
  std::vector<Window> windows;
  EXPECT_TRUE(waitFor([&] { return !(windows = action.windows()).empty(); }));
  EXPECT_EQ(windows.size(), 1u);
  EXPECT_TRUE(waitFor([&] { return signals == 1; }));
  const Buffer out = action.push(61 * kFrame, kFrame, 61);
  Window label;
  EXPECT_TRUE(parseMeta(out.get(), &label)) << "the label is on the next frame";
  gst_element_set_state(action.element(), GST_STATE_NULL);  // no handler after this
}

// A handler that seems never to return must hold up neither frames nor the end of the stream. Events and windows stay
// in order.
TEST(Live, ASlowHandlerHoldsUpNoFrame) {
  struct Gate {
    std::atomic<bool> open{false};
    std::atomic<int> entered{0};
    std::vector<guint64> ids;
  } gate;
  Properties properties = liveMode();
  properties.push_back({"label-ttl", std::to_string(GST_SECOND * 60)});
  ActionHarness action(properties);
  action.rgbCaps(64, 64, 30, 1);
  g_signal_connect(action.element(), "window", G_CALLBACK(+[](GstElement *, GstStructure *window, gpointer data) {
                     Gate *g = static_cast<Gate *>(data);
                     guint64 id = 0;
                     gst_structure_get_uint64(window, "window-id", &id);
                     g->ids.push_back(id);
                     g->entered++;
                     while (!g->open) std::this_thread::sleep_for(std::chrono::milliseconds(1));
                   }),
                   &gate);
  int i = 0;
  for (; i < 61; i++) action.push(i * kFrame, kFrame, i);
  ASSERT_TRUE(waitFor([&] { return gate.entered == 1; }));
  Window label;
  for (; i < 300; i++) {
    const Buffer out = action.push(i * kFrame, kFrame, i);
    ASSERT_TRUE(out) << "the handler is still in there";
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(gate.entered, 1);
  ASSERT_TRUE(waitFor([&] { return action.stat("windows-classified") >= 2; }));
  const Buffer out = action.push(i * kFrame, kFrame, i);
  EXPECT_TRUE(parseMeta(out.get(), &label) && label.id > 0) << "labels go on meanwhile";
  gate.open = true;
  action.event(gst_event_new_eos());  // waits until all is published
  EXPECT_EQ(gate.ids.size(), action.stat("windows-classified"));
  EXPECT_TRUE(std::is_sorted(gate.ids.begin(), gate.ids.end()));
  gst_element_set_state(action.element(), GST_STATE_NULL);
}

struct Latency {
  gboolean live = FALSE;
  GstClockTime min = 0, max = 0;
};

Latency latency(ActionHarness &action) {
  Latency l;
  GstQuery *query = gst_query_new_latency();
  GstPad *pad = gst_element_get_static_pad(action.element(), "src");
  EXPECT_TRUE(gst_pad_query(pad, query));
  gst_query_parse_latency(query, &l.live, &l.min, &l.max);
  gst_object_unref(pad);
  gst_query_unref(query);
  return l;
}

TEST(LatencyQuery, IsNothingInLiveModeAndAHopWithSync) {
  ActionHarness action(liveMode());
  action.rgbCaps(64, 64, 30, 1);
  gst_harness_set_upstream_latency(action.harness(), 20 * GST_MSECOND);
  action.push(0, kFrame, 0);
  EXPECT_EQ(latency(action).min, 20 * GST_MSECOND);
  action.messages(GST_MESSAGE_LATENCY);
  action.set("sync", "true");
  action.push(kFrame, kFrame, 1);
  const GstClockTime own = latency(action).min - 20 * GST_MSECOND;
  EXPECT_GE(own, kHop * kInterval);
  EXPECT_GE(action.messages(GST_MESSAGE_LATENCY).size(), 1u) << "the pipeline is told";
  action.set("sync", "false");
  action.push(2 * kFrame, kFrame, 2);
  EXPECT_EQ(latency(action).min, 20 * GST_MSECOND);
}

// The model cannot keep up with this hop: the reported latency grows to what a frame has really waited.
TEST(LatencyQuery, GrowsWhenAFrameWaitsLonger) {
  const Properties slow = {{"model", "arch:vit_small"},    {"device", "cpu"}, {"precision", "fp32"}, {"inference-threads", "1"}, {"sync", "true"},
                           {"sample-interval", "1000000"}, {"hop", "1000000"}};
  ActionHarness late(slow);
  late.rgbCaps(64, 64, 0, 1);
  const GstClockTime before = latency(late).min;
  EXPECT_EQ(before, GST_MSECOND);
  for (int i = 0; i < 17; i++) late.push(i * GST_MSECOND, GST_CLOCK_TIME_NONE, i);
  ASSERT_GE(late.stat("windows-classified"), 1u);
  EXPECT_GT(latency(late).min, late.stat("last-inference-time"));
  EXPECT_GE(late.messages(GST_MESSAGE_LATENCY).size(), 1u);
}

}  // namespace
}  // namespace sta::test
