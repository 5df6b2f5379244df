// SPDX-License-Identifier: MIT
// The frame kernel. For a frame in device memory it does the same as preprocess/ does on the CPU, bit for bit. It also
// normalises, and writes the result in the model's type straight into a time step of a clip. All arithmetic up to the
// 8-bit level is on integers. Tables and colour factors are the CPU's own (frame_plan.h).
//
// One thread computes one output pixel. Bilinear: the thread reads at most 2 x 2 source pixels, so scaling 1080p to 224
// x 224 touches a tenth of the frame in any format. Antialiased: the CPU filters whole rows first and then columns of
// the result. A thread here does the same for the few samples that its pixel needs. Neighbours repeat some of that
// work, which costs less than writing the rows and reading them back.
#include "cuda/numeric.h"
#include "cuda/sta_cuda.h"
#include "cuda/status.h"

namespace sta::cuda {
namespace {

constexpr int kPixelsPerBlock = 128, kColorBits = 21;

__device__ __forceinline__ int32_t sample_at(const sta_cuda_frame_args &a, int c, int x, int y) {
  const auto &component = a.component[c];
  const uint8_t *row = a.plane[component.plane] + static_cast<int64_t>(y >> a.shift_y[component.plane]) * a.stride[component.plane];
  const int i = component.offset + component.step * (x >> component.shift_x);
  if (a.sample == STA_CUDA_BYTE) return row[i];
  const int32_t word = row[2 * i] | row[2 * i + 1] << 8;
  return a.sample == STA_CUDA_HIGH10 ? word >> 6 : word & 0x3ff;
}

__device__ __forceinline__ int32_t level_of(int32_t fixed) {
  const int32_t level = (fixed + (1 << (kColorBits - 1))) >> kColorBits;
  return level < 0 ? 0 : level > 255 ? 255 : level;
}

// One source pixel: rgb[i] in 0..255. A gray pixel sets rgb[0] only.
__device__ __forceinline__ void pixel_at(const sta_cuda_frame_args &a, int x, int y, int32_t (&rgb)[3]) {
  int32_t sample[3] = {0, 0, 0};
  for (int c = 0; c < a.components; ++c) sample[c] = sample_at(a, c, x, y);
  if (!a.convert) {
    for (int c = 0; c < 3; ++c) rgb[c] = sample[c];
    return;
  }
  const int32_t luma = (sample[0] - a.y_zero) * a.ky, cb = sample[1] - a.c_zero, cr = sample[2] - a.c_zero;
  if (a.components == 1) {
    rgb[0] = level_of(luma);
    return;
  }
  rgb[0] = level_of(luma + cr * a.krv);
  rgb[1] = level_of(luma - cb * a.kgu - cr * a.kgv);
  rgb[2] = level_of(luma + cb * a.kbu);
}

// Bilinear: level[c] in 0..255 at an output pixel.
__device__ __forceinline__ void bilinear_at(const sta_cuda_frame_args &a, int column, int row, int32_t (&level)[3]) {
  const int32_t x[2] = {a.columns[column], a.columns[a.width + column]}, y[2] = {a.rows[row], a.rows[a.height + row]};
  const int32_t x_weight[2] = {a.columns[2 * a.width + column], a.columns[3 * a.width + column]};
  const int32_t y_weight[2] = {a.rows[2 * a.height + row], a.rows[3 * a.height + row]};
  for (int c = 0; c < 3; ++c) level[c] = 2;  // rounds the two bits that are cut off at the end
  for (int j = 0; j < 2; ++j) {
    int32_t left[3] = {}, right[3] = {};
    pixel_at(a, x[0], y[j], left);
    pixel_at(a, x[1], y[j], right);
    // As in OpenCV's vector code: a row has 15 bits, and the upper half of the product is kept.
    for (int c = 0; c < 3; ++c) level[c] += ((left[c] * x_weight[0] + right[c] * x_weight[1]) >> 4) * y_weight[j] >> 16;
  }
  for (int c = 0; c < 3; ++c) level[c] >>= 2;
}

// A sample in Q8, see kernels.h.
__device__ __forceinline__ uint32_t q8_at(const sta_cuda_frame_args &a, const uint8_t *row, int i) {
  if (a.sample == STA_CUDA_BYTE) return static_cast<uint32_t>(row[i]) << 8;
  const uint32_t word = row[2 * i] | row[2 * i + 1] << 8;
  return a.sample == STA_CUDA_HIGH10 ? word & 0xffc0 : word << 6 & 0xffff;
}

// Weighted sum of value(index) over the taps of output i, as a 16-bit number. It equals filter_rows and filter_columns
// of kernels.h, and their exact forms.
template <typename Value>
__device__ __forceinline__ uint32_t filtered(const sta_cuda_taps &taps, int i, const Value &value) {
  uint32_t sum = taps.exact ? 1u << 15 : static_cast<uint32_t>(taps.bias[i]);
  for (int32_t k = taps.begin[i]; k < taps.begin[i + 1]; ++k) {
    const uint32_t product = value(taps.index[k]) * static_cast<uint32_t>(taps.weight[k]);
    sum += taps.exact ? product : product >> 16;
  }
  return (taps.exact ? sum >> 16 : sum) & 0xffff;
}

// Antialiased: level[c] in 0..255 at an output pixel. The planes are filtered as they are, and then the pixel is
// converted, as in antialias_scaler.h.
__device__ __forceinline__ void antialiased_at(const sta_cuda_frame_args &a, int column, int row, int32_t (&level)[3]) {
  constexpr int32_t kShift = 2, kHalf = 1 << kShift >> 1;  // two of the eight fraction bits are cut before the conversion
  int32_t q8[3] = {0, 0, 0};
  for (int c = 0; c < a.components; ++c) {
    const auto &component = a.component[c];
    const sta_cuda_taps &rows = a.row_taps[a.shift_y[component.plane]];
    q8[c] = static_cast<int32_t>(filtered(a.column_taps[c], column, [&](int32_t sample) {
      const int i = component.offset + component.step * sample;
      return filtered(rows, row,
                      [&](int32_t y) { return q8_at(a, a.plane[component.plane] + static_cast<int64_t>(y) * a.stride[component.plane], i); });
    }));
  }
  if (!a.convert) {
    for (int c = 0; c < 3; ++c) {
      const int32_t rounded = (q8[c] + 128) >> 8;
      level[c] = rounded < 255 ? rounded : 255;
    }
    return;
  }
  const int32_t luma = (((q8[0] + kHalf) >> kShift) - a.y_zero) * a.ky;
  if (a.components == 1) {
    level[0] = level_of(luma);
    return;
  }
  const int32_t cb = ((q8[1] + kHalf) >> kShift) - a.c_zero, cr = ((q8[2] + kHalf) >> kShift) - a.c_zero;
  level[0] = level_of(luma + cr * a.krv);
  level[1] = level_of(luma - cb * a.kgu - cr * a.kgv);
  level[2] = level_of(luma + cb * a.kbu);
}

// Grid: columns / kPixelsPerBlock x rows.
template <typename T, bool kAntialias>
__global__ void __launch_bounds__(kPixelsPerBlock) frame_to_clip(sta_cuda_frame_args a) {
  const int column = static_cast<int>(blockIdx.x) * kPixelsPerBlock + static_cast<int>(threadIdx.x), row = static_cast<int>(blockIdx.y);
  if (column >= a.width) return;
  int32_t level[3] = {0, 0, 0};
  if constexpr (kAntialias)
    antialiased_at(a, column, row, level);
  else
    bilinear_at(a, column, row, level);
  const int x = a.flip_x ? a.width - 1 - column : column, y = a.flip_y ? a.height - 1 - row : row;
  T *out = static_cast<T *>(a.out) + (a.swap ? x * a.out_row + y : y * a.out_row + x);
  for (int c = 0; c < 3; ++c) {
    const float value = static_cast<float>(level[a.components == 1 ? 0 : c]);
    out[c * a.out_channel] = from_float<T>(value * a.scale[c] + a.shift[c]);
  }
}

template <typename T>
void launch_frame(const sta_cuda_frame_args &a, cudaStream_t stream) {
  const dim3 grid(static_cast<unsigned>((a.width + kPixelsPerBlock - 1) / kPixelsPerBlock), static_cast<unsigned>(a.height));
  if (a.antialias)
    STA_LAUNCH((frame_to_clip<T, true>), grid, dim3(kPixelsPerBlock), 0, stream, a);
  else
    STA_LAUNCH((frame_to_clip<T, false>), grid, dim3(kPixelsPerBlock), 0, stream, a);
}

bool complete(const sta_cuda_taps &taps) { return taps.begin && taps.index && taps.weight && taps.bias; }

// Whether all tables are there that the resampling reads.
bool has_tables(const sta_cuda_frame_args &a) {
  if (!a.antialias) return a.columns && a.rows;
  for (int c = 0; c < a.components; ++c)
    if (!complete(a.column_taps[c]) || !complete(a.row_taps[a.shift_y[a.component[c].plane]])) return false;
  return true;
}

}  // namespace
}  // namespace sta::cuda

