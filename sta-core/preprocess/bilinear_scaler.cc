// SPDX-License-Identifier: MIT
// Tables and row loop of the bilinear scaler.
#include "preprocess/bilinear_scaler.h"

#include <algorithm>
#include <utility>

#include "preprocess/color.h"
#include "preprocess/kernels.h"

namespace sta {

namespace {

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
  const size_t w = static_cast<size_t>(width_);

  make_column_table(geometry.x, &columns_);
  make_row_table(geometry.y, &rows_);
  for (int c = 0; c < layout.num_components; ++c) {
    const ComponentLayout &component = layout.components[c];
    offset_[c].resize(2 * w);
    auto offset_of = [&](int x) { return (component.offset + component.step * (x >> component.shift_x)) * layout.sample_bytes(); };
    for (int i = 0; i < width_; ++i) {
      offset_[c][i] = offset_of(columns_.first[i]);
      offset_[c][width_ + i] = offset_of(columns_.second[i]);
    }
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
    kernels::lerp_columns(pixels[c], pixels[c] + width_, columns_.first_weight.data(), columns_.second_weight.data(), width_, out + c * width_);
}

void BilinearScaler::run(const sta_frame &frame, uint8_t *rgb) {
  const ColorConversion conversion = make_color_conversion(layout_->model == ColorModel::kYuv ? frame.matrix : STA_MATRIX_RGB, frame.full_range != 0,
                                                           layout_->type == SampleType::kByte ? 8 : 10, 1);
  const int n = channels_ * width_;
  int16_t *upper = lerped_.data(), *lower = lerped_.data() + n;
  int upper_row = -1, lower_row = -1;  // the source rows in `upper` and `lower`
  const uint8_t *r = out_.data(), *g = channels_ == 3 ? r + width_ : r, *b = channels_ == 3 ? g + width_ : r;
  for (int y = 0; y < height_; ++y) {
    if (rows_.first[y] == lower_row) {
      std::swap(upper, lower);
      std::swap(upper_row, lower_row);
    }
    if (rows_.first[y] != upper_row) {
      lerp_source_row(frame, conversion, rows_.first[y], upper);
      upper_row = rows_.first[y];
    }
    if (rows_.second[y] != lower_row) {
      // At the bottom edge both rows are the same source row. It is copied, because a copy is easier to reason about
      // than an alias.
      if (rows_.second[y] == upper_row)
        std::copy(upper, upper + n, lower);
      else
        lerp_source_row(frame, conversion, rows_.second[y], lower);
      lower_row = rows_.second[y];
    }
    kernels::lerp_rows(upper, lower, rows_.first_weight[y], rows_.second_weight[y], n, out_.data());
    kernels::interleave(r, g, b, width_, rgb + static_cast<size_t>(y) * width_ * 3);
  }
}

}  // namespace sta
