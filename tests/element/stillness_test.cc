// SPDX-License-Identifier: MIT
// Tests still-threshold: how many tokens windows of still and of moving scenes take, that the threshold can change while
// frames flow, that it changes no result where nothing is still, and what is said where it cannot be used.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "action_harness.h"

namespace sta::test {
namespace {

constexpr GstClockTime kFrame = GST_SECOND / 30;
constexpr int kStep = 16, kTokens = 8 * kStep;  // of the micro model
constexpr int kOneWindow = 61;                  // frames
constexpr int kOneMore = 16;                    // a hop further

Properties with(std::initializer_list<std::pair<std::string, std::string>> more) {
  Properties properties = fileMode();
  for (const auto &[name, value] : more) {
    const auto it = std::find_if(properties.begin(), properties.end(), [&](const auto &p) { return p.first == name; });
    if (it == properties.end())
      properties.emplace_back(name, value);
    else
      it->second = value;
  }
  return properties;
}

// Windows with equal pixels would take over the result of the one before.
Properties everyPass(const std::string &threshold) { return with({{"still-threshold", threshold}, {"static-skip", "false"}}); }

// The micro model in a folder that recommends a threshold.
std::string recommending() {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "micro_still";
  std::filesystem::create_directories(path);
  std::ifstream in(microModel() + "/config.json");
  std::stringstream text;
  text << in.rdbuf();
  std::string config = text.str();
  config.insert(config.rfind('}'), ", \"sta\": {\"still_threshold\": 0.1}");
  std::ofstream(path / "config.json") << config;
  std::filesystem::remove(path / "model.safetensors");
  std::filesystem::create_symlink(microModel() + "/model.safetensors", path / "model.safetensors");
  return path.string();
}

Properties videoSwin(const std::string &threshold) {
  return with({{"model", STA_GOLDEN_MADE_DIR "/videoswin/weights/nano.safetensors"},
               {"image-size", "24"},
               {"num-frames", "8"},
               {"still-threshold", threshold}});
}

class Stillness : public testing::Test {
 protected:
  void start(const Properties &properties) {
    action = std::make_unique<ActionHarness>(properties);
    action->rgbCaps(64, 64, 30, 1);
    next = 0;
  }
  // Frames of a scene. Its picture number i has the seed seed(i).
  void push(int frames, const std::function<int(int)> &seed) {
    for (const int end = next + frames; next < end; next++) action->push(next * kFrame, kFrame, seed(next));
  }
  void pushStill(int frames) {
    push(frames, [](int) { return 3; });
  }
  void pushMoving(int frames) {
    push(frames, [](int i) { return i; });
  }
  // The left half of the picture moves.
  void pushHalfMoving(int frames) {
    for (const int end = next + frames; next < end; next++) {
      GstBuffer *buffer = action->frame(next * kFrame, kFrame, next);
      GstMapInfo map;
      gst_buffer_map(buffer, &map, GST_MAP_READWRITE);
      const gsize row = map.size / 64;
      for (gsize y = 0; y < 64; y++) std::fill(map.data + y * row + row / 2, map.data + (y + 1) * row, 90);
      gst_buffer_unmap(buffer, &map);
      action->push(buffer);
    }
  }
  std::vector<int> tokens() {
    std::vector<int> list;
    for (const Window &window : action->windows()) list.push_back(window.tokens);
    return list;
  }
  std::string warning() {
    const auto warnings = action->messages(GST_MESSAGE_WARNING);
    if (warnings.empty()) return {};
    GError *error = nullptr;
    gst_message_parse_warning(warnings.back().get(), &error, nullptr);
    const std::string text = error->message;
    g_error_free(error);
    return text;
  }

