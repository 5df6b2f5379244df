// SPDX-License-Identifier: MIT
// Tables and tile loop of the antialiased scaler.
#include "preprocess/antialias_scaler.h"

#include <algorithm>

#include "preprocess/color.h"
#include "preprocess/kernels.h"

namespace sta {

using kernels::kTileRows;

void AntialiasScaler::prepare(const FrameLayout &layout, const Geometry &geometry) {
  layout_ = &layout;
  width_ = geometry.x.output;
  height_ = geometry.y.output;
  make_taps(geometry.y, 0, &luma_rows_);
  if (layout.model == ColorModel::kYuv) make_taps(geometry.y, 1, &chroma_rows_);
  for (int c = 0; c < layout.num_components; ++c) make_taps(geometry.x, layout.components[c].shift_x, &columns_[c]);

  // The range of groups of each plane that some column needs.
  int begin[3], end[3];
  for (int p = 0; p < layout.num_planes; ++p) begin[p] = geometry.x.source, end[p] = 0;
  for (int c = 0; c < layout.num_components; ++c) {
    const ComponentLayout &component = layout.components[c];
    const auto [low, high] = std::minmax_element(columns_[c].index.begin(), columns_[c].index.end());
    const int to_group = layout.planes[component.plane].shift_x - component.shift_x;  // packed Y: two a group
    begin[component.plane] = std::min(begin[component.plane], *low >> to_group);
    end[component.plane] = std::max(end[component.plane], (*high >> to_group) + 1);
  }
  size_t most = 0;
  for (int p = 0; p < layout.num_planes; ++p) {
    const PlaneLayout &plane = layout.planes[p];
    planes_[p].rows = plane.shift_y ? &chroma_rows_ : &luma_rows_;
    planes_[p].first_sample = begin[p] * plane.group_samples;
    planes_[p].num_samples = (end[p] - begin[p]) * plane.group_samples;
    most = std::max(most, static_cast<size_t>(planes_[p].num_samples));
  }
  for (int c = 0; c < layout.num_components; ++c) {
    const ComponentLayout &component = layout.components[c];
    for (int32_t &index : columns_[c].index) index = component.offset + component.step * index - planes_[component.plane].first_sample;
  }

  const size_t w = static_cast<size_t>(width_);
  rows_.resize(kTileRows * most);
  tile_.resize(kTileRows * most);
  sums_.resize(most);
  components_.resize(3 * kTileRows * w);
  pixels_.resize(3 * kTileRows * w);
}

// Fills tile_ with output rows first_row .. first_row + 15 of plane p. They are not yet filtered horizontally.
void AntialiasScaler::filter_plane(const sta_frame &frame, int p, int first_row) {
  const Plane &plane = planes_[p];
  const uint8_t *base = frame.plane[p] + static_cast<ptrdiff_t>(plane.first_sample) * layout_->sample_bytes();
  for (int r = 0; r < kTileRows; ++r) {
    const int y = std::min(first_row + r, height_ - 1);  // the last tile repeats the last row
    uint16_t *out = rows_.data() + static_cast<size_t>(r) * plane.num_samples;
    if (plane.rows->fast)
      kernels::filter_rows(layout_->type, base, frame.stride[p], plane.rows->of(y), plane.num_samples, out);
    else
      kernels::filter_rows_exact(layout_->type, base, frame.stride[p], plane.rows->of(y), plane.num_samples, sums_.data(), out);
  }
  kernels::transpose_tile(rows_.data(), plane.num_samples, plane.num_samples, tile_.data());
}

void AntialiasScaler::run(const sta_frame &frame, uint8_t *rgb) {
  constexpr int kFraction = 6;  // bits of the samples to convert; with more, sums exceed 32 bits
  const bool bytes = layout_->type == SampleType::kByte;
  const ColorConversion conversion = make_color_conversion(layout_->model == ColorModel::kYuv ? frame.matrix : STA_MATRIX_RGB, frame.full_range != 0,
                                                           bytes ? 8 : 10, bytes ? 1 << kFraction : 1 << (kFraction - 2));
  const int n = width_ * kTileRows;
  uint16_t *components[3];
  uint8_t *pixels[3];
  for (int c = 0; c < 3; ++c) {
    components[c] = components_.data() + c * n;
    pixels[c] = pixels_.data() + c * n;
  }
  for (int first_row = 0; first_row < height_; first_row += kTileRows) {
    for (int p = 0; p < layout_->num_planes; ++p) {
      filter_plane(frame, p, first_row);
      for (int c = 0; c < layout_->num_components; ++c) {
        if (layout_->components[c].plane != p) continue;
        const Taps &t = columns_[c];
        if (t.fast)
          kernels::filter_columns(tile_.data(), t.begin.data(), t.index.data(), t.weight.data(), t.bias.data(), width_, components[c]);
        else
          kernels::filter_columns_exact(tile_.data(), t.begin.data(), t.index.data(), t.weight.data(), width_, components[c]);
      }
    }
    switch (layout_->model) {
      case ColorModel::kYuv:
        kernels::convert_yuv(components[0], components[1], components[2], 8 - kFraction, conversion, n, pixels[0], pixels[1], pixels[2]);
        break;
      case ColorModel::kRgb:
        for (int c = 0; c < 3; ++c) kernels::round_q8(components[c], n, pixels[c]);
        break;
      case ColorModel::kGray:
        kernels::convert_gray(components[0], 8 - kFraction, conversion, n, pixels[0]);
        pixels[1] = pixels[2] = pixels[0];
        break;
    }
    kernels::store_tile(pixels[0], pixels[1], pixels[2], width_, std::min(kTileRows, height_ - first_row),
                        rgb + static_cast<size_t>(first_row) * width_ * 3);
  }
}

}  // namespace sta
