// SPDX-License-Identifier: MIT
// Tests replacing the model while frames flow. The new model takes over without a hole in the labels. A bad one changes
// nothing and only causes a warning. Labels are always those of the model that a window names. Nothing is left behind,
// however often that happens.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <thread>

#include "action_harness.h"
#include "support/process_state.h"

namespace sta::test {
namespace {

constexpr GstClockTime kFrame = GST_SECOND / 30;

// The micro model with other labels, another number of frames and another spacing.
std::string otherModel() {
  static const std::string folder = [] {
    const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "micro_other";
    std::filesystem::create_directories(path);
    std::ifstream in(microModel() + "/config.json");
    std::stringstream text;
    text << in.rdbuf();
    std::string config = text.str();
    auto replace = [&](const std::string &from, const std::string &to) {
      for (size_t at = config.find(from); at != std::string::npos; at = config.find(from, at + to.size())) config.replace(at, from.size(), to);
    };
    replace("\"class ", "\"other ");
    replace("\"num_frames\": 16", "\"num_frames\": 8, \"sta\": {\"sample_interval\": \"1/10\"}");
    std::ofstream(path / "config.json") << config;
    std::filesystem::remove(path / "model.safetensors");
    std::filesystem::create_symlink(microModel() + "/model.safetensors", path / "model.safetensors");
    return path.string();
  }();
  return folder;
}

Properties liveMode() {
  return {{"model", microModel()}, {"device", "cpu"}, {"precision", "fp32"}, {"post-windows", "true"}, {"inference-threads", "1"}};
}

Properties syncMode() {
  Properties properties = liveMode();
  properties.push_back({"sync", "true"});
  return properties;
}

std::string modelOf(ActionHarness &action) {
  GstStructure *stats = nullptr;
  g_object_get(action.element(), "stats", &stats, nullptr);
  const std::string model = gst_structure_get_string(stats, "model");
  gst_structure_free(stats);
  return model;
}

std::string warningText(const Message &message) {
  GError *error = nullptr;
  gst_message_parse_warning(message.get(), &error, nullptr);
  const std::string text = error->message;
  g_error_free(error);
  return text;
}

bool labelsFit(const Window &window) {
  const std::string stem = window.model == "micro_hf" ? "class " : "other ";
  for (const std::string &label : window.labels)
    if (label.rfind(stem, 0) != 0) return false;
  return !window.labels.empty();
}

class ModelSwap : public testing::Test {
 protected:
  void start(const Properties &properties) {
    action = std::make_unique<ActionHarness>(properties);
    action->rgbCaps(64, 64, 30, 1);
  }
  Buffer push() {
    Buffer out = action->push(next * kFrame, kFrame, next);
    next++;
    return out;
  }
  // Pushes frames, at about ten times their speed, until a condition holds. FALSE: it never did.
  bool pushUntil(const std::function<bool()> &done) {
    for (int i = 0; i < 6000; i++) {
      if (done()) return true;
      push();
      std::this_thread::sleep_for(std::chrono::milliseconds(3));
    }
    return false;
  }

