// SPDX-License-Identifier: MIT
// Tests streams and engines behind the C++ wrapper. Windows must reach the model and come back in order, live mode must
// never wait, and generations must keep scenes apart.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <numeric>
#include <thread>

#include "stream_support.h"

namespace {

using namespace sta::test;

TEST(Stream, BlockingClassifiesEveryWindowInOrder) {
  sta::Engine engine = open_micro();
  sta::Stream stream(engine, blocking());
  push(stream, 0, 60);
  EXPECT_TRUE(collect(stream).empty());
  push(stream, 60, 61);  // sample 15: the window is done when push returns
  EXPECT_EQ(collect(stream).size(), 1u);
  push(stream, 61, 300);
  stream.drain();
  const auto results = collect(stream);
  ASSERT_GT(results.size(), 10u);
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].window_id, i + 1);
    EXPECT_EQ(results[i].status, STA_OK);
    EXPECT_NEAR(static_cast<double>(results[i].window_start), static_cast<double>(i + 1) * 4 * 4e9 / 30, 2);
  }
  const auto stats = stream.stats();
  EXPECT_EQ(stats.frames, 300u);
  EXPECT_EQ(stats.windows, stats.windows_classified);
  EXPECT_EQ(stats.windows_skipped, 0u);
}

TEST(Stream, ProbabilitiesAreThoseOfTheClip) {
  sta::Engine engine = open_micro();
  sta_stream_options o = blocking();
  o.drop_number = 5;
  sta::Stream stream(engine, o);
  push(stream, 0, 61);
  auto result = stream.pop();
  ASSERT_TRUE(result);
  // The same window made by hand: frames 0, 4, .. 60, normalised.
  const sta_model_info info = engine.info();
  std::vector<float> clip(3 * 16 * 64 * 64);
  for (int c = 0; c < 3; ++c)
    for (int t = 0; t < 16; ++t) {
      const float v = (static_cast<float>(4 * t % 200 + 20) / 255 - info.mean[c]) / info.std[c];
      std::fill_n(clip.begin() + (c * 16 + t) * 64 * 64, 64 * 64, v);
    }
  sta_forward_options f;
  sta_forward_options_init(&f);
  f.drop_number = 5;
  sta_clip_result *forward = nullptr;
  sta_error err;
  ASSERT_EQ(sta_engine_forward(engine.get(), clip.data(), 1, &f, &forward, &err), STA_OK) << err.message;
  const float *logits = sta_clip_result_logits(forward, nullptr, nullptr);
  double sum = 0;
  for (int i = 0; i < 10; ++i) sum += std::exp(logits[i]);
  for (const auto &score : result->top(10)) EXPECT_NEAR(score.confidence, std::exp(logits[score.class_id]) / sum, 1e-5);
  for (size_t i = 1; i < 10; ++i) EXPECT_GE(result->top(10)[i - 1].confidence, result->top(10)[i].confidence);
  int32_t count = 0;
  EXPECT_NE(sta_clip_result_kept(forward, 0, 3, &count), nullptr);
  EXPECT_EQ(count, 58);
  sta_clip_result_free(forward);
}

TEST(Stream, LiveModeNeverWaitsAndCountsSkips) {
  // For ViT-S, one window takes longer than all these frames take to come.
  sta_engine_options eo = sta::Engine::options();
  eo.model = "arch:vit_small";
  eo.device = "cpu";
  sta::Engine engine = sta::Engine::open(eo);
  sta::Stream stream(engine);
  push(stream, 0, 10);
  push(stream, 10, 310);
  sta_stream_stats stats = stream.stats();
  EXPECT_GT(stats.windows, 15u);
  // If a push had waited for its window, none would have been replaced.
  EXPECT_GT(stats.windows_skipped, 0u);
  stream.drain();
  stats = stream.stats();
  EXPECT_EQ(stats.windows, stats.windows_classified + stats.windows_skipped);
}

