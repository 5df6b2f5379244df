// SPDX-License-Identifier: MIT
// Tests windows that fail at random places, by an exception or for lack of memory. Each must be counted and say why it
// failed. The others must not be affected, and nothing may hang.
#include <algorithm>
#include <atomic>
#include <memory>
#include <new>
#include <random>
#include <stdexcept>
#include <thread>

#include "../../sta-core/engine/fault.h"
#include "stream_support.h"

namespace {

using namespace sta::test;

std::atomic<int> g_point{-1};      // where to fail, -1: anywhere
std::atomic<int> g_countdown{-1};  // calls until then, -1: never

void fail_at_countdown(int point) {
  if (g_point >= 0 && point != g_point) return;
  if (g_countdown < 0 || g_countdown-- != 0) return;
  switch (point) {
    case 0:
    case 1:
      throw std::bad_alloc();
    case 2:
      throw std::runtime_error("injected into a block");
    default:
      throw 7;
  }
}

class Fault : public testing::Test {
 protected:
  Fault() { sta_test_set_fault_hook(&fail_at_countdown); }
  ~Fault() override {
    g_countdown = -1;
    sta_test_set_fault_hook(nullptr);
  }
};

TEST_F(Fault, EachPlaceFailsOneWindowAndSaysWhy) {
  sta::Engine engine = open_micro();
  struct Case {
    sta::FaultPoint point;
    sta_status status;
    const char *says;
  };
  for (const Case &c : {Case{sta::FaultPoint::kWindowCopy, STA_ERROR_OUT_OF_MEMORY, "out of memory"},
                        {sta::FaultPoint::kClip, STA_ERROR_OUT_OF_MEMORY, "out of memory"},
                        {sta::FaultPoint::kBlock, STA_ERROR_INTERNAL, "injected into a block"},
                        {sta::FaultPoint::kScores, STA_ERROR_INTERNAL, "unknown exception"}}) {
    sta::Stream stream(engine, blocking());
    g_point = static_cast<int>(c.point);
    // In the second window: the micro model has its embedding and six blocks.
    g_countdown = c.point == sta::FaultPoint::kBlock ? 7 : 1;
    push(stream, 0, 61 + 2 * 16);
    std::vector<sta_status> statuses;
    std::string message;
    while (auto r = stream.pop()) {
      statuses.push_back(r->info().status);
      if (r->info().status == STA_OK) continue;
      message = r->message();
      EXPECT_EQ(sta_result_probabilities(r->get()), nullptr);
      EXPECT_EQ(r->info().window_id, 1u);
      EXPECT_EQ(r->info().window_start, 533333333u);
    }
    EXPECT_EQ(statuses, (std::vector<sta_status>{STA_OK, c.status, STA_OK})) << "point " << static_cast<int>(c.point);
    EXPECT_NE(message.find(c.says), std::string::npos) << message;
    EXPECT_EQ(stream.stats().windows_failed, 1u);
    EXPECT_EQ(stream.stats().windows_classified, 2u);
  }
}

// Four cameras, and a failure every few calls at places that a random generator chooses. Every window must be accounted
// for, and every stream must go on to its end.
TEST_F(Fault, RandomFailuresUnderLoad) {
  sta::Engine engine = open_micro();
  g_point = -1;
  std::atomic<bool> done{false};
  std::thread saboteur([&] {
    std::mt19937 random(5);
    while (!done) {
      if (g_countdown < 0) g_countdown = static_cast<int>(random() % 12);
      std::this_thread::yield();
    }
  });
  std::vector<std::unique_ptr<sta::Stream>> streams;
  for (int i = 0; i < 4; ++i) streams.push_back(std::make_unique<sta::Stream>(engine, i % 2 ? blocking() : sta::Stream::options()));
  std::vector<std::thread> cameras;
  for (auto &stream : streams)
    cameras.emplace_back([&stream] {
      push(*stream, 0, 1000);
      stream->drain();
    });
  for (auto &camera : cameras) camera.join();
  done = true;
  saboteur.join();
  uint64_t failed = 0;
  for (auto &stream : streams) {
    const auto s = stream->stats();
    EXPECT_EQ(s.windows, s.windows_classified + s.windows_failed + s.windows_skipped);
    EXPECT_EQ(s.windows, 60u);  // 59 full ones and a tail
    failed += s.windows_failed;
  }
  EXPECT_GT(failed, 10u);
  g_countdown = -1;
  sta_test_set_fault_hook(nullptr);
  sta::Stream after(engine, blocking());
  push(after, 0, 61);
  EXPECT_EQ(after.stats().windows_classified, 1u) << "the engine works as before";
}

}  // namespace
