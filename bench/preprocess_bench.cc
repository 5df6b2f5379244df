// SPDX-License-Identifier: MIT
// Times Preprocessor::run for one frame, with both resamplings, for the frame formats that cameras send, and the search
// for still tokens in one window of 16 pictures. This is the part of staaction that runs in the streaming thread.
//
//   preprocess_bench [--json] [--runs N]   median and 99th percentile of N runs (default 300) after warm-up, one core,
//                                          caches as after one frame of noise
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "preprocess/preprocess.h"
#include "stillness/still_mask.h"

namespace {

struct Case {
  const char *format_name;
  sta_pixel_format format;
};
constexpr Case kCases[] = {{"NV12", STA_FORMAT_NV12}, {"I420", STA_FORMAT_I420}, {"YUY2", STA_FORMAT_YUY2},
                           {"RGB", STA_FORMAT_RGB},   {"BGRX", STA_FORMAT_BGRX}, {"P010", STA_FORMAT_P010_LE}};
struct Size {
  const char *name;
  int width, height;
};
constexpr Size kSizes[] = {{"VGA", 640, 480}, {"1080p", 1920, 1080}, {"4K", 3840, 2160}};

struct Times {
  long long median_ns, p99_ns;
};

Times sorted(std::vector<long long> ns) {
  std::sort(ns.begin(), ns.end());
  return {ns[ns.size() / 2], ns[ns.size() * 99 / 100]};
}

// Which tokens are still takes the same work whatever the pictures show.
Times measure_still(int output, int runs) {
  const sta::StillGrid grid{8, 2, output / 16, output / 16, 16, {0.017f, 0.017f, 0.017f}};
  std::vector<std::vector<uint8_t>> pictures(16, std::vector<uint8_t>(static_cast<size_t>(output) * output * 3, 128));
  std::vector<const uint8_t *> frames;
  for (const auto &picture : pictures) frames.push_back(picture.data());
  sta::StillMask mask;
  std::vector<long long> ns;
  for (int i = -10; i < runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    sta::find_still(grid, frames.data(), 0.1f, mask);
    const auto end = std::chrono::steady_clock::now();
    if (i >= 0) ns.push_back(std::chrono::duration_cast<std::chrono::nanoseconds>(end - begin).count());
  }
  return sorted(std::move(ns));
}

Times measure(const Case &c, const Size &size, int output, bool antialias, int runs) {
  const sta::FrameLayout &layout = *sta::frame_layout(c.format);
  std::vector<uint8_t> planes[3];
  sta_frame frame{};
  frame.struct_size = sizeof(frame);
  frame.format = c.format;
  frame.width = size.width;
  frame.height = size.height;
  frame.matrix = STA_MATRIX_BT709;
  uint32_t state = 1;
  for (int p = 0; p < layout.num_planes; ++p) {
    frame.stride[p] = layout.row_bytes(p, size.width);
    planes[p].resize(static_cast<size_t>(frame.stride[p]) * ((size.height + (1 << layout.planes[p].shift_y) - 1) >> layout.planes[p].shift_y));
    for (uint8_t &byte : planes[p]) byte = static_cast<uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
    frame.plane[p] = planes[p].data();
  }
  sta::Preprocessor preprocessor({output, output, output, antialias});
  std::vector<uint8_t> rgb(static_cast<size_t>(output) * output * 3);
  std::vector<long long> ns;
  for (int i = -10; i < runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    if (auto status = preprocessor.run(frame, rgb.data()); !status) {
      std::fprintf(stderr, "preprocess_bench: %s\n", status.error().message.c_str());
      std::exit(1);
    }
    const auto end = std::chrono::steady_clock::now();
    if (i >= 0) ns.push_back(std::chrono::duration_cast<std::chrono::nanoseconds>(end - begin).count());
  }
  return sorted(std::move(ns));
}

}  // namespace

int main(int argc, char **argv) {
  bool json = false;
  int runs = 300;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--json")) {
      json = true;
    } else if (!std::strcmp(argv[i], "--runs") && i + 1 < argc && std::atoi(argv[i + 1]) > 0) {
      runs = std::atoi(argv[++i]);
    } else {
      std::fprintf(stderr, "usage: preprocess_bench [--json] [--runs N]\n");
      return 2;
    }
  }
  if (!json) std::printf("%-6s %-5s %7s %-9s %12s %12s\n", "size", "format", "output", "resize", "median ns", "p99 ns");
  const char *separator = "[";
  for (const Size &size : kSizes)
    for (const Case &c : kCases)
      for (int output : {96, 224})
        for (bool antialias : {false, true}) {
          const Times t = measure(c, size, output, antialias, runs);
          const char *resize = antialias ? "antialias" : "bilinear";
          if (json) {
            std::printf("%s{\"size\":\"%s\",\"format\":\"%s\",\"output\":%d,\"resize\":\"%s\",\"median_ns\":%lld,\"p99_ns\":%lld}", separator,
                        size.name, c.format_name, output, resize, t.median_ns, t.p99_ns);
            separator = ",\n ";
          } else {
            std::printf("%-6s %-5s %7d %-9s %12lld %12lld\n", size.name, c.format_name, output, resize, t.median_ns, t.p99_ns);
          }
        }
  for (int output : {96, 224}) {
    const Times t = measure_still(output, runs);
    if (json)
      std::printf("%s{\"size\":\"window\",\"format\":\"RGB\",\"output\":%d,\"resize\":\"still\",\"median_ns\":%lld,\"p99_ns\":%lld}", separator,
                  output, t.median_ns, t.p99_ns);
    else
      std::printf("%-6s %-5s %7d %-9s %12lld %12lld\n", "window", "RGB", output, "still", t.median_ns, t.p99_ns);
  }
  if (json) std::printf("]\n");
  return 0;
}
