// SPDX-License-Identifier: MIT
// Tests the memory ring: from which frame a clip begins, how much is kept, and what ends a clip.
#include <algorithm>

#include "recorder_support.h"

namespace sta::monitor {
namespace {

class RecorderTest : public testing::Test {
 protected:
  TempFolder folder;
  const std::string path = folder / "clip.mp4";

  static void push(Recorder &recorder, const Encoded &encoded, std::size_t from, std::size_t to) {
    recorder.setCaps(encoded.samples[0].stream, encoded.caps.get());
    for (std::size_t i = from; i < to; ++i) recorder.push(encoded.samples[i]);
  }
  // Ends the clip and plays it.
  Played played(Recorder &recorder, Report &report) {
    recorder.finish();
    EXPECT_TRUE(report.wait());
    EXPECT_TRUE(report.good()) << report.why();
    return play(path);
  }
};

TEST_F(RecorderTest, AClipBeginsAtTheKeyFrameAtOrBeforeTheAskedTime) {
  const Encoded stream = encodeVideo(120, 15);
  ASSERT_EQ(stream.samples.size(), 120u);
  for (std::size_t i = 0; i < stream.samples.size(); ++i) ASSERT_EQ(stream.samples[i].key, i % 15 == 0) << i;
  const GstClockTime key = stream.samples[30].time();
  const std::pair<GstClockTime, std::size_t> cases[] = {
      {0, 0},
      {GST_SECOND / 4, 0},
      {key - 1, 15},
      {key, 30},
      {key + 1, 30},
      {key + 7 * kFrame, 30},
      {stream.samples[44].time(), 30},
      {stream.samples[45].time(), 45},
      {stream.samples[89].time(), 75},
      {3600 * GST_SECOND, 75},
  };
  for (const auto &[from, first] : cases) {
    Recorder recorder(60 * GST_SECOND);
    push(recorder, stream, 0, 90);
    Report report;
    ASSERT_TRUE(recorder.start(path, from, report.done()));
    EXPECT_TRUE(recorder.writing());
    push(recorder, stream, 90, 120);
    const Played clip = played(recorder, report);
    EXPECT_FALSE(recorder.writing());
    EXPECT_EQ(clip.error, "");
    EXPECT_TRUE(clip.eos);
    ASSERT_EQ(clip.times.size(), 120 - first) << "from " << from;
    for (std::size_t i = 0; i < clip.times.size(); ++i) EXPECT_NEAR(static_cast<double>(clip.times[i]), static_cast<double>(i * kFrame), 2e6) << i;
    EXPECT_EQ(clip.width, 64);
  }
}

TEST_F(RecorderTest, NothingCanBeShownBeforeAKeyFrame) {
  const Encoded stream = encodeVideo(40, 15);
  Recorder recorder(GST_SECOND);
  Report report;
  EXPECT_FALSE(recorder.start(path, 0, report.done())) << "nothing came";
  recorder.setCaps(kVideo, stream.caps.get());
  EXPECT_FALSE(recorder.start(path, 0, report.done())) << "only caps came";
  for (std::size_t i = 1; i < 15; ++i) recorder.push(stream.samples[i]);
  EXPECT_FALSE(recorder.start(path, 0, report.done())) << "no key frame came";
  EXPECT_FALSE(recorder.writing());
  for (std::size_t i = 15; i < 40; ++i) recorder.push(stream.samples[i]);
  EXPECT_TRUE(recorder.start(path, 0, report.done()));
  EXPECT_EQ(played(recorder, report).times.size(), 25u);
  EXPECT_EQ(report.calls(), 1) << "what did not begin does not end";
}

// A camera needs memory for the ring, whatever its length: `before` and whole groups of pictures, not much more.
TEST_F(RecorderTest, TheRingKeepsBeforeAndNotMuchMore) {
  const Encoded stream = encodeVideo(300, 15);
  for (const GstClockTime before : std::initializer_list<GstClockTime>{0, GST_SECOND, 3 * GST_SECOND + 1, 5 * GST_SECOND}) {
    for (const std::size_t newest : {149u, 150u, 222u, 299u}) {
      Recorder recorder(before);
      push(recorder, stream, 0, newest + 1);
      const GstClockTime now = stream.samples[newest].time();
      for (const bool all : {false, true}) {
        Report report;
        const GstClockTime from = all ? 0 : now > before ? now - before : 0;
        ASSERT_TRUE(recorder.start(path, from, report.done()));
        const GstClockTime kept = now - stream.samples[newest + 1 - played(recorder, report).times.size()].time();
        EXPECT_GE(kept, std::min(before, now - kMediaTimeOfZero)) << "newest " << newest;
        // The group that the ring begins in, and the one that is not complete yet.
        EXPECT_LE(kept, before + 31 * kFrame) << "newest " << newest;
      }
    }
  }
}

// Frames that are not in the order of their times (B-frames), as files and some encoders have them.
class OutOfOrder : public RecorderTest, public testing::WithParamInterface<GstClockTime> {};

TEST_P(OutOfOrder, StreamsAreWholeToo) {
  const GstClockTime from = GetParam() ? GetParam() + kMediaTimeOfZero : 0;
  const Encoded stream = encodeVideo(90, 15, "64x48", "bframes=2 b-adapt=false");
  bool reordered = false;
  for (std::size_t i = 1; i < stream.samples.size(); ++i) reordered = reordered || stream.samples[i].pts < stream.samples[i - 1].pts;
  ASSERT_TRUE(reordered);
  Recorder recorder(60 * GST_SECOND);
  push(recorder, stream, 0, 60);
  Report report;
  ASSERT_TRUE(recorder.start(path, from, report.done()));
  push(recorder, stream, 60, 90);
  const Played clip = played(recorder, report);
  EXPECT_EQ(clip.error, "");
  ASSERT_EQ(clip.times.size(), from ? 60u : 90u);
  EXPECT_EQ(clip.times[0], 0u);
  for (std::size_t i = 1; i < clip.times.size(); ++i)
    EXPECT_NEAR(static_cast<double>(clip.times[i] - clip.times[i - 1]), static_cast<double>(kFrame), 3e6) << "frame " << i;
}

// The first frames of a stream have decoding times before its beginning.
INSTANTIATE_TEST_SUITE_P(FromTheFirstFrame, OutOfOrder, testing::Values(0));
INSTANTIATE_TEST_SUITE_P(FromTheMiddle, OutOfOrder, testing::Values(GST_SECOND + GST_SECOND / 4));

TEST_F(RecorderTest, TheSameCapsAgainChangeNothing) {
  const Encoded stream = encodeVideo(60, 15);
  Recorder recorder(60 * GST_SECOND);
  push(recorder, stream, 0, 30);
  Report report;
  ASSERT_TRUE(recorder.start(path, 0, report.done()));
  GstCaps *copy = gst_caps_copy(stream.caps.get());
  recorder.setCaps(kVideo, copy);
  gst_caps_unref(copy);
  push(recorder, stream, 30, 60);
  EXPECT_EQ(played(recorder, report).times.size(), 60u);
}

TEST_F(RecorderTest, OtherCapsEndAClipAndTheRing) {
  const Encoded small = encodeVideo(45, 15), large = encodeVideo(45, 15, "128x96");
  Recorder recorder(60 * GST_SECOND);
  push(recorder, small, 0, 30);
  Report report;
  ASSERT_TRUE(recorder.start(path, 0, report.done()));
  recorder.setCaps(kVideo, large.caps.get());
  for (std::size_t i = 0; i < 5; ++i) recorder.push(large.samples[i]);
  ASSERT_TRUE(report.wait()) << "nobody has to finish it";
  EXPECT_TRUE(report.good()) << report.why();
  Played clip = play(path);
  EXPECT_EQ(clip.times.size(), 30u);
  EXPECT_EQ(clip.width, 64);
  // The next clip has only the new format.
  Report second;
  ASSERT_TRUE(recorder.start(path, 0, second.done()));
  for (std::size_t i = 5; i < 45; ++i) recorder.push(large.samples[i]);
  clip = played(recorder, second);
  EXPECT_EQ(clip.times.size(), 45u);
  EXPECT_EQ(clip.width, 128);
  EXPECT_EQ(report.calls(), 1);
}

// An event that begins now needs a separate clip.
TEST_F(RecorderTest, AClipThatCapsEndedIsNotBeingWritten) {
  const Encoded small = encodeVideo(15, 15), large = encodeVideo(1, 15, "128x96");
  Recorder recorder(60 * GST_SECOND);
  push(recorder, small, 0, 15);
  Report report;
  ASSERT_TRUE(recorder.start(path, 0, report.done()));
  recorder.setCaps(kVideo, large.caps.get());
  ASSERT_TRUE(report.wait());
  EXPECT_FALSE(recorder.writing());
}

TEST_F(RecorderTest, ANewClipEndsTheOldOne) {
  const Encoded stream = encodeVideo(60, 15);
  Recorder recorder(60 * GST_SECOND);
  push(recorder, stream, 0, 30);
  Report first, second;
  ASSERT_TRUE(recorder.start(path, 0, first.done()));
  push(recorder, stream, 30, 45);
  ASSERT_TRUE(recorder.start(folder / "second.mp4", stream.samples[30].time(), second.done()));
  push(recorder, stream, 45, 60);
  recorder.finish();
  ASSERT_TRUE(first.wait() && second.wait());
  EXPECT_EQ(play(path).times.size(), 45u);
  EXPECT_EQ(play(folder / "second.mp4").times.size(), 30u);
}

TEST_F(RecorderTest, AResetForgetsAndEnds) {
  const Encoded stream = encodeVideo(45, 15);
  Recorder recorder(60 * GST_SECOND);
  push(recorder, stream, 0, 30);
  Report report, none;
  ASSERT_TRUE(recorder.start(path, 0, report.done()));
  recorder.reset();
  EXPECT_FALSE(recorder.writing());
  ASSERT_TRUE(report.wait());
  EXPECT_TRUE(report.good());
  EXPECT_EQ(play(path).times.size(), 30u);
  EXPECT_FALSE(recorder.start(path, 0, none.done()));
  // Running times start again from zero.
  push(recorder, stream, 0, 15);
  Report second;
  ASSERT_TRUE(recorder.start(path, 0, second.done()));
  EXPECT_EQ(played(recorder, second).times.size(), 15u);
}

TEST_F(RecorderTest, GoingAwayEndsTheClip) {
  const Encoded stream = encodeVideo(30, 15);
  Report report;
  {
    Recorder recorder(60 * GST_SECOND);
    push(recorder, stream, 0, 30);
    ASSERT_TRUE(recorder.start(path, 0, report.done()));
  }
  EXPECT_EQ(report.calls(), 1);
  EXPECT_TRUE(report.good());
  EXPECT_EQ(play(path).times.size(), 30u);
}

TEST_F(RecorderTest, SoundComesAlong) {
  const Encoded video = encodeVideo(90, 15), sound = encodeSound(3000);
  Recorder recorder(60 * GST_SECOND);
  recorder.setCaps(kVideo, video.caps.get());
  recorder.setCaps(kAudio, sound.caps.get());
  Report report;
  std::size_t next = 0, after = 0;
  for (std::size_t i = 0; i < video.samples.size(); ++i) {
    for (; next < sound.samples.size() && sound.samples[next].time() <= video.samples[i].time(); ++next) {
      recorder.push(sound.samples[next]);
      if (sound.samples[next].time() >= video.samples[30].time()) ++after;
    }
    recorder.push(video.samples[i]);
    if (i == 60) {
      ASSERT_TRUE(recorder.start(path, video.samples[30].time(), report.done()));
    }
  }
  EXPECT_EQ(played(recorder, report).times.size(), 60u);
  const Played heard = play(path, kAudio);
  EXPECT_EQ(heard.error, "");
  ASSERT_GT(after, 50u);
  EXPECT_EQ(heard.times.size(), after) << "sound from before the first picture is left out";
  EXPECT_LT(heard.times.at(0), 30 * GST_MSECOND);
}

// A camera without sound, or whose sound has not come yet: the recorder does not wait for it.
TEST_F(RecorderTest, SoundThatWasAnnouncedButNeverCameIsNotWaitedFor) {
  const Encoded video = encodeVideo(45, 15), sound = encodeSound(100);
  Recorder recorder(60 * GST_SECOND);
  recorder.setCaps(kAudio, sound.caps.get());
  push(recorder, video, 0, 30);
  Report report;
  ASSERT_TRUE(recorder.start(path, 0, report.done()));
  push(recorder, video, 30, 45);
  EXPECT_EQ(played(recorder, report).times.size(), 45u);
}

}  // namespace
}  // namespace sta::monitor
