// SPDX-License-Identifier: MIT
// Tests clips that do not end well: no file, a full disk, a disk that does not keep up, a power cut. Also tests how
// much memory a recorder takes.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "recorder_support.h"

namespace sta::monitor {
namespace {

constexpr std::size_t kMegabyte = 1 << 20;

// Samples of a megabyte that share their bytes. `alive` counts those that somebody still holds.
class LargeSamples {
 public:
  LargeSamples() : memory_(gst_allocator_alloc(nullptr, kMegabyte, nullptr)) {}
  ~LargeSamples() { gst_memory_unref(memory_); }
  MediaSample make(std::size_t number, bool key) {
    MediaSample sample;
    GstBuffer *buffer = gst_buffer_new();
    gst_buffer_append_memory(buffer, gst_memory_ref(memory_));
    ++alive;
    gst_mini_object_weak_ref(
        GST_MINI_OBJECT_CAST(buffer), [](gpointer count, GstMiniObject *) { --*static_cast<std::atomic<int> *>(count); }, &alive);
    sample.buffer = HeldBuffer::take(buffer);
    sample.pts = sample.dts = number * kFrame;
    sample.key = key;
    return sample;
  }
  std::atomic<int> alive{0};

 private:
  GstMemory *memory_;
};

HeldCaps h264() { return encodeVideo(1, 1).caps; }

TEST(Clip, APathThatCannotBeOpenedIsReportedOnce) {
  const Encoded stream = encodeVideo(60, 15);
  TempFolder folder;
  for (const std::string &path : {folder / "absent/clip.mp4", folder.path(), std::string("/proc/none/clip.mp4")}) {
    Report report;
    Recorder recorder(60 * GST_SECOND);
    recorder.setCaps(kVideo, stream.caps.get());
    for (std::size_t i = 0; i < 30; ++i) recorder.push(stream.samples[i]);
    ASSERT_TRUE(recorder.start(path, 0, report.done()));
    ASSERT_TRUE(report.wait()) << "nobody has to finish it";
    EXPECT_FALSE(report.good());
    EXPECT_NE(report.why(), "");
    // The camera goes on.
    for (std::size_t i = 30; i < 60; ++i) recorder.push(stream.samples[i]);
    recorder.finish();
    recorder.reset();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(report.calls(), 1) << path;
  }
}

TEST(Clip, AfterAFailureTheNextClipIsGood) {
  const Encoded stream = encodeVideo(30, 15);
  TempFolder folder;
  Report failed, good;
  Recorder recorder(60 * GST_SECOND);
  recorder.setCaps(kVideo, stream.caps.get());
  for (const MediaSample &sample : stream.samples) recorder.push(sample);
  ASSERT_TRUE(recorder.start(folder / "absent/clip.mp4", 0, failed.done()));
  ASSERT_TRUE(failed.wait());
  ASSERT_TRUE(recorder.start(folder / "clip.mp4", 0, good.done()));
  recorder.finish();
  ASSERT_TRUE(good.wait());
  EXPECT_TRUE(good.good()) << good.why();
  EXPECT_EQ(play(folder / "clip.mp4").times.size(), 30u);
}

TEST(Clip, AFullDiskIsSaid) {
  const Encoded stream = encodeVideo(90, 15);
  Report report;
  Recorder recorder(60 * GST_SECOND);
  recorder.setCaps(kVideo, stream.caps.get());
  for (const MediaSample &sample : stream.samples) recorder.push(sample);
  ASSERT_TRUE(recorder.start("/dev/full", 0, report.done()));
  recorder.finish();
  ASSERT_TRUE(report.wait());
  EXPECT_FALSE(report.good());
  EXPECT_NE(report.why().find("space"), std::string::npos) << report.why();
  EXPECT_EQ(report.calls(), 1);
}

// A pipe that nobody reads plays the part of a disk that hangs.
TEST(Clip, ADiskThatHangsStopsNobodyAndTakesLittleMemory) {
  signal(SIGPIPE, SIG_IGN);
  TempFolder folder;
  const std::string path = folder / "pipe.mp4";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  LargeSamples samples;
  Report report;
  {
    std::array<HeldCaps, kStreams> caps;
    caps[kVideo] = h264();
    ClipWriter writer(path, caps, report.done());
    writer.push(samples.make(0, true));
    for (int i = 0; i < 200 && samples.alive > 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ASSERT_EQ(samples.alive, 0) << "the pipe was not opened";
    int most = 0;
    for (std::size_t i = 1; i < 300; ++i) {
      const auto began = std::chrono::steady_clock::now();
      writer.push(samples.make(i, false));
      EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1)) << i;
      most = std::max(most, samples.alive.load());
    }
    EXPECT_GE(most, 60) << "the pipe hung";
    EXPECT_LE(most, 64 + 16);
    close(reader);
    ASSERT_TRUE(report.wait());
  }
  EXPECT_FALSE(report.good());
  EXPECT_NE(report.why(), "");
  EXPECT_EQ(report.calls(), 1);
  EXPECT_EQ(samples.alive, 0);
}

// A disk that is full fails at the first byte. What comes after it has nowhere to go, and must not be waited for.
TEST(Clip, ADiskThatIsFullStopsNobody) {
  LargeSamples samples;
  Report report;
  {
    std::array<HeldCaps, kStreams> caps;
    caps[kVideo] = h264();
    ClipWriter writer("/dev/full", caps, report.done());
    for (std::size_t i = 0; i < 40; ++i) writer.push(samples.make(i, i == 0));
    ASSERT_TRUE(report.wait());
  }
  EXPECT_FALSE(report.good());
  EXPECT_NE(report.why(), "");
  EXPECT_EQ(report.calls(), 1);
  EXPECT_EQ(samples.alive, 0);
}

// The power goes off while a clip is being written. The file must play up to its last whole fragment, wherever it ends.
TEST(Clip, WhatWasWrittenPlaysWhereverItIsCut) {
  const Encoded stream = encodeVideo(300, 15);
  TempFolder folder;
  const std::string path = folder / "clip.mp4";
  Report report;
  Recorder recorder(60 * GST_SECOND);
  recorder.setCaps(kVideo, stream.caps.get());
  for (const MediaSample &sample : stream.samples) recorder.push(sample);
  ASSERT_TRUE(recorder.start(path, 0, report.done()));
  // All of it is written, but the file is not ended.
  std::string content;
  for (int still = 0; still < 10;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const std::string now = contentOf(path);
    still = now.size() == content.size() && !now.empty() ? still + 1 : 0;
    content = now;
  }
  EXPECT_EQ(report.calls(), 0);
  const Played whole = play(folder.file("whole.mp4", content));
  EXPECT_GE(whole.times.size(), 240u) << "10 s were sent; the last one or two may still be in memory: " << whole.error;
  const std::size_t first = content.find("moof"), second = content.find("moof", first + 4);
  ASSERT_NE(second, std::string::npos);
  std::size_t most = 0;
  const std::size_t begin = second - 4;  // the first fragment is complete
  for (std::size_t size = begin; size <= content.size(); size += (content.size() - begin) / 25) {
    const Played cut = play(folder.file("cut.mp4", content.substr(0, size)));
    EXPECT_GE(cut.times.size(), 15u) << size << " of " << content.size() << ": " << cut.error;
    EXPECT_GE(cut.times.size() + 45, most) << size << ": more of the file, less to see";
    most = std::max(most, cut.times.size());
    if (!cut.times.empty()) {
      EXPECT_EQ(cut.times[0], 0u);
    }
  }
  recorder.finish();
  ASSERT_TRUE(report.wait());
  EXPECT_EQ(play(path).times.size(), 300u);
}

TEST(Clip, TheRingTakesAtMost96Megabytes) {
  LargeSamples samples;
  Recorder recorder(3600 * GST_SECOND);
  const HeldCaps caps = h264();
  recorder.setCaps(kVideo, caps.get());
  int least = 1000;
  for (std::size_t i = 0; i < 500; ++i) {
    recorder.push(samples.make(i, i % 10 == 0));
    EXPECT_LE(samples.alive, 96) << i;
    if (i > 100) least = std::min(least, samples.alive.load());
  }
  EXPECT_GE(least, 96 - 10) << "no more goes than has to";
  recorder.reset();
  EXPECT_EQ(samples.alive, 0);
}

// Not even one group of pictures fits. The memory is given back, and the next key frame starts afresh.
TEST(Clip, AGroupOfPicturesThatIsTooLargeIsForgotten) {
  LargeSamples samples;
  Recorder recorder(GST_SECOND);
  const HeldCaps caps = h264();
  recorder.setCaps(kVideo, caps.get());
  for (std::size_t i = 0; i < 250; ++i) {
    recorder.push(samples.make(i, i == 0));
    ASSERT_LE(samples.alive, 97) << i;
  }
  EXPECT_EQ(samples.alive, 0);
  TempFolder folder;
  Report none;
  EXPECT_FALSE(recorder.start(folder / "clip.mp4", 0, none.done()));
  recorder.push(samples.make(250, true));
  EXPECT_EQ(samples.alive, 1);
}

}  // namespace
}  // namespace sta::monitor