  std::unique_ptr<ActionHarness> action;
  int next = 0;
};

TEST_F(ModelSwap, TakesOverWithoutAHoleInTheLabels) {
  start(syncMode());
  for (int i = 0; i < 100; i++) push();
  action->windows();
  action->set("model", otherModel().c_str());
  Window label, before;
  bool swapped = false;
  for (int i = 0; i < 6000 && !swapped; i++) {
    const Buffer out = push();
    ASSERT_TRUE(parseMeta(out.get(), &label)) << "frame " << next << " has no label";
    ASSERT_TRUE(labelsFit(label)) << label.model << ": " << label.label;
    swapped = label.model == "micro_other";
    if (swapped) break;
    before = label;
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
  }
  ASSERT_TRUE(swapped);
  EXPECT_GT(label.id, before.id) << "window ids go on";
  EXPECT_NEAR(static_cast<double>(label.end - label.start), 8e8, 2) << "8 frames, 100 ms apart";
  EXPECT_EQ(modelOf(*action), "micro_other");
  EXPECT_EQ(action->stat("model-swaps"), 1u);
  EXPECT_EQ(action->stat("frames"), static_cast<guint64>(next));
  guint64 interval = 0;
  g_object_get(action->element(), "actual-sample-interval", &interval, nullptr);
  EXPECT_EQ(interval, 100 * GST_MSECOND);
  // From here on only the new model reports, and no window is announced twice.
  for (int i = 0; i < 60; i++) push();
  guint64 last = 0;
  bool other = false;
  for (const Window &window : action->windows()) {
    EXPECT_TRUE(labelsFit(window)) << window.model << ": " << window.label;
    EXPECT_GE(window.id, last);
    last = window.id + 1;
    EXPECT_TRUE(!other || window.model == "micro_other");
    other |= window.model == "micro_other";
  }
  EXPECT_TRUE(other);
  EXPECT_TRUE(action->messages(GST_MESSAGE_WARNING).empty());
}

TEST_F(ModelSwap, ABadModelIsAWarningAndTheOldOneGoesOn) {
  start(syncMode());
  for (int i = 0; i < 100; i++) push();
  struct Case {
    const char *property;
    std::string value, says;
  };
  for (const Case &c : {Case{"model", "/nonexistent/model", "/nonexistent/model"},
                        {"model", STA_TEST_GOLDEN "/checkpoints_bad/missing_head.safetensors", "head"},
                        {"labels", "/nonexistent/labels.txt", "/nonexistent/labels.txt"},
                        {"device", "abacus", "abacus"}}) {
    action->set("model", microModel().c_str());
    action->messages(GST_MESSAGE_WARNING);
    action->set(c.property, c.value.c_str());
    std::vector<Message> warnings;
    ASSERT_TRUE(pushUntil([&] { return !(warnings = action->messages(GST_MESSAGE_WARNING)).empty(); })) << c.value;
    const std::string text = warningText(warnings.back());
    EXPECT_NE(text.find("was not taken over"), std::string::npos) << text;
    EXPECT_NE(text.find(c.says), std::string::npos) << text;
    gst_util_set_object_arg(G_OBJECT(action->element()), "device", "cpu");
    g_object_set(action->element(), "labels", nullptr, nullptr);
    Window label;
    const Buffer out = push();
    EXPECT_TRUE(parseMeta(out.get(), &label));
    EXPECT_EQ(label.model, "micro_hf");
  }
  EXPECT_TRUE(action->messages(GST_MESSAGE_ERROR).empty());
}

// The micro model has 16 tokens per step; at most 8 of them can be dropped.
TEST_F(ModelSwap, DropNumberThatTheNewModelCannotDropIsABadModel) {
  Properties properties = syncMode();
  properties[0].second = "arch:vit_small";
  properties.push_back({"drop-number", "40"});
  start(properties);
  push();
  action->set("model", microModel().c_str());
  std::vector<Message> warnings;
  ASSERT_TRUE(pushUntil([&] { return !(warnings = action->messages(GST_MESSAGE_WARNING)).empty(); }));
  const std::string text = warningText(warnings[0]);
  EXPECT_NE(text.find("drop-number 40"), std::string::npos) << text;
  EXPECT_NE(text.find("0 to 8"), std::string::npos) << text;
  EXPECT_NE(modelOf(*action), "micro_hf");
}

TEST_F(ModelSwap, PropertiesSetTogetherAreLoadedTogether) {
  const std::string path = testing::TempDir() + "ten_labels.txt";
  {
    std::ofstream file(path);
    for (int i = 0; i < 10; i++) file << "renamed " << i << "\n";
  }
  start(syncMode());
  for (int i = 0; i < 70; i++) push();
  g_object_set(action->element(), "model", microModel().c_str(), "labels", path.c_str(), nullptr);
  Window label;
  ASSERT_TRUE(pushUntil([&] {
    const Buffer out = push();
    return parseMeta(out.get(), &label) && label.label.rfind("renamed ", 0) == 0;
  }));
  EXPECT_EQ(action->stat("model-swaps"), 1u) << "one load for both";
  EXPECT_TRUE(action->messages(GST_MESSAGE_WARNING).empty());
  std::filesystem::remove(path);
}

TEST_F(ModelSwap, InReadyItHoldsFromTheNextRunOn) {
  start(syncMode());
  push();
  gst_element_set_state(action->element(), GST_STATE_READY);
  action->set("model", otherModel().c_str());
  ASSERT_EQ(gst_element_set_state(action->element(), GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(modelOf(*action), "micro_other");
  gst_element_set_state(action->element(), GST_STATE_READY);
  action->set("model", "/nonexistent/model");
  ASSERT_EQ(gst_element_set_state(action->element(), GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
  EXPECT_EQ(modelOf(*action), "micro_other");
  EXPECT_EQ(action->messages(GST_MESSAGE_WARNING).size(), 1u);
}

TEST_F(ModelSwap, EndsWithTheStateWhateverIsUnderWay) {
  for (int i = 0; i < 10; i++) {
    start(liveMode());
    next = 0;
    for (int j = 0; j < 10 * i; j++) push();
    action->set("model", i % 2 ? "arch:vit_small" : otherModel().c_str());
    if (i % 3 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5 * i));
    push();
    action.reset();
  }
}

TEST_F(ModelSwap, TwoHundredSwapsUnderLoadLeaveNothingBehind) {
  start(liveMode());
  ASSERT_TRUE(pushUntil([&] { return action->stat("windows-classified") > 0; }));
  size_t tasks = 0, files = 0, bytes = 0;
  guint64 last = 0, windows = 0;
  for (guint64 swap = 1; swap <= 200; swap++) {
    action->set("model", (swap % 2 ? otherModel() : microModel()).c_str());
    ASSERT_TRUE(pushUntil([&] {
      const Buffer out = push();
      Window label;
      if (parseMeta(out.get(), &label)) {
        EXPECT_TRUE(labelsFit(label)) << label.model << ": " << label.label;
      }
      return action->stat("model-swaps") == swap;
    })) << "swap "
        << swap;
    ASSERT_EQ(modelOf(*action), swap % 2 ? "micro_other" : "micro_hf");
    for (const Window &window : action->windows()) {
      ASSERT_TRUE(labelsFit(window)) << window.model << ": " << window.label;
      ASSERT_TRUE(windows == 0 || window.id > last) << "window " << window.id << " after " << last;
      last = window.id;
      windows++;
    }
    if (swap != 40) continue;
    tasks = threads();
    files = openFiles();
    bytes = residentBytes();
  }
  EXPECT_GT(windows, 200u);
  // One engine may be on its way out while the other one works.
  EXPECT_LE(threads(), tasks + 3);
  EXPECT_LE(openFiles(), files + 1);
  EXPECT_LT(residentBytes(), bytes + (20 << 20)) << "each engine has a megabyte of weights and each stream one of pixels";
  printf("    %d windows, %zu KiB after 40 swaps, %zu KiB after 200\n", int(windows), bytes / 1024, residentBytes() / 1024);
}

}  // namespace
}  // namespace sta::test
