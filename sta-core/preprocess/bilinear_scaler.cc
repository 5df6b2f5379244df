// SPDX-License-Identifier: MIT
// Tables and row loop of the bilinear scaler.
#include "preprocess/bilinear_scaler.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "preprocess/color.h"
#include "preprocess/kernels.h"

namespace sta {

namespace {

struct Lerp {
  int64_t left;  // source index; may be -1 or source - 1 at the edges
  float fraction;
};

// As OpenCV: the ratio is inverted twice in double, the position is a float.
Lerp lerp_at(const Axis &axis, int i) {
  const double scale = 1.0 / (static_cast<double>(axis.resized) / axis.source);
  const float position = static_cast<float>((static_cast<double>(axis.crop + i) + 0.5) * scale - 0.5);
  const float left = std::floor(position);
  return {static_cast<int64_t>(left), position - left};
}

int16_t weight11(float w) { return static_cast<int16_t>(std::lrint(w * 2048.0f)); }

void gather(SampleType type, const uint8_t *row, const int32_t *offset, int n, uint16_t *out) {
  switch (type) {
    case SampleType::kByte:
      for (int i = 0; i < n; ++i) out[i] = row[offset[i]];
      break;
    case SampleType::kHigh10:
      for (int i = 0; i < n; ++i) out[i] = static_cast<uint16_t>((row[offset[i]] | row[offset[i] + 1] << 8) >> 6);
      break;
    case SampleType::kLow10:
      for (int i = 0; i < n; ++i) out[i] = (row[offset[i]] | row[offset[i] + 1] << 8) & 0x3ff;
      break;
  }
}

}  // namespace

void BilinearScaler::prepare(const FrameLayout &layout, const Geometry &geometry) {
  layout_ = &layout;
  width_ = geometry.x.output;
  height_ = geometry.y.output;
  channels_ = layout.model == ColorModel::kGray ? 1 : 3;
  const size_t w = static_cast<size_t>(width_), h = static_cast<size_t>(height_);

  weight_left_.resize(w);
  weight_right_.resize(w);
  for (auto &offset : offset_) offset.resize(2 * w);
  const int last_column = geometry.x.source - 1;
  for (int i = 0; i < width_; ++i) {
    Lerp l = lerp_at(geometry.x, i);
    if (l.left < 0) l = {0, 0.0f};
    if (l.left >= last_column) l = {last_column, 0.0f};
    weight_left_[i] = weight11(1.0f - l.fraction);
    weight_right_[i] = weight11(l.fraction);
    const int left = static_cast<int>(l.left), right = std::min(left + 1, last_column);
    for (int c = 0; c < layout.num_components; ++c) {
      const ComponentLayout &component = layout.components[c];
      auto offset_of = [&](int x) { return (component.offset + component.step * (x >> component.shift_x)) * layout.sample_bytes(); };
      offset_[c][i] = offset_of(left);
      offset_[c][width_ + i] = offset_of(right);
    }
  }

  row0_.resize(h);
  row1_.resize(h);
  weight0_.resize(h);
  weight1_.resize(h);
  const int64_t last_row = geometry.y.source - 1;
  for (int i = 0; i < height_; ++i) {
    const Lerp l = lerp_at(geometry.y, i);
    row0_[i] = static_cast<int32_t>(std::clamp<int64_t>(l.left, 0, last_row));
    row1_[i] = static_cast<int32_t>(std::clamp<int64_t>(l.left + 1, 0, last_row));
    weight0_[i] = weight11(1.0f - l.fraction);
    weight1_[i] = weight11(l.fraction);
  }

  samples_.resize(3 * 2 * w);
  pixels_.resize(3 * 2 * w);
  lerped_.resize(2 * static_cast<size_t>(channels_) * w);
  out_.resize(static_cast<size_t>(channels_) * w);
}

// out: [channels][width], 15 bits.
void BilinearScaler::lerp_source_row(const sta_frame &frame, const ColorConversion &conversion, int source_row, int16_t *out) {
  const int n = 2 * width_;
  uint16_t *samples[3];
  uint8_t *pixels[3];
  for (int c = 0; c < 3; ++c) {
    samples[c] = samples_.data() + c * n;
    pixels[c] = pixels_.data() + c * n;
  }
  for (int c = 0; c < layout_->num_components; ++c) {
    const int plane = layout_->components[c].plane;
    const uint8_t *row = frame.plane[plane] + static_cast<ptrdiff_t>(source_row >> layout_->planes[plane].shift_y) * frame.stride[plane];
    if (layout_->model == ColorModel::kRgb)
      for (int i = 0; i < n; ++i) pixels[c][i] = row[offset_[c][i]];
    else
      gather(layout_->type, row, offset_[c].data(), n, samples[c]);
  }
  if (layout_->model == ColorModel::kYuv) kernels::convert_yuv(samples[0], samples[1], samples[2], 0, conversion, n, pixels[0], pixels[1], pixels[2]);
  if (layout_->model == ColorModel::kGray) kernels::convert_gray(samples[0], 0, conversion, n, pixels[0]);
  for (int c = 0; c < channels_; ++c)
    kernels::lerp_columns(pixels[c], pixels[c] + width_, weight_left_.data(), weight_right_.data(), width_, out + c * width_);
}

void BilinearScaler::run(const sta_frame &frame, uint8_t *rgb) {
  const ColorConversion conversion = make_color_conversion(layout_->model == ColorModel::kYuv ? frame.matrix : STA_MATRIX_RGB, frame.full_range != 0,
                                                           layout_->type == SampleType::kByte ? 8 : 10, 1);
  const int n = channels_ * width_;
  int16_t *upper = lerped_.data(), *lower = lerped_.data() + n;
  int upper_row = -1, lower_row = -1;  // source rows held there
  const uint8_t *r = out_.data(), *g = channels_ == 3 ? r + width_ : r, *b = channels_ == 3 ? g + width_ : r;
  for (int y = 0; y < height_; ++y) {
    if (row0_[y] == lower_row) {
      std::swap(upper, lower);
      std::swap(upper_row, lower_row);
    }
    if (row0_[y] != upper_row) {
      lerp_source_row(frame, conversion, row0_[y], upper);
      upper_row = row0_[y];
    }
    if (row1_[y] != lower_row) {
      // At the bottom edge both rows are the same one: a copy is cheaper to reason about than an alias.
      if (row1_[y] == upper_row)
        std::copy(upper, upper + n, lower);
      else
        lerp_source_row(frame, conversion, row1_[y], lower);
      lower_row = row1_[y];
    }
    kernels::lerp_rows(upper, lower, weight0_[y], weight1_[y], n, out_.data());
    kernels::interleave(r, g, b, width_, rgb + static_cast<size_t>(y) * width_ * 3);
  }
}

}  // namespace sta
