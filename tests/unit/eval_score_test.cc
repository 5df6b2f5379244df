// SPDX-License-Identifier: MIT
// Tests the way from logits to accuracy, against numbers worked out by hand; and the state file: what is resumed, what
// is refused.
#include "sta/eval_score.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "sta/eval_plot.h"
#include "sta/eval_state.h"
#include "sta/options.h"

namespace {

using namespace cli;
using Json = nlohmann::ordered_json;

TEST(EvalScore, MeanOfTheSoftmaxNotOfTheLogits) {
  ViewAverage average(3);
  const float sure[] = {std::log(8.0f), 0, 0}, unsure[] = {0, std::log(2.0f), 0};  // 0.8 0.1 0.1 and 0.25 0.5 0.25
  average.add(sure, {});
  average.add(unsure, {});
  const Verdict v = average.verdict(1, true);
  ASSERT_EQ(v.probabilities.size(), 3u);
  EXPECT_NEAR(v.probabilities[0], 0.525, 1e-7);
  EXPECT_NEAR(v.probabilities[1], 0.3, 1e-7);
  EXPECT_NEAR(v.probabilities[2], 0.175, 1e-7);
  EXPECT_EQ(v.label_rank, 1);
  EXPECT_NEAR(v.label_probability, 0.3, 1e-7);
  ASSERT_EQ(v.top.size(), 3u);
  EXPECT_EQ(v.top[0].first, 0);
  EXPECT_TRUE(average.verdict(1, false).probabilities.empty());
}

TEST(EvalScore, SelectedClassesHaveASoftmaxOfTheirOwn) {
  ViewAverage average(2);
  const float logits[] = {100, std::log(3.0f), 50, 0};
  average.add(logits, {3, 1});
  const Verdict v = average.verdict(0, true);
  EXPECT_NEAR(v.probabilities[0], 0.25, 1e-7);
  EXPECT_NEAR(v.probabilities[1], 0.75, 1e-7);
  EXPECT_EQ(v.label_rank, 1);
}

TEST(EvalScore, TiesGoToTheLowerClass) {
  ViewAverage average(8);
  const float logits[8] = {};
  average.add(logits, {});
  EXPECT_EQ(average.verdict(0, false).label_rank, 0);
  EXPECT_EQ(average.verdict(6, false).label_rank, 6);
  EXPECT_EQ(average.verdict(6, false).top[4].first, 4);
}

TEST(EvalScore, Tallies) {
  Tally t;
  for (const auto &[label, prediction, rank] : {std::tuple{0, 0, 0}, {0, 2, 4}, {1, 2, 5}, {1, 1, 0}, {1, 2, 7}}) {
    VideoResult video;
    video.label = label;
    video.views = 3;
    Verdict v;
    v.top = {{prediction, 0.5}};
    v.label_rank = rank;
    v.spent = {0.25, 96, 3};
    t.add(video, v);
  }
  EXPECT_EQ(t.videos, 5);
  EXPECT_EQ(t.views, 15);
  EXPECT_DOUBLE_EQ(t.spent.seconds, 1.25);
  EXPECT_DOUBLE_EQ(t.tokens(), 32);
  EXPECT_DOUBLE_EQ(t.gmacs(), 1);
  EXPECT_DOUBLE_EQ(t.top1(), 0.4);
  EXPECT_DOUBLE_EQ(t.top5(), 0.6);
  EXPECT_EQ(t.confusion.at({1, 2}), 2);
  EXPECT_EQ(Tally().top1(), 0);
  EXPECT_EQ(Tally().tokens(), 0);
}

class EvalStateFile : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  std::string text() const {
    std::ifstream in(path_, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  void write(const std::string &text) const { std::ofstream(path_, std::ios::binary) << text; }
  std::string error(const Json &settings) const {
    try {
      const EvalState state(path_, settings);
    } catch (const RunError &e) {
      return e.what();
    }
    return "(taken up)";
  }
  static VideoResult result(int index, const std::string &error = "") {
    VideoResult r;
    r.index = index;
    r.video = "v" + std::to_string(index) + ".mp4";
    r.label = 1;
    r.error = error;
    if (error.empty()) {
      r.frames = 30;
      r.views = 2;
      Verdict v;
      v.still_threshold = 0.1;
      v.drop_number = 8;
      v.spent = {0.25, 96, 3};
      v.top = {{1, 0.75}, {0, 0.25}};
      v.label_probability = 0.75;
      v.probabilities = {0.25, 0.75};
      r.verdicts = {v};
    }
    return r;
  }

  const std::string path_ = (std::filesystem::temp_directory_path() / ("sta-eval-state-" + std::to_string(getpid()))).string();
  const Json settings_{{"model", "m"}, {"drop_numbers", {0, 8}}};
};

TEST_F(EvalStateFile, IsTakenUp) {
  {
    EvalState state(path_, settings_);
    EXPECT_TRUE(state.finished().empty());
    state.append(result(3));
    state.append(result(4, "no such file"));
  }
  write(text() + R"({"index":5,"video":"v5.m)");  // killed in the middle of a line
  {
    EvalState state(path_, settings_);
    ASSERT_EQ(state.finished().size(), 1u);  // a video that could not be read is tried again
    const VideoResult &r = state.finished().at(3);
    EXPECT_EQ(r.video, "v3.mp4");
    EXPECT_EQ(r.views, 2);
    ASSERT_EQ(r.verdicts.size(), 1u);
    EXPECT_EQ(r.verdicts[0].top, result(3).verdicts[0].top);
    EXPECT_EQ(r.verdicts[0].probabilities, result(3).verdicts[0].probabilities);
    state.append(result(5));
  }
  const EvalState state(path_, settings_);
  EXPECT_EQ(state.finished().size(), 2u);
}

TEST_F(EvalStateFile, OfAnotherEvaluationIsRefused) {
  { const EvalState state(path_, settings_); }
  Json other = settings_;
  other["drop_numbers"] = {0};
  EXPECT_NE(error(other).find("was written with drop_numbers [0,8], now [0]: give another --state, or delete it"), std::string::npos) << error(other);
  other = settings_;
  other["seed"] = 1;
  EXPECT_NE(error(other).find("seed unset, now 1"), std::string::npos) << error(other);
  EXPECT_EQ(error(settings_), "(taken up)");
}

TEST_F(EvalStateFile, WhatIsNoStateFile) {
  for (const char *content : {"{}\n", "hello\n", "[1]\n", "{\"sta_eval\":2,\"settings\":{}}\n"}) {
    write(content);
    EXPECT_NE(error(settings_).find("is not a state file of sta eval"), std::string::npos) << content;
    EXPECT_EQ(text(), content) << "must not be touched";
  }
  std::filesystem::remove(path_);
  { const EvalState state(path_, settings_); }
  write(text() + "{\"index\":1}\n");
  EXPECT_NE(error(settings_).find(":2: is damaged"), std::string::npos) << error(settings_);
}

TEST_F(EvalStateFile, OfARunningEvaluationIsRefused) {
  const EvalState state(path_, settings_);
  EXPECT_NE(error(settings_).find("another evaluation is writing it"), std::string::npos);
}

TEST(EvalPlot, AxesHaveRoundNumbersAroundTheData) {
  EXPECT_EQ(axis_ticks(96.5, 180.5, 6), (std::vector<double>{80, 100, 120, 140, 160, 180, 200}));
  EXPECT_EQ(axis_ticks(0, 10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  for (const auto &[low, high] : {std::pair{80.8, 81.2}, {50.0, 50.0}, {0.0, 0.0}, {0.0, 100.0}, {1e-3, 2e-3}}) {
    const auto ticks = axis_ticks(low, high, 5);
    ASSERT_GE(ticks.size(), 2u);
    ASSERT_LE(ticks.size(), 12u);
    EXPECT_LE(ticks.front(), low + 1e-9);
    EXPECT_GE(ticks.back(), high - 1e-9);
    for (size_t i = 1; i < ticks.size(); ++i) EXPECT_GT(ticks[i], ticks[i - 1]);
  }
}

}  // namespace
