// SPDX-License-Identifier: MIT
// See frame.h.
#include "frame.h"

#include <string>

#include "core_loader.h"
#include "errors.h"

namespace sta::python {

namespace nb = nanobind;

namespace {

using Array = nb::ndarray<nb::ro, nb::device::cpu>;

enum class Packing { kPlanar420, kBiplanar420, kPacked };

struct Format {
  const char *name;
  Packing packing;
  size_t channels;  // of kPacked; 1: a plane of two dimensions
  size_t bytes;     // of a sample
};

// In the order of sta_pixel_format, from 1.
constexpr Format kFormats[] = {
    {"I420", Packing::kPlanar420, 1, 1},   {"YV12", Packing::kPlanar420, 1, 1},    {"NV12", Packing::kBiplanar420, 1, 1},
    {"YUY2", Packing::kPacked, 2, 1},      {"UYVY", Packing::kPacked, 2, 1},       {"RGB", Packing::kPacked, 3, 1},
    {"BGR", Packing::kPacked, 3, 1},       {"RGBX", Packing::kPacked, 4, 1},       {"BGRX", Packing::kPacked, 4, 1},
    {"XRGB", Packing::kPacked, 4, 1},      {"XBGR", Packing::kPacked, 4, 1},       {"GRAY8", Packing::kPacked, 1, 1},
    {"P010", Packing::kBiplanar420, 1, 2}, {"I420_10", Packing::kPlanar420, 1, 2},
};
constexpr int kNumFormats = static_cast<int>(sizeof(kFormats) / sizeof(kFormats[0]));

[[noreturn]] void refuse(const std::string &message) { fail(STA_ERROR_INVALID_ARGUMENT, message); }

std::string shape_of(const Array &array) {
  std::string text = "(";
  for (size_t i = 0; i < array.ndim(); ++i) text += (i ? ", " : "") + std::to_string(array.shape(i));
  return text + (array.ndim() == 1 ? ",)" : ")");
}

std::string shape_of(size_t rows, size_t columns, size_t channels) {
  return "(" + std::to_string(rows) + ", " + std::to_string(columns) + (channels > 1 ? ", " + std::to_string(channels) : "") + ")";
}

// A plane: rows x columns (x channels). The samples of a row lie side by side; rows may be anywhere. A plane of two
// channels may have them as columns.
void add_plane(sta_frame *frame, size_t index, const Array &array, const Format &format, size_t rows, size_t columns, size_t channels,
               bool flat_too) {
  const std::string name = std::string(format.name) + ", plane " + std::to_string(index) + ": ";
  if (array.dtype() != (format.bytes == 1 ? nb::dtype<uint8_t>() : nb::dtype<uint16_t>()))
    refuse(name + "the samples should be numpy." + (format.bytes == 1 ? "uint8" : "uint16"));
  const bool deep = channels > 1 && array.ndim() == 3;
  const bool fits = deep ? array.shape(0) == rows && array.shape(1) == columns && array.shape(2) == channels
                         : array.ndim() == 2 && (channels == 1 || flat_too) && array.shape(0) == rows && array.shape(1) == columns * channels;
  if (!fits) refuse(name + "the shape is " + shape_of(array) + " and should be " + shape_of(rows, columns, channels));
  // Strides are in samples. They mean nothing where there is only one sample.
  const bool tight = deep ? (array.stride(2) == 1 && (columns == 1 || array.stride(1) == static_cast<int64_t>(channels)))
                          : (array.shape(1) == 1 || array.stride(1) == 1);
  if (!tight)
    refuse(name +
           "the samples of a row do not lie side by side (a view such as [..., ::-1]): use numpy.ascontiguousarray, or format='BGR' for "
           "pictures of OpenCV");
  const int64_t row = static_cast<int64_t>(columns * channels * format.bytes);
  const int64_t stride = rows == 1 ? row : array.stride(0) * static_cast<int64_t>(format.bytes);
  if (stride > INT32_MAX || stride < INT32_MIN) refuse(name + "the rows lie more than 2 GiB apart");
  frame->plane[index] = static_cast<const uint8_t *>(array.data());
  frame->stride[index] = static_cast<int32_t>(stride);
}

}  // namespace

HeldFrame hold_frame(nb::sequence planes, int number, nb::dict options) {
  if (number < 1 || number > kNumFormats) refuse("the pixel format is unknown");
  const Format &format = kFormats[number - 1];
  HeldFrame held;
  sta_frame &frame = held.frame;
  core().sta_frame_init_sized(&frame, sizeof(frame));
  for (nb::handle plane : planes) {
    Array array;
    if (!nb::try_cast(plane, array) || !array.is_valid())
      refuse(std::string(format.name) + ": a plane should be a numpy array in the memory of the host");
    held.planes.push_back(std::move(array));
  }
  const size_t wanted = format.packing == Packing::kPacked ? 1 : format.packing == Packing::kBiplanar420 ? 2 : 3;
  if (held.planes.size() != wanted)
    refuse(std::string(format.name) + " has " + std::to_string(wanted) + (wanted == 1 ? " plane" : " planes") + ", not " +
           std::to_string(held.planes.size()));
  const Array &first = held.planes[0];
  if (first.ndim() < 2 || first.shape(0) < 1 || first.shape(1) < 1 || first.shape(0) > 32768 || first.shape(1) > 32768)
    refuse(std::string(format.name) + ": the shape " + shape_of(first) + " is no picture; height and width should be 1 to 32768");
  const size_t rows = first.shape(0), columns = first.shape(1);
  frame.format = static_cast<sta_pixel_format>(number);
  frame.height = static_cast<int32_t>(rows);
  frame.width = static_cast<int32_t>(columns);
  if (format.packing == Packing::kPacked && format.channels == 2 && columns % 2) refuse(std::string(format.name) + ": the width should be even");
  add_plane(&frame, 0, first, format, rows, columns, format.channels, false);
  const size_t half_rows = (rows + 1) / 2, half_columns = (columns + 1) / 2;
  for (size_t i = 1; i < wanted; ++i)
    add_plane(&frame, i, held.planes[i], format, half_rows, half_columns, format.packing == Packing::kBiplanar420 ? 2 : 1, true);

  int matrix = STA_MATRIX_RGB, orientation = STA_ORIENTATION_NONE;
  if (format.packing != Packing::kPacked || format.channels == 2) matrix = rows > 576 ? STA_MATRIX_BT709 : STA_MATRIX_BT601;
  bool full_range = false, discont = false;
  take(options, "time", &frame.time);
  take(options, "duration", &frame.duration);
  take(options, "matrix", &matrix);
  take(options, "full_range", &full_range);
  take(options, "par_n", &frame.par_n);
  take(options, "par_d", &frame.par_d);
  take(options, "discont", &discont);
  take(options, "orientation", &orientation);
  frame.matrix = static_cast<sta_color_matrix>(matrix);
  frame.full_range = full_range;
  frame.flags = discont ? STA_FRAME_DISCONT : STA_FRAME_NONE;
  frame.orientation = static_cast<sta_orientation>(orientation);
  return held;
}

}  // namespace sta::python