  std::unique_ptr<ActionHarness> action;
  int next = 0;
};

using Tokens = std::vector<int>;

TEST_F(Stillness, ThePropertyHasItsRangeAndCanBeSetWhilePlaying) {
  start(fileMode());
  GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(action->element()), "still-threshold");
  ASSERT_TRUE(spec);
  EXPECT_TRUE(spec->flags & GST_PARAM_MUTABLE_PLAYING);
  EXPECT_TRUE(spec->flags & GST_PARAM_CONTROLLABLE);
  GValue value = G_VALUE_INIT;
  g_value_init(&value, G_TYPE_DOUBLE);
  for (const auto &[asked, holds] : {std::pair{-3.0, -1.0}, {-1.0, -1.0}, {0.0, 0.0}, {0.25, 0.25}, {10.0, 10.0}, {11.0, 10.0}}) {
    g_value_set_double(&value, asked);
    EXPECT_EQ(g_param_value_validate(spec, &value), asked != holds) << asked;
    EXPECT_EQ(g_value_get_double(&value), holds) << asked;
  }
  gdouble threshold = 0;
  g_object_get(action->element(), "still-threshold", &threshold, nullptr);
  EXPECT_EQ(threshold, -1) << "the default";
  g_object_set(action->element(), "still-threshold", 0.25, nullptr);
  g_object_get(action->element(), "still-threshold", &threshold, nullptr);
  EXPECT_EQ(threshold, 0.25);
}

TEST_F(Stillness, AStillSceneTakesTheFirstStepAlone) {
  start(everyPass("0.1"));
  pushStill(kOneWindow + kOneMore);
  EXPECT_EQ(tokens(), (Tokens{kStep, kStep}));
}

TEST_F(Stillness, AMovingSceneTakesAllTokens) {
  start(everyPass("0.1"));
  pushMoving(kOneWindow + kOneMore);
  EXPECT_EQ(tokens(), (Tokens{kTokens, kTokens}));
}

// 16 tokens of the first step and 8 of each of the seven others, in multiples of 16.
TEST_F(Stillness, HalfAMovingSceneTakesHalf) {
  start(everyPass("0.1"));
  pushHalfMoving(kOneWindow);
  EXPECT_EQ(tokens(), (Tokens{80}));
}

TEST_F(Stillness, OffAllTokensAreTaken) {
  for (const char *off : {"0", "-1"}) {  // the micro model recommends nothing
    start(everyPass(off));
    pushStill(kOneWindow);
    EXPECT_EQ(tokens(), (Tokens{kTokens})) << off;
  }
}

TEST_F(Stillness, ItChangesWhilePlaying) {
  start(everyPass("0"));
  pushStill(kOneWindow);
  action->set("still-threshold", "0.1");
  pushStill(kOneMore);
  action->set("still-threshold", "0");
  pushStill(kOneMore);
  action->set("still-threshold", "0.2");
  pushStill(kOneMore);
  action->set("still-threshold", "-1");
  pushStill(kOneMore);
  EXPECT_EQ(tokens(), (Tokens{kTokens, kStep, kTokens, kStep, kTokens}));
  EXPECT_EQ(warning(), "");
}

TEST_F(Stillness, WhatTheModelFolderRecommendsHolds) {
  const std::string model = recommending();
  for (const auto &[threshold, takes] : {std::pair{"-1", kStep}, {"0", kTokens}, {"0.2", kStep}}) {
    start(with({{"model", model}, {"still-threshold", threshold}, {"static-skip", "false"}}));
    pushStill(kOneWindow);
    EXPECT_EQ(tokens(), (Tokens{takes})) << threshold;
  }
}

TEST_F(Stillness, ResultsAreTheSameBitForBitWhereNothingIsStill) {
  const auto confidences = [&](const char *threshold, bool moving) {
    start(everyPass(threshold));
    if (moving)
      pushMoving(kOneWindow + kOneMore);
    else
      pushStill(kOneWindow + kOneMore);
    std::vector<std::pair<std::vector<std::string>, std::vector<double>>> all;
    for (const Window &window : action->windows()) all.emplace_back(window.labels, window.confidences);
    EXPECT_EQ(all.size(), 2u);
    return all;
  };
  const auto moving = confidences("0", true), still = confidences("0", false);
  EXPECT_EQ(confidences("-1", true), moving);
  EXPECT_EQ(confidences("-1", false), still);
  EXPECT_EQ(confidences("0.1", true), moving);
  EXPECT_NE(confidences("0.1", false), still) << "or nothing was dropped";
}

TEST_F(Stillness, MessagesSignalsFramesAndStatisticsSayTheSame) {
  Tokens signalled;
  double dense = 0, fewer = 0;
  for (const bool still : {false, true}) {
    start(everyPass("0.1"));
    g_signal_connect(action->element(), "window", G_CALLBACK(+[](GstElement *, GstStructure *window, gpointer list) {
                       gint tokens = -1;
                       gst_structure_get_int(window, "tokens", &tokens);
                       static_cast<Tokens *>(list)->push_back(tokens);
                     }),
                     &signalled);
    if (still)
      pushStill(kOneWindow);
    else
      pushMoving(kOneWindow);
    const Buffer out = action->push(next * kFrame, kFrame, 3);
    Window meta;
    ASSERT_TRUE(parseMeta(out.get(), &meta));
    const auto windows = action->windows();
    ASSERT_EQ(windows.size(), 1u);
    GstStructure *stats = nullptr;
    g_object_get(action->element(), "stats", &stats, nullptr);
    gint tokens = 0;
    gdouble gmacs = 0;
    EXPECT_TRUE(gst_structure_get_int(stats, "tokens", &tokens));
    EXPECT_TRUE(gst_structure_get_double(stats, "gmacs", &gmacs));
    gst_structure_free(stats);
    EXPECT_EQ(windows[0].tokens, still ? kStep : kTokens);
    EXPECT_EQ(meta.tokens, windows[0].tokens);
    EXPECT_EQ(tokens, windows[0].tokens);
    EXPECT_EQ(meta.gmacs, windows[0].gmacs);
    EXPECT_EQ(gmacs, windows[0].gmacs);
    (still ? fewer : dense) = gmacs;
  }
  EXPECT_EQ(signalled, (Tokens{kTokens, kStep}));
  EXPECT_GT(fewer, 0);
  EXPECT_LT(fewer, dense / 7) << "an eighth of the tokens";
}

// A window that takes over a result has the tokens of its pixels, and costs nothing.
TEST_F(Stillness, AReusedWindowCostsNothing) {
  start(with({{"still-threshold", "0.1"}}));
  pushStill(kOneWindow + kOneMore);
  const auto windows = action->windows();
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(action->stat("windows-reused"), 1u);
  EXPECT_EQ(windows[0].tokens, kStep);
  EXPECT_EQ(windows[1].tokens, kStep);
  EXPECT_GT(windows[0].gmacs, 0);
  EXPECT_EQ(windows[1].gmacs, 0);
}

TEST_F(Stillness, PruningDropsFromWhatIsNotStill) {
  start(with({{"still-threshold", "0.1"}, {"static-skip", "false"}, {"drop-number", "4"}}));
  pushHalfMoving(kOneWindow);
  action->set("drop-number", "0");
  pushHalfMoving(kOneMore);
  const auto windows = action->windows();
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[0].drop_number, 4);
  EXPECT_EQ(windows[0].tokens, 80);
  EXPECT_EQ(windows[1].tokens, 80);
  EXPECT_LT(windows[0].gmacs, windows[1].gmacs);
}

