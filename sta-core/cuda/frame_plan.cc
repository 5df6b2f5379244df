// SPDX-License-Identifier: MIT
// See frame_plan.h.
#include "cuda/frame_plan.h"

#include <algorithm>

#include "preprocess/color.h"
#include "preprocess/lerp_table.h"
#include "preprocess/taps.h"

namespace sta {
namespace {

template <typename T>
int64_t append(const std::vector<T> &values, std::vector<int32_t> &tables) {
  const int64_t begin = static_cast<int64_t>(tables.size());
  tables.insert(tables.end(), values.begin(), values.end());
  return begin;
}

int64_t append(const LerpTable &table, std::vector<int32_t> &tables) {
  const int64_t begin = append(table.first, tables);
  append(table.second, tables);
  append(table.first_weight, tables);
  append(table.second_weight, tables);
  return begin;
}

void append(const Axis &axis, int shift, FramePlan::Taps &where, sta_cuda_taps &args, std::vector<int32_t> &tables) {
  Taps taps;
  make_taps(axis, shift, &taps);
  where = {append(taps.begin, tables), append(taps.index, tables), append(taps.weight, tables), append(taps.bias, tables)};
  args.exact = !taps.fast;
}

void place(const FramePlan::Taps &where, const int32_t *tables, sta_cuda_taps &args) {
  if (where.begin < 0) return;
  args.begin = tables + where.begin;
  args.index = tables + where.index;
  args.weight = tables + where.weight;
  args.bias = tables + where.bias;
}

}  // namespace

sta_cuda_frame_args FramePlan::with_tables(const int32_t *on_device) const {
  sta_cuda_frame_args a = args;
  if (columns >= 0) a.columns = on_device + columns;
  if (rows >= 0) a.rows = on_device + rows;
  for (int i = 0; i < 2; ++i) place(row_taps[i], on_device, a.row_taps[i]);
  for (int i = 0; i < 3; ++i) place(column_taps[i], on_device, a.column_taps[i]);
  return a;
}

Result<FramePlan> make_frame_plan(const sta_frame &frame, const PreprocessSpec &spec, const std::array<float, 3> &scale,
                                  const std::array<float, 3> &shift) {
  if (auto status = check_spec(spec); !status) return std::move(status).error();
  if (auto status = check_frame(frame); !status) return std::move(status).error();
  auto geometry = make_geometry(frame, spec.height, spec.width, spec.resize);
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
  const bool bytes = layout.type == SampleType::kByte;
  // Filtered samples keep six fraction bits, 10-bit samples four: see antialias_scaler.cc.
  const ColorConversion color =
      make_color_conversion(layout.model == ColorModel::kYuv ? frame.matrix : STA_MATRIX_RGB, frame.full_range != 0, bytes ? 8 : 10,
                            !spec.antialias ? 1
                            : bytes         ? 64
                                            : 16);
  a.y_zero = color.y_zero;
  a.c_zero = color.c_zero;
  a.ky = color.ky;
  a.krv = color.krv;
  a.kgu = color.kgu;
  a.kgv = color.kgv;
  a.kbu = color.kbu;

  a.antialias = spec.antialias;
  if (spec.antialias) {
    for (int shift = 0; shift < 2; ++shift)
      if (shift == 0 || layout.model == ColorModel::kYuv) append(geometry->y, shift, plan.row_taps[shift], a.row_taps[shift], plan.tables);
    for (int c = 0; c < layout.num_components; ++c)
      append(geometry->x, layout.components[c].shift_x, plan.column_taps[c], a.column_taps[c], plan.tables);
  } else {
    LerpTable table;
    make_column_table(geometry->x, &table);
    plan.columns = append(table, plan.tables);
    make_row_table(geometry->y, &table);
    plan.rows = append(table, plan.tables);
  }
  a.width = geometry->x.output;
  a.height = geometry->y.output;
  a.swap = geometry->turn.swap;
  a.flip_x = geometry->turn.flip_x;
  a.flip_y = geometry->turn.flip_y;
  std::copy(scale.begin(), scale.end(), a.scale);
  std::copy(shift.begin(), shift.end(), a.shift);
  return plan;
}

}  // namespace sta
