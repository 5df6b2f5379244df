// SPDX-License-Identifier: MIT
// Tests the reason why a video has no window. "Too short" must appear only if it is the reason, with the length found
// and the length needed.
#include "sta/no_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using cli::why_no_window;
using testing::HasSubstr;
using testing::Not;

TEST(NoWindow, TooShortNamesBothLengths) {
  // 16 frames 0.1 s apart: half a window is 8 samples, the last of them 0.7 s after the first.
  const std::string text = why_no_window("a.mp4", {6, 0.2, 0.1, 0}, 16);
  EXPECT_THAT(text, HasSubstr("too short: 0.20 s of video, and more than 0.70 s are needed"));
  EXPECT_THAT(text, HasSubstr("1.60 s long"));
  EXPECT_THAT(why_no_window("a.mp4", {21, 0.7, 0.1, 0}, 16), HasSubstr("too short"));
  EXPECT_THAT(why_no_window("a.mp4", {21, 0.72, 0.1, 0}, 16), Not(HasSubstr("too short")));
  // Of 15 frames, 8 are the larger half.
  EXPECT_THAT(why_no_window("a.mp4", {21, 0.7, 0.1, 0}, 15), HasSubstr("more than 0.70 s"));
}

TEST(NoWindow, GapsAreTheReasonWhereThereIsEnoughVideo) {
  const std::string text = why_no_window("a.mkv", {8, 7.03, 0.1, 7}, 16);
  EXPECT_THAT(text, HasSubstr("7 gaps in 7.03 s of video"));
  EXPECT_THAT(text, Not(HasSubstr("too short")));
  EXPECT_THAT(why_no_window("a.mkv", {2, 0.5, 0.1, 1}, 16), HasSubstr("too short"));
}

TEST(NoWindow, OtherReasons) {
  EXPECT_EQ(why_no_window("a.mp4", {}, 16), "no frame could be decoded");
  EXPECT_EQ(why_no_window("/nonexistent/a.png", {1, 0, 0.1, 0}, 16), "a single picture, and a window of this model takes 16 frames");
  EXPECT_THAT(why_no_window("a.mp4", {30, 3, 0.1, 0}, 16), HasSubstr("do not go on evenly"));
}

}  // namespace