TEST(Stream, ResetDiscardsTheOldScene) {
  sta_engine_options eo = sta::Engine::options();
  eo.model = "arch:vit_small";
  eo.device = "cpu";
  sta::Engine engine = sta::Engine::open(eo);
  sta::Stream stream(engine);
  push(stream, 0, 62);
  for (int i = 0; i < 1000 && stream.stats().windows == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the forward pass is under way
  stream.reset();
  push(stream, 0, 61, 100'000'000'000);
  stream.drain();
  const auto results = collect(stream);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].window_start, 100'000'000'000u);
  EXPECT_EQ(stream.stats().windows_discarded, 1u);
}

TEST(Stream, TimeRunningBackwardsIsAnotherScene) {
  sta::Engine engine = open_micro();
  sta::Stream stream(engine);
  push(stream, 0, 62, 50'000'000'000);
  const Picture picture(7);
  stream.push(picture.frame(1'000'000'000));  // while the window may be waiting, computed or done
  stream.drain();
  EXPECT_TRUE(collect(stream).empty());
  push(stream, 0, 61, 2'000'000'000);
  stream.drain();
  EXPECT_EQ(collect(stream).size(), 1u);
}

TEST(Stream, FlushingEndsABlockingWait) {
  sta_engine_options eo = sta::Engine::options();
  eo.model = "arch:vit_base";
  eo.device = "cpu";
  sta::Engine engine = sta::Engine::open(eo);
  sta::Stream stream(engine, blocking());
  std::atomic<bool> flushed{false};
  std::thread flusher([&] {
    while (stream.stats().windows == 0 && !flushed) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    sta_stream_set_flushing(stream.get(), 1);
  });
  try {
    push(stream, 0, 70);
    ADD_FAILURE() << "the wait was not ended";
  } catch (const sta::Exception &e) {
    EXPECT_EQ(e.status(), STA_ERROR_FLUSHING);
  }
  flushed = true;
  flusher.join();
  sta_stream_set_flushing(stream.get(), 0);
  stream.reset();
  push(stream, 0, 61);
  EXPECT_EQ(collect(stream).size(), 1u);
}

TEST(Stream, TailIsDegraded) {
  sta::Engine engine = open_micro();
  sta::Stream stream(engine);
  push(stream, 0, 40);
  stream.drain();
  const auto results = collect(stream);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].flags, static_cast<uint32_t>(STA_RESULT_DEGRADED) | STA_RESULT_TAIL);
  EXPECT_NEAR(static_cast<double>(results[0].window_end), 10 * 4e9 / 30, 2);
}

TEST(Stream, OptionsChangeAtTheNextWindow) {
  sta::Engine engine = open_micro();
  sta_stream_options o = blocking();
  sta::Stream stream(engine, o);
  push(stream, 0, 61);
  o.drop_number = 8;
  sta_error err;
  ASSERT_EQ(sta_stream_configure(stream.get(), &o, &err), STA_OK);
  push(stream, 61, 77);
  const auto results = collect(stream);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].drop_number, 0);
  EXPECT_EQ(results[1].drop_number, 8);
  o.drop_number = 9;
  EXPECT_EQ(sta_stream_configure(stream.get(), &o, &err), STA_ERROR_INVALID_ARGUMENT);
  EXPECT_NE(std::string(err.message).find("0 to 8"), std::string::npos) << err.message;
}

// 50 windows a second of ViT-S are more than any CPU can do. The first window shows what one costs; after it, the
// largest allowed number is dropped.
TEST(Stream, AdaptivePruningKeepsItsBounds) {
  sta_engine_options eo = sta::Engine::options();
  eo.model = "arch:vit_small";
  eo.device = "cpu";
  sta::Engine engine = sta::Engine::open(eo);
  sta_stream_options o = blocking();
  o.drop_number = STA_DROP_AUTO;
  o.sample_interval = o.hop = 20'000'000;
  for (const int most : {0, 32}) {
    o.max_drop_number = most;
    sta::Stream stream(engine, o);
    for (int i = 0; i < 20; ++i) stream.push(Picture(static_cast<uint8_t>(10 * i)).frame(static_cast<uint64_t>(i) * 20'000'000, 20'000'000));
    const auto results = collect(stream);
    ASSERT_GE(results.size(), 4u);
    for (const auto &r : results) EXPECT_LE(r.drop_number, most == 0 ? 98 : most);
    EXPECT_EQ(results.back().drop_number, most == 0 ? 98 : most);
    EXPECT_EQ(stream.stats().drop_number, results.back().drop_number);
    EXPECT_GT(stream.stats().load, 1.0);
  }
  o.min_drop_number = 99;
  sta_stream *none = nullptr;
  sta_error err;
  EXPECT_EQ(sta_stream_new(engine.get(), &o, &none, &err), STA_ERROR_INVALID_ARGUMENT);
  o.min_drop_number = 40;
  EXPECT_EQ(sta_stream_new(engine.get(), &o, &none, &err), STA_ERROR_INVALID_ARGUMENT);
  EXPECT_NE(std::string(err.message).find("should not be above"), std::string::npos) << err.message;
}

TEST(Timeline, EventsOfAStream) {
  sta::Engine engine = open_micro();
  sta::Stream stream(engine, blocking());
  sta_timeline_options o;
  sta_timeline_options_init(&o);
  o.enter_threshold = o.exit_threshold = 0.2;  // random weights: one class is well above a tenth
  sta_timeline *timeline = nullptr;
  sta_error err;
  ASSERT_EQ(sta_timeline_new(10, &o, &timeline, &err), STA_OK) << err.message;
  uint64_t hop = 0;
  sta_stream_get_timing(stream.get(), nullptr, &hop, nullptr);
  sta_event event{};
  event.struct_size = sizeof(event);
  EXPECT_EQ(sta_timeline_pop(timeline, &event), 0);
  const Picture picture(90);
  for (int i = 0; i < 120; ++i) {
    stream.push(picture.frame(static_cast<uint64_t>(i) * 1'000'000'000 / 30));
    while (auto r = stream.pop()) sta_timeline_push(timeline, r->get(), hop);
  }
  ASSERT_EQ(sta_timeline_pop(timeline, &event), 1);
  EXPECT_EQ(event.kind, STA_EVENT_START);
  EXPECT_NEAR(static_cast<double>(event.onset), 12 * 4e9 / 30, 2);  // the newest hop of the first window
  uint64_t onset = 0;
  EXPECT_EQ(sta_timeline_open_event(timeline, event.class_id, &onset), event.id);
  EXPECT_EQ(onset, event.onset);
  sta_timeline_close(timeline);
  sta_event last{};
  last.struct_size = sizeof(last);
  while (sta_timeline_pop(timeline, &last)) {
  }
  EXPECT_EQ(last.kind, STA_EVENT_END);
  o.exit_threshold = 0.9;
  EXPECT_EQ(sta_timeline_configure(timeline, &o, &err), STA_ERROR_INVALID_ARGUMENT);
  sta_timeline_free(timeline);
}

TEST(Engine, IsSharedAndServesAllStreams) {
  sta::Engine a = open_micro(), b = open_micro();
  constexpr int kStreams = 6;
  std::vector<std::unique_ptr<sta::Stream>> streams;
  for (int i = 0; i < kStreams; ++i) streams.push_back(std::make_unique<sta::Stream>(i % 2 ? a : b, blocking()));
  std::vector<std::thread> cameras;
  for (auto &stream : streams) cameras.emplace_back([&stream] { push(*stream, 0, 200); });
  for (auto &camera : cameras) camera.join();
  int largest_batch = 0;
  for (auto &stream : streams) {
    const auto results = collect(*stream);
    EXPECT_EQ(results.size(), 9u);
    for (const auto &r : results) largest_batch = std::max(largest_batch, r.batch_size);
  }
  // Windows of streams opened through both handles can share a pass only if the engine is the same.
  EXPECT_GT(largest_batch, 1);
}

// Windows of different drop numbers do not share a forward pass. Two streams that fit together must not keep the third
// one out for ever.
TEST(Engine, StreamThatFitsNoBatchIsNotStarved) {
  sta::Engine engine = open_micro();
  std::vector<std::unique_ptr<sta::Stream>> streams;
  for (const int drop_number : {0, 5, 0}) {
    sta_stream_options o = sta::Stream::options();
    o.drop_number = drop_number;
    o.sample_interval = o.hop = 1'000'000;  // each frame completes a window: many more than can be classified
    streams.push_back(std::make_unique<sta::Stream>(engine, o));
  }
  const auto begin = std::chrono::steady_clock::now();
  for (uint64_t i = 0; streams[0]->stats().windows_classified < 20 && std::chrono::steady_clock::now() - begin < std::chrono::minutes(2); ++i) {
    const Picture picture(static_cast<uint8_t>(i));
    for (auto &stream : streams) stream->push(picture.frame(i * 1'000'000, 1'000'000));
    std::this_thread::sleep_for(std::chrono::microseconds(200));  // the worker's priority is lower
  }
  EXPECT_GE(streams[0]->stats().windows_classified, 20u);
  EXPECT_GE(streams[1]->stats().windows_classified, 7u);
  EXPECT_GE(streams[2]->stats().windows_classified, 10u);
}

TEST(Engine, ClearErrors) {
  struct Case {
    const char *model, *device, *says;
    sta_status status;
  };
  for (const Case &c : {Case{"", "cpu", "no model given", STA_ERROR_INVALID_ARGUMENT},
                        {"/nonexistent/model", "cpu", "no such model file or folder", STA_ERROR_NOT_FOUND},
                        {"arch:vit_tiny", "cpu", "should be vit_small", STA_ERROR_INVALID_ARGUMENT},
                        {"arch:vit_small", "gpu", "should be auto, cpu, cuda or cuda:N", STA_ERROR_INVALID_ARGUMENT}}) {
    sta_engine_options o = sta::Engine::options();
    o.model = c.model;
    o.device = c.device;
    sta_engine *engine = nullptr;
    sta_error err;
    EXPECT_EQ(sta_engine_open(&o, &engine, &err), c.status);
    EXPECT_EQ(engine, nullptr);
    EXPECT_NE(std::string(err.message).find(c.says), std::string::npos) << err.message;
  }
}

// If there is no usable CUDA device, auto falls back, and cuda says why there is none.
TEST(Engine, AutoFallsBackToTheCpu) {
  sta_engine_options o = sta::Engine::options();
  const std::string model = micro();
  o.model = model.c_str();
  sta::Engine engine = sta::Engine::open(o);
  const std::string device = engine.info().device;
  EXPECT_TRUE(device == "cpu" || device == "cuda:0");
  if (device != "cpu") return;
  o.device = "cuda";
  sta_engine *none = nullptr;
  sta_error err;
  EXPECT_EQ(sta_engine_open(&o, &none, &err), STA_ERROR_DEVICE);
  EXPECT_NE(std::string(err.message).find("device cuda"), std::string::npos) << err.message;
}

// An engine on the CPU accepts no frames of a device. It must say so, follow no pointer, and leave the window under way
// untouched.
TEST(Engine, FramesInCudaMemoryNeedACudaEngine) {
  sta::Engine engine = open_micro();
  EXPECT_EQ(engine.info().cuda_context, nullptr);
  sta::Stream stream(engine, blocking());
  push(stream, 0, 30);
  sta_frame frame = Picture(0).frame(1'000'000'000);
  frame.plane[0] = reinterpret_cast<const uint8_t *>(uintptr_t{4096});
  frame.memory = STA_MEMORY_CUDA;
  try {
    stream.push(frame);
    ADD_FAILURE() << "it was taken";
  } catch (const sta::Exception &e) {
    EXPECT_EQ(e.status(), STA_ERROR_UNSUPPORTED);
    EXPECT_STREQ(e.what(), "model micro_hf runs on cpu: it takes frames in system memory only");
  }
  const int32_t unknown = 7;
  std::memcpy(&frame.memory, &unknown, sizeof(unknown));
  try {
    stream.push(frame);
    ADD_FAILURE() << "it was taken";
  } catch (const sta::Exception &e) {
    EXPECT_EQ(e.status(), STA_ERROR_INVALID_ARGUMENT);
    EXPECT_STREQ(e.what(), "frame in memory 7: it should be system or CUDA");
  }
  push(stream, 30, 61);
  EXPECT_EQ(collect(stream).size(), 1u);

  frame.memory = STA_MEMORY_CUDA;
  std::vector<uint8_t> rgb(64 * 64 * 3);
  sta_error err;
  EXPECT_EQ(sta_preprocess_frame(engine.get(), &frame, STA_RESIZE_AUTO, rgb.data(), &err), STA_ERROR_INVALID_ARGUMENT);
  EXPECT_STREQ(err.message, "only frames in system memory are scaled into system memory");
}

TEST(Engine, FrameMistakesAreNamed) {
  sta::Engine engine = open_micro();
  sta::Stream stream(engine);
  const Picture picture(1);
  sta_frame f = picture.frame(STA_TIME_NONE);
  sta_error err;
  EXPECT_EQ(sta_stream_push(stream.get(), &f, &err), STA_ERROR_INVALID_ARGUMENT);
  EXPECT_NE(std::string(err.message).find("without a time"), std::string::npos);
  f = picture.frame(0);
  f.stride[0] = 10;
  EXPECT_EQ(sta_stream_push(stream.get(), &f, &err), STA_ERROR_INVALID_ARGUMENT);
  EXPECT_NE(std::string(err.message).find("stride"), std::string::npos) << err.message;
  sta_frame uninitialised{};
  EXPECT_EQ(sta_stream_push(stream.get(), &uninitialised, &err), STA_ERROR_INVALID_ARGUMENT);
}

}  // namespace
