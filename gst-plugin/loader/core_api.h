// SPDX-License-Identifier: MIT
// The functions of sta.h that the plugin uses, as one table of pointers. libgststa.so must load on a machine without
// LibTorch; otherwise gst-plugin-scanner would blacklist it. So the plugin does not link sta-core. Only the list below
// names the functions: the table and the look-up are made from it.
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
  X(sta_engine_check_drop_number)    \
  X(sta_frame_init_sized)            \
  X(sta_stream_options_init_sized)   \
  X(sta_stream_new)                  \
  X(sta_stream_free)                 \
  X(sta_stream_configure)            \
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
  X(sta_result_top)                  \
  X(sta_result_message)              \
  X(sta_result_free)                 \
  X(sta_timeline_options_init_sized) \
  X(sta_engine_recommend_timeline)   \
  X(sta_timeline_new)                \
  X(sta_timeline_free)               \
  X(sta_timeline_configure)          \
  X(sta_timeline_push)               \
  X(sta_timeline_close)              \
  X(sta_timeline_pop)                \
  X(sta_timeline_open_event)         \
  X(sta_engine_flops_of_tokens)

namespace sta::gst {

// All pointers are set: a table exists only if every function was found.
struct CoreApi {
#define STA_CORE_POINTER(name) decltype(&::name) name = nullptr;
  STA_CORE_FUNCTIONS(STA_CORE_POINTER)
#undef STA_CORE_POINTER
};

}  // namespace sta::gst
