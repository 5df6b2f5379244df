// SPDX-License-Identifier: MIT
// Tests repeated state changes, and the errors for a wrong setting or file: one error each, with a text that says what
// would be right.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "action_harness.h"
#include "support/process_state.h"

namespace sta::test {
namespace {

// Runs a pipeline to its end; returns the number of windows.
int play(GstElement *pipeline) {
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus *bus = gst_element_get_bus(pipeline);
  int windows = 0;
  for (bool done = false; !done;) {
    GstMessage *message = gst_bus_timed_pop(bus, 30 * GST_SECOND);
    if (!message) {
      ADD_FAILURE() << "the pipeline hangs";
      break;
    }
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      GError *error = nullptr;
      gst_message_parse_error(message, &error, nullptr);
      ADD_FAILURE() << error->message;
      g_error_free(error);
      done = true;
    }
    if (gst_message_has_name(message, "sta-window")) windows++;
    done |= GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
    gst_message_unref(message);
  }
  gst_object_unref(bus);
  return windows;
}

GstElement *shortPipeline() {
  const std::string line =
      "videotestsrc num-buffers=62 pattern=ball ! video/x-raw,format=I420,width=64,height=64,framerate=30/1 ! staaction name=action model=" +
      microModel() +
      " device=cpu precision=fp32 inference-threads=1 sync=true tail-policy=drop post-windows=true sample-interval=" + std::to_string(kInterval) +
      " ! fakesink sync=false";
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch(line.c_str(), &error);
  EXPECT_EQ(error, nullptr) << (error ? error->message : "");
  g_clear_error(&error);
  return pipeline;
}

TEST(States, FiftyCyclesFromNullToPlaying) {
  GstElement *pipeline = shortPipeline();
  size_t tasks = 0, files = 0;
  for (int cycle = 0; cycle < 50; cycle++) {
    ASSERT_EQ(play(pipeline), 1) << "cycle " << cycle;
    ASSERT_EQ(gst_element_set_state(pipeline, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    if (cycle == 9) {
      tasks = threads();
      files = openFiles();
    }
  }
  EXPECT_LE(threads(), tasks + 1) << "threads are left behind";
  EXPECT_LE(openFiles(), files + 1) << "files are left open";
  gst_object_unref(pipeline);
}

TEST(States, ModelSurvivesReadyAndTheStreamDoesNot) {
  GstElement *pipeline = shortPipeline();
  GstElement *action = gst_bin_get_by_name(GST_BIN(pipeline), "action");
  for (int cycle = 0; cycle < 10; cycle++) {
    ASSERT_EQ(play(pipeline), 1);
    ASSERT_EQ(gst_element_set_state(pipeline, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
    guint64 hop = 0;
    g_object_get(action, "actual-hop", &hop, nullptr);
    EXPECT_EQ(hop, kHop * kInterval) << "the model is still open";
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  guint64 hop = 1;
  g_object_get(action, "actual-hop", &hop, nullptr);
  EXPECT_EQ(hop, 0u);
  gst_object_unref(action);
  gst_object_unref(pipeline);
}

TEST(States, EachRunCountsItsWindowsFromZero) {
  ActionHarness action(fileMode());
  for (int run = 0; run < 2; run++) {
    gst_element_set_state(action.element(), GST_STATE_PLAYING);
    if (run == 1) {  // sticky events went with the pads' deactivation
      action.event(gst_event_new_stream_start("again"));
    }
    action.rgbCaps(64, 64, 30, 1);
    if (run == 1) {
      GstSegment segment;
      gst_segment_init(&segment, GST_FORMAT_TIME);
      action.event(gst_event_new_segment(&segment));
    }
    for (int i = 0; i < 62; i++) action.push(i * GST_SECOND / 30, GST_SECOND / 30, i);
    const auto windows = action.windows();
    ASSERT_EQ(windows.size(), 1u) << "run " << run;
    EXPECT_EQ(windows[0].id, 0u);
    gst_element_set_state(action.element(), GST_STATE_READY);
  }
}

/* ----------------------------------------------------------------------------------------------- errors */

void expectError(const Properties &properties, std::initializer_list<const char *> words) {
  int count = 0;
  const std::string text = errorOf(properties, &count);
  EXPECT_EQ(count, 1) << text;
  for (const char *word : words) EXPECT_NE(text.find(word), std::string::npos) << "\"" << word << "\" is not in: " << text;
}

Properties with(const std::string &name, const std::string &value) {
  Properties properties = fileMode();
  for (auto &property : properties)
    if (property.first == name) {
      property.second = value;
      return properties;
    }
  properties.push_back({name, value});
  return properties;
}

TEST(Errors, NoModel) { expectError({}, {"model", "property"}); }

TEST(Errors, FolderThatDoesNotExist) { expectError(with("model", "/nonexistent/model"), {"/nonexistent/model"}); }

TEST(Errors, FolderWithoutAModel) { expectError(with("model", "/proc/self/fdinfo"), {"config.json"}); }

TEST(Errors, TruncatedAndHeadlessFiles) {
  expectError(with("model", STA_TEST_GOLDEN "/checkpoints_bad/empty.safetensors"), {"empty"});
  expectError(with("model", STA_TEST_GOLDEN "/checkpoints_bad/missing_head.safetensors"), {"head"});
}

TEST(Errors, LabelFileOfTheWrongLength) {
  const std::string path = testing::TempDir() + "three_labels.txt";
  std::ofstream(path) << "one\ntwo\nthree\n";
  expectError(with("labels", path), {"3", "10", "label"});
  std::filesystem::remove(path);
}

TEST(Errors, ImpossibleDropNumber) { expectError(with("drop-number", "9"), {"drop", "9", "8"}); }

TEST(Errors, UnknownDevice) { expectError(with("device", "abacus"), {"abacus"}); }

TEST(Errors, ImpossibleInterval) { expectError(with("sample-interval", "5"), {"sample-interval"}); }

TEST(Errors, AfterAnErrorTheElementCanBeSetRight) {
  GstElement *element = makeAction(with("model", "/nonexistent/model"));
  gst_object_ref_sink(element);
  EXPECT_EQ(gst_element_set_state(element, GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  gst_util_set_object_arg(G_OBJECT(element), "model", microModel().c_str());
  EXPECT_EQ(gst_element_set_state(element, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state(element, GST_STATE_NULL);
  gst_object_unref(element);
}

TEST(Errors, UnsupportedCapsAreNotNegotiated) {
  for (const char *caps : {"video/x-raw, format=GRAY16_LE, width=64, height=64, framerate=30/1",
                           "video/x-raw(memory:Other), format=NV12, width=64, height=64, framerate=30/1", "video/x-h264, width=64, height=64"}) {
    const std::string line = std::string("fakesrc num-buffers=1 ! ") + caps + " ! staaction model=" + microModel() + " ! fakesink";
    GError *error = nullptr;
    GstElement *pipeline = gst_parse_launch(line.c_str(), &error);
    // Linking already fails, with GStreamer's own sentence, which names both elements.
    ASSERT_NE(error, nullptr) << caps;
    EXPECT_TRUE(strstr(error->message, "staaction")) << error->message;
    g_error_free(error);
    if (pipeline) gst_object_unref(pipeline);
  }
}

}  // namespace
}  // namespace sta::test
