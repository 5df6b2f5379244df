/* SPDX-License-Identifier: MIT */
/*
 * The C API from C, as an application without C++ or GStreamer uses it: compiles as C11, loads a model, pushes frames, pops labels. Exit status 0 and
 * the closing line say that all checks held.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sta/sta.h"

static int failures = 0;

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf(stderr, "%s:%d: %s is false\n", __FILE__, __LINE__, #condition); \
      ++failures;                                                              \
    }                                                                          \
  } while (0)

static void check_model(sta_engine *engine) {
  sta_model_info info;
  memset(&info, 0, sizeof(info));
  info.struct_size = sizeof(info);
  sta_engine_get_info(engine, &info);
  CHECK(info.num_frames == 16 && info.image_height == 64 && info.num_classes == 10);
  CHECK(info.max_drop_number == 8);
  CHECK(strcmp(info.architecture, "videomae") == 0);
  CHECK(strcmp(sta_engine_label(engine, 3), "class 3") == 0);
  CHECK(sta_engine_label(engine, 10) == NULL && sta_engine_label(engine, -1) == NULL);

  /* A caller built against an older header: only the fields it knows are written. */
  struct {
    sta_model_info info;
  } old;
  memset(&old, 0x55, sizeof(old));
  old.info.struct_size = offsetof(sta_model_info, device);
  sta_engine_get_info(engine, &old.info);
  CHECK(strcmp(old.info.name, "micro_hf") == 0);
  CHECK(old.info.num_frames == 0x55555555);
}

static void check_stream(sta_engine *engine) {
  sta_stream_options options;
  sta_stream_options_init(&options);
  options.blocking = 1;
  options.drop_number = 5;
  sta_stream *stream = NULL;
  sta_error err;
  CHECK(sta_stream_new(engine, &options, &stream, &err) == STA_OK);
  uint64_t interval = 0, hop = 0, length = 0;
  sta_stream_get_timing(stream, &interval, &hop, &length);
  CHECK(interval == 133333333 && hop == 533333333 && length == 2133333333);

  uint8_t *pixels = calloc(64 * 48, 3);
  int results = 0;
  for (int i = 0; i < 120; ++i) {
    sta_frame frame;
    sta_frame_init(&frame);
    frame.format = STA_FORMAT_RGB;
    frame.width = 64;
    frame.height = 48;
    frame.plane[0] = pixels;
    frame.stride[0] = 64 * 3;
    frame.time = (uint64_t)i * 1000000000 / 30;
    frame.duration = 1000000000 / 30;
    CHECK(sta_stream_push(stream, &frame, &err) == STA_OK);
    sta_result *result;
    while ((result = sta_stream_pop(stream)) != NULL) {
      sta_result_info info;
      memset(&info, 0, sizeof(info));
      info.struct_size = sizeof(info);
      sta_result_get_info(result, &info);
      CHECK(info.status == STA_OK && info.drop_number == 5 && info.num_classes == 10);
      const float *p = sta_result_probabilities(result);
      double sum = 0;
      for (int c = 0; c < 10; ++c) sum += p[c];
      CHECK(fabs(sum - 1) < 1e-4);
      int32_t ids[20];
      float confidences[20];
      CHECK(sta_result_top(result, 20, ids, confidences) == 10);
      CHECK(p[ids[0]] == confidences[0] && confidences[0] >= confidences[9]);
      CHECK(strcmp(sta_result_message(result), "") == 0);
      sta_result_free(result);
      ++results;
    }
  }
  CHECK(results == 4);
  sta_stream_stats stats;
  memset(&stats, 0, sizeof(stats));
  stats.struct_size = sizeof(stats);
  sta_stream_get_stats(stream, &stats);
  CHECK(stats.frames == 120 && stats.windows_classified == 4);
  free(pixels);
  sta_stream_free(stream);
  sta_stream_free(NULL);
}

/* A program compiled against a header whose structs were smaller, or larger, than the library's. */
static void check_sizes_of_other_headers(void) {
  union {
    sta_engine_options options;
    unsigned char bytes[sizeof(sta_engine_options) + 16];
  } caller;
  const size_t older = offsetof(sta_engine_options, num_heads), newer = sizeof(caller);
  memset(&caller, 0xa5, sizeof(caller));
  sta_engine_options_init_sized(&caller.options, older);
  CHECK(caller.options.struct_size == older && caller.options.max_batch == 4);
  for (size_t i = older; i < sizeof(caller); i++) CHECK(caller.bytes[i] == 0xa5);
  memset(&caller, 0xa5, sizeof(caller));
  sta_engine_options_init_sized(&caller.options, newer);
  CHECK(caller.options.struct_size == newer && caller.options.max_batch == 4);
  for (size_t i = sizeof(sta_engine_options); i < sizeof(caller); i++) CHECK(caller.bytes[i] == 0);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s MODEL\n", argv[0]);
    return 2;
  }
  CHECK(sta_api_version() >> 16 == STA_API_MAJOR);
  CHECK(strlen(sta_version()) > 0);
  check_sizes_of_other_headers();
  sta_engine_options options;
  sta_engine_options_init(&options);
  options.model = argv[1];
  options.device = "cpu";
  options.precision = STA_PRECISION_FP32;
  sta_engine *engine = NULL;
  sta_error err;
  if (sta_engine_open(&options, &engine, &err) != STA_OK) {
    fprintf(stderr, "%s\n", err.message);
    return 1;
  }
  check_model(engine);
  check_stream(engine);
  sta_engine *again = sta_engine_ref(engine);
  sta_engine_unref(again);
  sta_engine_unref(engine);

  sta_engine_options empty;
  memset(&empty, 0, sizeof(empty));
  CHECK(sta_engine_open(&empty, &engine, &err) == STA_ERROR_INVALID_ARGUMENT);
  CHECK(sta_engine_open(NULL, &engine, NULL) == STA_ERROR_INVALID_ARGUMENT);
  sta_flops flops;
  memset(&flops, 0, sizeof(flops));
  flops.struct_size = sizeof(flops);
  CHECK(sta_flops_of("arch:vit_base", 64, &flops, &err) == STA_OK);
  CHECK(flops.total / 1000000000 == 96);
  printf("%s\n", failures == 0 ? "all checks held" : "checks failed");
  return failures == 0 ? 0 : 1;
}
