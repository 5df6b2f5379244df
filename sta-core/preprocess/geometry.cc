// SPDX-License-Identifier: MIT
// The arithmetic of geometry.h. The largest products are 4096 * 32768 * par, par below 2^31: below 2^58, within 64 bits.
#include "preprocess/geometry.h"

#include <string>

namespace sta {

namespace {
constexpr int64_t kMaxAspect = 64;  // real ones lie within 1/4 .. 4; beyond this the frame is a mislabelled stripe
}

Result<Geometry> make_geometry(const sta_frame &frame, int height, int width, int short_side) {
  int64_t par_n = frame.par_n, par_d = frame.par_d;
  if (par_n == 0 && par_d == 0) par_n = par_d = 1;
  if (par_n <= 0 || par_d <= 0 || par_n > kMaxAspect * par_d || par_d > kMaxAspect * par_n)
    return Error{STA_ERROR_INVALID_ARGUMENT, "pixel aspect ratio " + std::to_string(frame.par_n) + "/" + std::to_string(frame.par_d) +
                                                 " is not within 1/" + std::to_string(kMaxAspect) + " .. " + std::to_string(kMaxAspect) + "/1"};
  // Displayed width : displayed height = wide : tall.
  const int64_t wide = frame.width * par_n, tall = frame.height * par_d;
  int64_t resized_w = short_side, resized_h = short_side;
  if (wide < tall)
    resized_h = short_side * tall / wide;
  else
    resized_w = short_side * wide / tall;
  if (resized_w < width) {
    resized_w = width;
    resized_h = width * tall / wide;
  }
  if (resized_h < height) {
    resized_h = height;
    resized_w = height * wide / tall;
  }
  return Geometry{{frame.width, resized_w, (resized_w - width) / 2, width}, {frame.height, resized_h, (resized_h - height) / 2, height}};
}

}  // namespace sta