TEST_F(Stillness, AVideoSwinRefusesItWithOneError) {
  for (const char *fine : {"0", "-1"}) {
    int count = 0;
    EXPECT_EQ(errorOf(videoSwin(fine), &count), "");
  }
  int count = 0;
  const std::string text = errorOf(videoSwin("0.1"), &count);
  EXPECT_EQ(count, 1);
  EXPECT_NE(text.find("still-threshold should be 0"), std::string::npos) << text;
  EXPECT_NE(text.find("Video Swin"), std::string::npos) << text;
}

TEST_F(Stillness, WhilePlayingAVideoSwinKeepsItsSettings) {
  start(videoSwin("0"));
  pushMoving(kOneWindow);
  ASSERT_EQ(warning(), "");
  const size_t before = tokens().size();
  ASSERT_GT(before, 0u);
  action->set("still-threshold", "0.1");
  pushMoving(kOneWindow);
  const std::string text = warning();
  EXPECT_NE(text.find("not taken over"), std::string::npos) << text;
  EXPECT_NE(text.find("still-threshold should be 0"), std::string::npos) << text;
  const auto windows = action->windows();
  ASSERT_FALSE(windows.empty());
  for (const Window &window : windows) {
    EXPECT_EQ(window.status, "ok");
    EXPECT_GT(window.tokens, 0);
    EXPECT_GT(window.gmacs, 0);
  }
  GstStructure *stats = nullptr;
  g_object_get(action->element(), "stats", &stats, nullptr);
  gdouble gmacs = 0;
  EXPECT_TRUE(gst_structure_get_double(stats, "gmacs", &gmacs));
  gst_structure_free(stats);
  EXPECT_EQ(gmacs, windows.back().gmacs);
}

TEST_F(Stillness, AVideoSwinDoesNotTakeOverWhereItIsSet) {
  start(everyPass("0.1"));
  pushStill(kOneWindow);
  g_object_set(action->element(), "model", STA_GOLDEN_MADE_DIR "/videoswin/weights/nano.safetensors", "image-size", 24, "num-frames", 8, nullptr);
  std::string text;
  for (int tries = 0; tries < 2000 && text.empty(); tries++) {
    pushStill(1);
    text = warning();
    if (text.empty()) g_usleep(5000);
  }
  EXPECT_NE(text.find("was not taken over"), std::string::npos) << text;
  EXPECT_NE(text.find("still-threshold should be 0"), std::string::npos) << text;
  action->windows();
  pushStill(kOneMore);
  EXPECT_EQ(tokens(), (Tokens{kStep})) << "the old model goes on";
}

}  // namespace
}  // namespace sta::test
