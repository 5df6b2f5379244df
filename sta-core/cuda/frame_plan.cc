// SPDX-License-Identifier: MIT
// See frame_plan.h.
#include "cuda/frame_plan.h"

#include <algorithm>

#include "preprocess/color.h"
#include "preprocess/lerp_table.h"

namespace sta {
namespace {

std::vector<int32_t> flat(const LerpTable &table) {
  std::vector<int32_t> all(table.first);
  all.insert(all.end(), table.second.begin(), table.second.end());
  all.insert(all.end(), table.first_weight.begin(), table.first_weight.end());
  all.insert(all.end(), table.second_weight.begin(), table.second_weight.end());
  return all;
}

}  // namespace

Result<FramePlan> make_frame_plan(const sta_frame &frame, const PreprocessSpec &spec, const std::array<float, 3> &scale,
                                  const std::array<float, 3> &shift) {
  if (spec.antialias) return Error{STA_ERROR_INVALID_ARGUMENT, "antialiased resizing of a frame in device memory is not supported, only bilinear"};
  if (auto status = check_spec(spec); !status) return std::move(status).error();
  if (auto status = check_frame(frame); !status) return std::move(status).error();
  auto geometry = make_geometry(frame, spec.height, spec.width, spec.short_side);
  if (!geometry) return std::move(geometry).error();
  const FrameLayout &layout = *frame_layout(frame.format);

  FramePlan plan{};
  sta_cuda_frame_args &a = plan.args;
  for (int p = 0; p < layout.num_planes; ++p) {
    a.plane[p] = frame.plane[p];
    a.stride[p] = frame.stride[p];
    a.shift_y[p] = layout.planes[p].shift_y;
  }
  a.components = layout.num_components;
  for (int c = 0; c < layout.num_components; ++c) {
    const ComponentLayout &l = layout.components[c];
    a.component[c].plane = l.plane;
    a.component[c].offset = l.offset;
    a.component[c].step = l.step;
    a.component[c].shift_x = l.shift_x;
  }
  a.sample = layout.type == SampleType::kByte ? STA_CUDA_BYTE : layout.type == SampleType::kHigh10 ? STA_CUDA_HIGH10 : STA_CUDA_LOW10;
  a.convert = layout.model != ColorModel::kRgb;
  const ColorConversion color = make_color_conversion(layout.model == ColorModel::kYuv ? frame.matrix : STA_MATRIX_RGB, frame.full_range != 0,
                                                      layout.type == SampleType::kByte ? 8 : 10, 1);
  a.y_zero = color.y_zero;
  a.c_zero = color.c_zero;
  a.ky = color.ky;
  a.krv = color.krv;
  a.kgu = color.kgu;
  a.kgv = color.kgv;
  a.kbu = color.kbu;

  LerpTable table;
  make_column_table(geometry->x, &table);
  plan.columns = flat(table);
  make_row_table(geometry->y, &table);
  plan.rows = flat(table);
  a.width = spec.width;
  a.height = spec.height;
  std::copy(scale.begin(), scale.end(), a.scale);
  std::copy(shift.begin(), shift.end(), a.shift);
  return plan;
}

}  // namespace sta
