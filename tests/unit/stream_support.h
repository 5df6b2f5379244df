// SPDX-License-Identifier: MIT
// Helpers of the stream tests: the micro model, gray pictures as frames, results as a list. STA_GOLDEN_MADE_DIR comes
// from meson.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "sta/sta.hpp"

namespace sta::test {

constexpr uint64_t kFrame = 1'000'000'000 / 30;

inline std::string micro() { return std::string(STA_GOLDEN_MADE_DIR) + "/checkpoints/micro_hf"; }

inline Engine open_micro(uint64_t batch_timeout = 0, int max_batch = 4) {
  sta_engine_options o = Engine::options();
  const std::string model = micro();
  o.model = model.c_str();
  o.device = "cpu";
  o.precision = STA_PRECISION_FP32;
  o.batch_timeout = batch_timeout;
  o.max_batch = max_batch;
  return Engine::open(o);
}

// A gray picture.
struct Picture {
  explicit Picture(uint8_t value) : pixels(64 * 64, value) {}
  sta_frame frame(uint64_t time, uint64_t duration = kFrame) const {
    sta_frame f;
    sta_frame_init(&f);
    f.format = STA_FORMAT_GRAY8;
    f.full_range = 1;
    f.width = f.height = 64;
    f.plane[0] = pixels.data();
    f.stride[0] = 64;
    f.time = time;
    f.duration = duration;
    return f;
  }
  std::vector<uint8_t> pixels;
};

// Frames from .. to - 1 of a 30 fps stream whose brightness is their index.
inline void push(Stream &stream, int from, int to, uint64_t start = 0) {
  for (int i = from; i < to; ++i) {
    const Picture picture(static_cast<uint8_t>(i % 200 + 20));
    stream.push(picture.frame(start + static_cast<uint64_t>(i) * 1'000'000'000 / 30));
  }
}

inline std::vector<sta_result_info> collect(Stream &stream) {
  std::vector<sta_result_info> all;
  while (auto r = stream.pop()) all.push_back(r->info());
  return all;
}

inline sta_stream_options blocking() {
  sta_stream_options o = Stream::options();
  o.blocking = 1;
  return o;
}

}  // namespace sta::test
