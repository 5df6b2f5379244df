/* SPDX-License-Identifier: MIT */
/*
 * Uses the C API from C, like an application without C++ or GStreamer: compiles as C11, loads a model, pushes frames,
 * pops labels. If all checks hold, the program prints a closing line and exits with status 0.
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
  CHECK(strcmp(info.attention, "own") == 0 || strcmp(info.attention, "flash") == 0 || strcmp(info.attention, "plain") == 0);
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

/* Clips from frames: crops, pictures that views share, and the same logits as for the normalised clip. */
static void check_clips(sta_engine *engine) {
  enum { SIDE = 64, CROPS = 3, T = 16, WIDTH = 96, HEIGHT = 72, PICTURE = SIDE * SIDE * 3 };
  sta_error err;
  sta_preprocess_options options;
  sta_preprocess_options_init(&options);
  CHECK(options.num_crops == 1 && options.resize == STA_RESIZE_AUTO && options.crop_rule == STA_CROPS_VIDEOMAE);
  sta_preprocessor *preprocessor = NULL;
  options.num_crops = 17;
  CHECK(sta_preprocessor_new(engine, &options, &preprocessor, &err) == STA_ERROR_INVALID_ARGUMENT && strstr(err.message, "1 to 16"));
  options.num_crops = CROPS;
  CHECK(sta_preprocessor_new(engine, &options, &preprocessor, &err) == STA_OK);

  uint8_t *source = malloc(WIDTH * HEIGHT * 3), *pictures = malloc((size_t)T * CROPS * PICTURE), *middle = malloc(PICTURE);
  const uint8_t *frames[CROPS * T];
  sta_frame frame;
  sta_frame_init(&frame);
  frame.format = STA_FORMAT_RGB;
  frame.width = WIDTH;
  frame.height = HEIGHT;
  frame.plane[0] = source;
  frame.stride[0] = WIDTH * 3;
  for (int t = 0; t < T; ++t) {
    for (int i = 0; i < WIDTH * HEIGHT * 3; ++i) source[i] = (uint8_t)((unsigned)i * 2654435761u >> 24 ^ (unsigned)t);
    CHECK(sta_preprocessor_run(preprocessor, &frame, pictures + (size_t)t * CROPS * PICTURE, &err) == STA_OK);
    CHECK(sta_preprocess_frame(engine, &frame, STA_RESIZE_AUTO, middle, &err) == STA_OK);
    CHECK(memcmp(middle, pictures + (size_t)t * CROPS * PICTURE + PICTURE, PICTURE) == 0);
    CHECK(memcmp(middle, pictures + (size_t)t * CROPS * PICTURE, PICTURE) != 0);
    for (int v = 0; v < CROPS; ++v) frames[v * T + t] = pictures + ((size_t)t * CROPS + (size_t)v) * PICTURE;
  }
  frame.width = 0;
  CHECK(sta_preprocessor_run(preprocessor, &frame, pictures, &err) == STA_ERROR_INVALID_ARGUMENT);

  sta_forward_options forward;
  sta_forward_options_init(&forward);
  forward.drop_number = 5;
  sta_clip_result *together = NULL, *alone = NULL;
  CHECK(sta_engine_forward_frames(engine, frames, CROPS, &forward, &together, &err) == STA_OK);
  int32_t batch = 0, classes = 0;
  const float *logits = sta_clip_result_logits(together, &batch, &classes);
  CHECK(batch == CROPS && classes == 10);
  sta_model_info info;
  memset(&info, 0, sizeof(info));
  info.struct_size = sizeof(info);
  sta_engine_get_info(engine, &info);
  float *clip = malloc(sizeof(float) * 3 * T * SIDE * SIDE);
  for (int v = 0; v < CROPS; ++v) {
    for (int c = 0; c < 3; ++c)
      for (int t = 0; t < T; ++t)
        for (int p = 0; p < SIDE * SIDE; ++p)
          clip[((size_t)c * T + (size_t)t) * SIDE * SIDE + (size_t)p] = ((float)frames[v * T + t][p * 3 + c] / 255 - info.mean[c]) / info.std[c];
    CHECK(sta_engine_forward(engine, clip, 1, &forward, &alone, &err) == STA_OK);
    const float *expected = sta_clip_result_logits(alone, NULL, NULL);
    for (int i = 0; i < classes; ++i) CHECK(fabsf(expected[i] - logits[v * classes + i]) < 1e-4f);
    sta_clip_result_free(alone);
  }

  /* The same clips again, uploaded once and read by two passes. */
  sta_device_clip *uploaded = NULL;
  CHECK(sta_engine_upload_frames(engine, frames, CROPS, &uploaded, &err) == STA_OK);
  for (int pass = 0; pass < 2; ++pass) {
    CHECK(sta_engine_forward_uploaded(engine, uploaded, &forward, &alone, &err) == STA_OK);
    const float *again = sta_clip_result_logits(alone, &batch, NULL);
    CHECK(batch == CROPS && memcmp(again, logits, sizeof(float) * CROPS * 10) == 0);
    for (int v = 0; v < CROPS; ++v)
      for (int call = 0; call <= 3; ++call) {
        int32_t count = 0, wanted = 0;
        const int32_t *kept = sta_clip_result_kept(alone, v, call, &count), *want = sta_clip_result_kept(together, v, call, &wanted);
        CHECK(count == wanted && count > 0 && memcmp(kept, want, sizeof(int32_t) * (size_t)count) == 0);
      }
    sta_clip_result_free(alone);
  }
  CHECK(sta_engine_forward_uploaded(engine, NULL, &forward, &alone, &err) == STA_ERROR_INVALID_ARGUMENT);
  sta_device_clip_free(uploaded);
  sta_device_clip_free(NULL);
  CHECK(sta_engine_upload_frames(engine, NULL, 1, &uploaded, &err) == STA_ERROR_INVALID_ARGUMENT && uploaded == NULL);
  CHECK(sta_engine_upload_frames(engine, frames, 0, &uploaded, &err) == STA_ERROR_INVALID_ARGUMENT);

  /* Separate seeds: an item is pruned the same way wherever it stands in a batch. */
  const uint64_t seeds[CROPS] = {7, 1000, 7};
  const uint8_t *same[CROPS * T];
  for (int i = 0; i < CROPS * T; ++i) same[i] = frames[i % T];
  forward.pruning = STA_PRUNING_RANDOM;
  forward.seeds = seeds;
  sta_clip_result_free(together);
  CHECK(sta_engine_forward_frames(engine, same, CROPS, &forward, &together, &err) == STA_OK);
  logits = sta_clip_result_logits(together, NULL, NULL);
  int differ = 0;
  for (int i = 0; i < classes; ++i) {
    CHECK(fabsf(logits[i] - logits[2 * classes + i]) < 1e-5f);
    differ += fabsf(logits[i] - logits[classes + i]) > 1e-5f;
  }
  CHECK(differ > 0);
  same[20] = NULL;
  CHECK(sta_engine_forward_frames(engine, same, CROPS, &forward, &alone, &err) == STA_ERROR_INVALID_ARGUMENT);
  CHECK(sta_engine_forward_frames(engine, NULL, 1, &forward, &alone, &err) == STA_ERROR_INVALID_ARGUMENT);

  sta_pruning_cost cost;
  memset(&cost, 0, sizeof(cost));
  CHECK(sta_engine_measure_pruning(engine, 1, 60, &cost, &err) == STA_ERROR_INVALID_ARGUMENT); /* no size */
  cost.struct_size = sizeof(cost);
  CHECK(sta_engine_measure_pruning(engine, 0, 60, &cost, &err) == STA_ERROR_INVALID_ARGUMENT);
  CHECK(sta_engine_measure_pruning(engine, 2, 60, &cost, &err) == STA_OK && cost.batch == 2 && cost.count == 5);
  CHECK(cost.drop_number[0] == 0 && cost.drop_number[4] == 8 && cost.seconds[0] > 0 && cost.seconds[4] > 0);
  CHECK(cost.pays_from >= -1 && cost.pays_from != 0 && cost.pays_from <= 8);
  CHECK(sta_engine_measure_pruning(engine, 2, 0, &cost, &err) == STA_OK && cost.count == 0 && cost.pays_from == -1);

  sta_flops flops;
  memset(&flops, 0, sizeof(flops));
  flops.struct_size = sizeof(flops);
  CHECK(sta_engine_flops(engine, 0, &flops, &err) == STA_OK);
  const uint64_t dense = flops.total;
  CHECK(sta_engine_flops(engine, 8, &flops, &err) == STA_OK && flops.total < dense);
  CHECK(sta_engine_flops(engine, 9, &flops, &err) == STA_ERROR_INVALID_ARGUMENT);

  sta_clip_result_free(together);
  sta_preprocessor_free(preprocessor);
  sta_preprocessor_free(NULL);
  free(source);
  free(pictures);
  free(middle);
  free(clip);
}

static void check_label_lists(void) {
  CHECK(strcmp(sta_builtin_label(400, 0), "abseiling") == 0 && strcmp(sta_builtin_label(710, 12), "inflating balloons") == 0);
  CHECK(sta_builtin_label(174, 173) != NULL && sta_builtin_label(174, 174) == NULL && sta_builtin_label(174, -1) == NULL);
  CHECK(sta_builtin_label(10, 0) == NULL);
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
  check_clips(engine);
  check_label_lists();
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