using namespace sta::cuda;

extern "C" sta_cuda_status sta_cuda_frame(const sta_cuda_frame_args *args, void *stream_pointer, char *message) {
  const sta_cuda_frame_args &a = *args;
  auto unsupported = [&](const char *why) { return report(STA_CUDA_UNSUPPORTED, "frame", why, message); };
  if (a.type < STA_CUDA_FP32 || a.type > STA_CUDA_BF16) return unsupported("type is none of fp32, fp16, bf16");
  if (a.sample < STA_CUDA_BYTE || a.sample > STA_CUDA_LOW10) return unsupported("unknown kind of sample");
  if (a.components != 1 && a.components != 3) return unsupported("there must be 1 or 3 components");
  if (a.width < 1 || a.height < 1 || a.width > 65535 || a.height > 65535) return unsupported("the picture is not within 1 .. 65535 pixels a side");
  for (int c = 0; c < a.components; ++c) {
    if (a.component[c].plane < 0 || a.component[c].plane > 2) return unsupported("a component names a plane that there cannot be");
    if (!a.plane[a.component[c].plane]) return unsupported("a plane is NULL");
    if (a.shift_y[a.component[c].plane] < 0 || a.shift_y[a.component[c].plane] > 1) return unsupported("shift_y is neither 0 nor 1");
  }
  if (!has_tables(a) || !a.out) return unsupported("a pointer is NULL");
  const auto stream = static_cast<cudaStream_t>(stream_pointer);
  if (a.type == STA_CUDA_FP32) launch_frame<float>(a, stream);
  if (a.type == STA_CUDA_FP16) launch_frame<Half>(a, stream);
  if (a.type == STA_CUDA_BF16) launch_frame<Bfloat16>(a, stream);
  return finish("frame", message);
}
