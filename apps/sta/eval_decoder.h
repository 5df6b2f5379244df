// SPDX-License-Identifier: MIT
// Turns a video file into the pictures of its views, at model size. There are two ways to choose frames:
//   by index (dense, uniform)  as the published evaluations do, see eval_views.h. Like them it ignores the pixel aspect
//                              ratio.
//   by time (window)           the windows that staaction makes of the same file, by the same sampling grid. Windows
//                              that the end of the video cuts count only if the video has no other.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "eval_views.h"
#include "sta/sta.hpp"

namespace cli {

/// The views of one video. Move-only.
struct ViewSet {
  int frames = 0;                                    // decoded
  double seconds = 0;                                // spent on decoding and scaling
  std::vector<std::unique_ptr<uint8_t[]>> pictures;  // each u8 [crops, H, W, 3]
  std::vector<std::vector<const uint8_t *>> views;   // [clips * crops][T] into the pictures; the crops of a clip follow one another
};

/// Not thread-safe; each thread needs its own.
class ViewDecoder {
 public:
  /// Throws sta::Exception if the library refuses an option.
  ViewDecoder(const sta::Engine &engine, const ViewPlan &plan, sta_resize resize);
  ~ViewDecoder();
  ViewDecoder(const ViewDecoder &) = delete;
  ViewDecoder &operator=(const ViewDecoder &) = delete;

  /// Throws RunError or sta::Exception with a sentence that says why there are no views: no such file, broken, no
  /// frames, too short.
  ViewSet decode(const std::string &video);

 private:
  ViewSet by_index(const std::string &video);
  ViewSet by_time(const std::string &video);
  std::unique_ptr<uint8_t[]> picture(const sta_frame &frame);
  void add_crops(ViewSet &set, const std::vector<const uint8_t *> &clip) const;

  ViewPlan plan_;
  size_t crop_bytes_;  // one crop of one frame
  uint64_t interval_;  // ns, of windows
  sta_preprocessor *preprocessor_ = nullptr;
};

}  // namespace cli
