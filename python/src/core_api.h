// SPDX-License-Identifier: MIT
// The functions of sta.h that the package uses, as one table of pointers, like gst-plugin/loader/core_api.h. The module
// does not link the library: it has to load even where LibTorch is missing, so that it can say so. The list below is
// the only place that names a function.
#pragma once

#include <sta/sta.h>

// X(name): one line per function of sta.h, in the header's order.
#define STA_CORE_FUNCTIONS(X)        \
  X(sta_api_version)                 \
  X(sta_version)                     \
  X(sta_engine_options_init_sized)   \
  X(sta_engine_open)                 \
  X(sta_engine_unref)                \
  X(sta_engine_get_info)             \
  X(sta_engine_label)                \
  X(sta_forward_options_init_sized)  \
  X(sta_engine_forward)              \
  X(sta_engine_forward_frames)       \
  X(sta_clip_result_logits)          \
  X(sta_clip_result_free)            \
  X(sta_frame_init_sized)            \
  X(sta_stream_options_init_sized)   \
  X(sta_stream_new)                  \
  X(sta_stream_free)                 \
  X(sta_stream_push)                 \
  X(sta_stream_advance)              \
  X(sta_stream_drain)                \
  X(sta_stream_reset)                \
  X(sta_stream_set_flushing)         \
  X(sta_stream_pop)                  \
  X(sta_stream_set_notify)           \
  X(sta_stream_get_stats)            \
  X(sta_stream_get_timing)           \
  X(sta_result_get_info)             \
  X(sta_result_probabilities)        \
  X(sta_result_message)              \
  X(sta_result_free)                 \
  X(sta_timeline_options_init_sized) \
  X(sta_engine_recommend_timeline)   \
  X(sta_timeline_new)                \
  X(sta_timeline_free)               \
  X(sta_timeline_push)               \
  X(sta_timeline_close)              \
  X(sta_timeline_pop)                \
  X(sta_preprocess_frame)

namespace sta::python {

// Every pointer is set: a table exists only if all functions were found.
struct CoreApi {
#define STA_CORE_POINTER(name) decltype(&::name) name = nullptr;
  STA_CORE_FUNCTIONS(STA_CORE_POINTER)
#undef STA_CORE_POINTER
};

}  // namespace sta::python
