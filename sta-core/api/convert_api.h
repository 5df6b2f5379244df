/* SPDX-License-Identifier: MIT */
/*
 * Converting models, for the command line of the same build: exported by the library like sta.h, whose conventions hold, but not installed.
 */
#ifndef STA_CONVERT_API_H
#define STA_CONVERT_API_H

#include "sta/sta.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sta_convert_options {
  size_t struct_size;
  const char *labels; /* as sta_engine_options.labels */
  int32_t num_heads;  /* 0: from the model */
  int32_t image_size; /* pixels, square; 0: from the model */
  int32_t num_frames; /* 0: from the model */
} sta_convert_options;

STA_API void sta_convert_options_init_sized(sta_convert_options *options, size_t struct_size);
static inline void sta_convert_options_init(sta_convert_options *options) { sta_convert_options_init_sized(options, sizeof(*options)); }
/** Reads a model in any layout and writes it as a Hugging Face VideoMAE folder (config.json, preprocessor_config.json, model.safetensors). Errors: as
 *  sta_engine_open; INVALID_ARGUMENT if the folder already holds a model. On success err->message holds the model's warnings, cut to its length. */
STA_API sta_status sta_model_convert(const char *model, const char *folder, const sta_convert_options *options, sta_error *err);

#ifdef __cplusplus
}
#endif

#endif /* STA_CONVERT_API_H */
