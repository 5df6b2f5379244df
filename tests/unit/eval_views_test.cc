// SPDX-License-Identifier: MIT
// Tests which frames are evaluated: against the indices of golden/eval/views.json, which NumPy computed from the
// formulas of the published code, and against rules that hold for any video.
#include "sta/eval_views.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

namespace {

using namespace cli;

ViewPlan plan(Sampling sampling, ViewRules rules, int frames, int stride, int clips) {
  ViewPlan p;
  p.sampling = sampling;
  p.rules = rules;
  p.frames = frames;
  p.stride = stride;
  p.clips = clips;
  return p;
}

TEST(EvalViews, IndicesOfThePublishedCode) {
  std::ifstream in(STA_GOLDEN_DIR "/eval/views.json");
  const auto cases = nlohmann::json::parse(in);
  ASSERT_GT(cases.size(), 200u);
  for (const auto &c : cases) {
    const ViewPlan p = plan(c["sampling"] == "dense" ? Sampling::kDense : Sampling::kUniform,
                            c["rules"] == "mmaction" ? ViewRules::kMmaction : ViewRules::kVideoMae, c["frames"], c["stride"], c["clips"]);
    EXPECT_EQ(clip_frames(p, c["total"]), c["views"].get<std::vector<std::vector<int>>>()) << c.dump().substr(0, 120);
  }
}

// With one dense clip the published formula divides by zero.
TEST(EvalViews, OneDenseClipIsTheMiddle) {
  const auto views = clip_frames(plan(Sampling::kDense, ViewRules::kVideoMae, 16, 4, 1), 300);  // 75 of every fourth
  ASSERT_EQ(views.size(), 1u);
  EXPECT_EQ(views[0].front(), 4 * 29);
  EXPECT_EQ(views[0].back(), 4 * 44);
}

TEST(EvalViews, EveryIndexExistsAndWasAskedFor) {
  for (const Sampling sampling : {Sampling::kDense, Sampling::kUniform})
    for (const ViewRules rules : {ViewRules::kVideoMae, ViewRules::kMmaction})
      for (int total = 1; total < 200; ++total) {
        const ViewPlan p = plan(sampling, rules, 16, 3, sampling == Sampling::kUniform && rules == ViewRules::kMmaction ? 1 : 2);
        ASSERT_EQ(plan_fault(p), "");
        const auto views = clip_frames(p, total);
        ASSERT_EQ(views.size(), static_cast<size_t>(p.clips));
        for (const auto &view : views) {
          ASSERT_EQ(view.size(), 16u);
          for (const int index : view) {
            ASSERT_GE(index, 0);
            ASSERT_LT(index, total);
            ASSERT_TRUE(may_be_sampled(p, index)) << total << " " << index;
          }
        }
      }
}

TEST(EvalViews, ImpossiblePlansAreNamed) {
  EXPECT_EQ(plan_fault(plan(Sampling::kUniform, ViewRules::kVideoMae, 16, 4, 3)), "--clips 3 should be 1 to 2 with this uniform sampling");
  EXPECT_EQ(plan_fault(plan(Sampling::kUniform, ViewRules::kMmaction, 16, 4, 2)), "--clips 2 should be 1 with this uniform sampling");
  EXPECT_NE(plan_fault(plan(Sampling::kDense, ViewRules::kVideoMae, 16, 0, 2)).find("--stride 0"), std::string::npos);
  ViewPlan p = plan(Sampling::kDense, ViewRules::kVideoMae, 16, 4, 5);
  p.crops = 17;
  EXPECT_NE(plan_fault(p).find("--crops 17"), std::string::npos);
}

}  // namespace
