// SPDX-License-Identifier: MIT
// The table of pixel formats, and the function that checks a frame against it.
#include "preprocess/frame_layout.h"

#include <cstdlib>
#include <cstring>
#include <string>

namespace sta {

namespace {

constexpr int kMaxSize = 32768;

constexpr PlaneLayout kPlaneY{"Y", 1, 0, 0}, kPlaneU{"U", 1, 1, 1}, kPlaneV{"V", 1, 1, 1}, kPlaneUV{"UV", 2, 1, 1};
constexpr PlaneLayout kPacked422{"YUV", 4, 1, 0}, kPacked3{"RGB", 3, 0, 0}, kPacked4{"RGB", 4, 0, 0};
constexpr ComponentLayout kLuma{0, 0, 1, 0};

constexpr FrameLayout planar420(const char *name, SampleType type, bool v_first) {
  return {name,
          ColorModel::kYuv,
          type,
          3,
          3,
          {kPlaneY, v_first ? kPlaneV : kPlaneU, v_first ? kPlaneU : kPlaneV},
          {kLuma, {v_first ? 2 : 1, 0, 1, 1}, {v_first ? 1 : 2, 0, 1, 1}}};
}
constexpr FrameLayout biplanar420(const char *name, SampleType type) {
  return {name, ColorModel::kYuv, type, 2, 3, {kPlaneY, kPlaneUV, {}}, {kLuma, {1, 0, 2, 1}, {1, 1, 2, 1}}};
}
constexpr FrameLayout packed422(const char *name, int y, int u, int v) {
  return {name, ColorModel::kYuv, SampleType::kByte, 1, 3, {kPacked422, {}, {}}, {{0, y, 2, 0}, {0, u, 4, 1}, {0, v, 4, 1}}};
}
constexpr FrameLayout packed_rgb(const char *name, int bytes, int r, int g, int b) {
  return {name,
          ColorModel::kRgb,
          SampleType::kByte,
          1,
          3,
          {bytes == 3 ? kPacked3 : kPacked4, {}, {}},
          {{0, r, bytes, 0}, {0, g, bytes, 0}, {0, b, bytes, 0}}};
}

// In the order of sta_pixel_format, from 1.
constexpr FrameLayout kLayouts[] = {
    planar420("I420", SampleType::kByte, false),
    planar420("YV12", SampleType::kByte, true),
    biplanar420("NV12", SampleType::kByte),
    packed422("YUY2", 0, 1, 3),
    packed422("UYVY", 1, 0, 2),
    packed_rgb("RGB", 3, 0, 1, 2),
    packed_rgb("BGR", 3, 2, 1, 0),
    packed_rgb("RGBX", 4, 0, 1, 2),
    packed_rgb("BGRX", 4, 2, 1, 0),
    packed_rgb("XRGB", 4, 1, 2, 3),
    packed_rgb("XBGR", 4, 3, 2, 1),
    {"GRAY8", ColorModel::kGray, SampleType::kByte, 1, 1, {kPlaneY, {}, {}}, {kLuma, {}, {}}},
    biplanar420("P010_LE", SampleType::kHigh10),
    planar420("I420_10LE", SampleType::kLow10, false),
};
static_assert(sizeof(kLayouts) / sizeof(kLayouts[0]) == STA_FORMAT_I420_10LE);

// A caller in C may store any number in an enum. C++ must not even load such a number as that enum.
template <typename Enum>
int32_t number_of(const Enum &value) {
  static_assert(sizeof(Enum) == sizeof(int32_t));
  int32_t number;
  std::memcpy(&number, &value, sizeof(number));
  return number;
}

Error invalid(std::string message) { return Error{STA_ERROR_INVALID_ARGUMENT, std::move(message)}; }

}  // namespace

const FrameLayout *frame_layout(sta_pixel_format format) {
  return format < STA_FORMAT_I420 || format > STA_FORMAT_I420_10LE ? nullptr : &kLayouts[format - 1];
}

Status check_frame(const sta_frame &frame) {
  const int32_t format = number_of(frame.format);
  if (format < STA_FORMAT_I420 || format > STA_FORMAT_I420_10LE)
    return invalid("pixel format " + std::to_string(format) + " is unknown, expected a sta_pixel_format from I420 to I420_10LE");
  const FrameLayout &layout = *frame_layout(frame.format);
  if (frame.width < 1 || frame.height < 1 || frame.width > kMaxSize || frame.height > kMaxSize)
    return invalid("frame size " + std::to_string(frame.width) + "x" + std::to_string(frame.height) + " is not within 1 .. " +
                   std::to_string(kMaxSize));
  const int32_t matrix = number_of(frame.matrix);
  if (layout.model == ColorModel::kYuv && (matrix < STA_MATRIX_BT601 || matrix > STA_MATRIX_FCC))
    return invalid(std::string(layout.name) + " frame with color matrix " + (matrix == STA_MATRIX_RGB ? std::string("RGB") : std::to_string(matrix)) +
                   ": a YUV format needs BT601, BT709, BT2020, SMPTE240M or FCC");
  const int32_t orientation = number_of(frame.orientation);
  if (orientation < STA_ORIENTATION_NONE || orientation > STA_ORIENTATION_ANTITRANSPOSED)
    return invalid("orientation " + std::to_string(orientation) + " is unknown, expected a sta_orientation, 0 to 7");
  for (int p = 0; p < layout.num_planes; ++p) {
    auto plane = [&] { return "plane " + std::to_string(p) + " (" + layout.planes[p].name + ") of the " + layout.name + " frame"; };
    if (!frame.plane[p]) return invalid(plane() + " is NULL");
    const int row = layout.row_bytes(p, frame.width);
    if (std::abs(static_cast<int64_t>(frame.stride[p])) < row)
      return invalid(plane() + " has a stride of " + std::to_string(frame.stride[p]) + " bytes, but a row of " + std::to_string(frame.width) +
                     " pixels needs " + std::to_string(row));
  }
  return ok();
}

}  // namespace sta
