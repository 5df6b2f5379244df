/* SPDX-License-Identifier: MIT */
/*
 * sta.h: the one public header of sta-core, a C API.
 *
 * sta-core turns timed video frames into action labels. It knows nothing of GStreamer, so that other languages and
 * applications embed it through this header (C++ users: sta.hpp, the RAII wrapper beside it). Three handles:
 *
 *   sta_engine  the weights of one model on one device in one precision, its worker thread and its batching. Opening
 *   the same model twice in a
 * process returns the same engine, so that many cameras hold the weights once. Reference counted. sta_stream  one
 * camera's state: sampling grid, window ring, one mailbox slot, finished results. sta_result  one classified window.
 *
 *   sta_engine_options eo;  sta_engine_options_init(&eo);  eo.model = "models/camera-watch";
 *   sta_error err;          sta_engine *engine = NULL;
 *   if (sta_engine_open(&eo, &engine, &err) != STA_OK) { fprintf(stderr, "%s\n", err.message); return 1; }
 *   sta_stream_options so;  sta_stream_options_init(&so);
 *   sta_stream *stream = NULL;  sta_stream_new(engine, &so, &stream, &err);
 *   for each frame: sta_stream_push(stream, &frame, &err);
 *                   while ((result = sta_stream_pop(stream)) != NULL) { ...; sta_result_free(result); }
 *
 * Conventions
 *   Times are nanoseconds of running time, uint64_t; STA_TIME_NONE = unknown.
 *   Option structs carry struct_size, set by their *_init function, which is compiled into the caller and so tells the
 *   library (*_init_sized) how
 * large the caller's struct is: a caller compiled against an older header keeps working, fields it does not know of
 * take their defaults and are not written. Every failing call returns a status and, if err is not NULL, fills
 * err->message with one sentence that names what was wrong and what would be right. No exception leaves this API.
 * Strings returned are UTF-8 and owned by the handle they came from. Thread-safety sta_engine functions may be called
 * from any thread. A sta_stream may be pushed to from one thread at a time; sta_stream_set_flushing, _get_stats,
 * _configure, _pop and _set_notify may be called from any thread at any time.
 */
#ifndef STA_H
#define STA_H

#include <stddef.h>
#include <stdint.h>

#if defined(STA_CORE_BUILD)
#define STA_API __attribute__((visibility("default")))
#else
#define STA_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Raised whenever a function or field is added (compatible) ... */
#define STA_API_MINOR 2
/** ... or something is removed or changes its meaning (incompatible: the loader of libgststa.so refuses another major). */
#define STA_API_MAJOR 2

#define STA_TIME_NONE UINT64_MAX

/** As a drop number of a stream: the engine chooses the smallest that keeps up with all its streams, window by window. */
#define STA_DROP_AUTO (-1)

typedef enum sta_status {
  STA_OK = 0,
  STA_ERROR_INVALID_ARGUMENT = 1, /* an option or argument is out of its range */
  STA_ERROR_NOT_FOUND = 2,        /* a file or folder is missing */
  STA_ERROR_BAD_MODEL = 3,        /* a file is there but malformed, incomplete or contradicts itself */
  STA_ERROR_UNSUPPORTED = 4,      /* well-formed, but a variant this library does not implement */
  STA_ERROR_DEVICE = 5,           /* the requested device is absent or failed */
  STA_ERROR_OUT_OF_MEMORY = 6,
  STA_ERROR_FLUSHING = 7, /* a blocking call was ended by sta_stream_set_flushing: not a failure */
  STA_ERROR_INTERNAL = 8  /* anything thrown by LibTorch that fits nothing above */
} sta_status;

typedef struct sta_error {
  sta_status status;
  char message[1000];
} sta_error;

/** (STA_API_MAJOR << 16) | STA_API_MINOR of the library that is loaded. */
STA_API uint32_t sta_api_version(void);
/** Version of the library, for people: "0.1.0". */
STA_API const char *sta_version(void);

/* ------------------------------------------------------------------------------------------------ engine */

typedef enum sta_precision {
  STA_PRECISION_AUTO = 0, /* bf16 where the device multiplies it natively (CUDA sm80+, AVX512-BF16, AMX), else fp32 */
  STA_PRECISION_FP32 = 1,
  STA_PRECISION_BF16 = 2, /* weights and activations bf16, token scoring fp32 */
  STA_PRECISION_FP16 = 3
} sta_precision;

typedef enum sta_pruning {
  STA_PRUNING_STA = 0,    /* the paper's rule */
  STA_PRUNING_RANDOM = 1, /* drops as many tokens per group, chosen by a seeded generator: the paper's Fig 4 baseline */
  STA_PRUNING_NONE = 2    /* dense; drop_number is ignored */
} sta_pruning;

typedef struct sta_engine sta_engine;

typedef struct sta_engine_options {
  size_t struct_size;
  /** Folder in Hugging Face VideoMAE layout or with a Video Swin, or one .safetensors, .pth or .bin file in the names of VideoMAE, VideoMAE v2,
   * mmaction2, Hugging Face, Video Swin (mmcv) or torchvision. Or "arch:NAME": an architecture with generated weights,
   * for benchmarks; NAME is vit_small, vit_base, vit_large, vit_huge, video_swin_tiny, video_swin_small,
   * video_swin_base or video_swin_base_w16. */
  const char *model;
  /** File with as many labels as the model has classes, in any of the forms of docs/models.md. NULL: the labels of the model folder, else "class N".
   */
  const char *labels;
  /** "auto" (default, also NULL): CUDA if it works, else CPU. "cpu", "cuda", "cuda:N": that one or an error. */
  const char *device;
  sta_precision precision;
  /** CPU threads of a forward pass, 1 .. 256. 0 (default): all cores but one, at least one. Taken from whoever opens the engine first. */
  int32_t inference_threads;
  /** Nice value added to the worker thread and its helpers, 0 .. 19, so that frames go on moving while a model computes. Default 10. */
  int32_t worker_nice;
  /** Most windows (of all streams) in one forward pass, 1 .. 64. Default 4. */
  int32_t max_batch;
  /** Attention heads where the file does not say and head size is not 64 (raw files without metadata). 0: from the file. */
  int32_t num_heads;
  /** Since 1.2: how long a window waits for those of other streams, so that they share a forward pass, in ns, at most 1 s. 0 (default): not at all.
   * It never waits for a stream that has nothing to send, nor once max_batch windows are there. Taken from whoever
   * opens the engine first. */
  uint64_t batch_timeout;
  /** Since 1.2: height and width of the input in pixels and frames of a window, where the file does not say and they are not 224 and 16 (Video Swin:
   * 32). 0: from the model. */
  int32_t image_size, num_frames;
  /** Since 2.2: width of the input, beside image_size, which is its height then. 0: the same (square). */
  int32_t image_width;
} sta_engine_options;

typedef struct sta_model_info {
  size_t struct_size;
  const char *name;         /* last part of the model path */
  const char *path;         /* as resolved */
  const char *architecture; /* "videomae", "video_swin" */
  const char *device;       /* "cpu", "cuda:0" */
  const char *precision;    /* "fp32", "bf16", "fp16" */
  int32_t num_frames, tubelet, patch, image_height, image_width;
  int32_t embed_dim, depth, num_heads, mlp_dim, num_classes; /* video_swin: of the first stage; depth of all stages together */
  int32_t num_tokens;                                        /* at the input, n_t * n_s */
  int32_t tokens_per_step;                                   /* n_s: tokens of one tubelet step */
  int32_t max_drop_number; /* largest legal drop number; 0: this model cannot be pruned (steps not divisible by 4). video_swin: of 784 tokens */
  uint64_t num_parameters;
  uint64_t sample_interval_ns; /* spacing of the frames the model was trained on, rounded */
  int32_t antialias;           /* 1: the model folder asks for antialiased resizing */
  float mean[3], std[3];
  const char *warnings; /* lines, e.g. a head count that was corrected; "" if none */
  /** Since 1.2, of video_swin: blocks and heads of each of the num_stages stages (0: no stages), and the window in steps, rows, columns. */
  int32_t num_stages, stage_depths[8], stage_heads[8], window[3];
  /** Since 2.1: the CUcontext that frames in CUDA memory have to be in, the primary one of the model's device. NULL: this engine takes no such frames
   * (the model runs on the CPU, or libsta-cuda cannot be used). */
  void *cuda_context;
  /** Since 2.2. 1: several classes may hold at once, so each has a probability of its own (sigmoid). 0: classes exclude each other (softmax). */
  int32_t multi_label;
  /** Since 2.2: LibTorch's attention kernels that the model uses now, found by trying: "cuDNN", "flash", "memory-efficient", "plain", or several of
   * them, by ", ". One that fails is switched off for the process, and the next one takes its place. */
  const char *attention;
} sta_model_info;

STA_API void sta_engine_options_init_sized(sta_engine_options *options, size_t struct_size);
static inline void sta_engine_options_init(sta_engine_options *options) { sta_engine_options_init_sized(options, sizeof(*options)); }
/** Loads a model, or returns the engine that already holds it (same resolved path, labels, device, precision, heads, image size, frames). Blocks
 * while reading; not for a streaming thread. Errors: NOT_FOUND, BAD_MODEL, UNSUPPORTED, INVALID_ARGUMENT, DEVICE,
 * OUT_OF_MEMORY. */
STA_API sta_status sta_engine_open(const sta_engine_options *options, sta_engine **engine, sta_error *err);
STA_API sta_engine *sta_engine_ref(sta_engine *engine);
/** Gives a reference back; the last one joins the worker thread (waits for a forward pass under way). NULL is ignored. */
STA_API void sta_engine_unref(sta_engine *engine);
/** info->struct_size must be set. Strings live as long as the engine. */
STA_API void sta_engine_get_info(sta_engine *engine, sta_model_info *info);
/** Label of a class, or NULL if there is no such class. */
STA_API const char *sta_engine_label(sta_engine *engine, int32_t class_id);
/** INVALID_ARGUMENT, naming the legal range, if tokens cannot be dropped in that number; else OK. */
STA_API sta_status sta_engine_check_drop_number(sta_engine *engine, int32_t drop_number, sta_error *err);

/** Since 2.1. Label of a class of the built-in list with that many classes: 174 (Something-Something V2), 400, 600, 700, 710 (Kinetics); NULL if
 * there is no such list or class. */
STA_API const char *sta_builtin_label(int32_t num_classes, int32_t class_id);

/** Since 2.2. A list of class names, read from a file in any of the forms of docs/models.md: lines, numbered lines, CSV, JSON. */
typedef struct sta_labels sta_labels;
/** Errors: NOT_FOUND, BAD_MODEL (the message names the line), OUT_OF_MEMORY. Thread-safe. *labels is freed with sta_labels_free. */
STA_API sta_status sta_labels_read(const char *path, sta_labels **labels, sta_error *err);
STA_API int32_t sta_labels_count(const sta_labels *labels);
/** UTF-8; NULL if there is no such label. Lives as long as the list. */
STA_API const char *sta_labels_get(const sta_labels *labels, int32_t index);
/** What the file was taken for, for people: "one label a line". */
STA_API const char *sta_labels_form(const sta_labels *labels);
STA_API void sta_labels_free(sta_labels *labels);

/* ------------------------------------------------------------------------------- model files (since 2.1) */

typedef struct sta_convert_options {
  size_t struct_size;
  const char *labels;  /* as sta_engine_options.labels */
  int32_t num_heads;   /* 0: from the model */
  int32_t image_size;  /* height in pixels; 0: from the model */
  int32_t num_frames;  /* 0: from the model */
  int32_t image_width; /* since 2.2: width in pixels; 0: image_size (square) */
} sta_convert_options;

STA_API void sta_convert_options_init_sized(sta_convert_options *options, size_t struct_size);
static inline void sta_convert_options_init(sta_convert_options *options) { sta_convert_options_init_sized(options, sizeof(*options)); }
/** Reads a model in any layout and writes it as a Hugging Face VideoMAE folder (config.json, preprocessor_config.json, model.safetensors). Errors: as
 *  sta_engine_open; INVALID_ARGUMENT if the folder already holds a model. On success err->message holds the model's
 *  warnings, cut to its length. */
STA_API sta_status sta_model_convert(const char *model, const char *folder, const sta_convert_options *options, sta_error *err);

/* ------------------------------------------------------------------------------- clips (no time, no stream) */

typedef struct sta_forward_options {
  size_t struct_size;
  sta_pruning pruning;
  int32_t drop_number;   /* r: tokens dropped per group and call; 0 = dense. video_swin: of a frame of 784 tokens, scaled to each group */
  uint64_t seed;         /* of STA_PRUNING_RANDOM; item i of a batch takes seed + i */
  const uint64_t *seeds; /* since 2.1: one for each item of the batch instead, so that an item is pruned the same in any batch; NULL: as above */
} sta_forward_options;

typedef struct sta_clip_result sta_clip_result;

STA_API void sta_forward_options_init_sized(sta_forward_options *options, size_t struct_size);
static inline void sta_forward_options_init(sta_forward_options *options) { sta_forward_options_init_sized(options, sizeof(*options)); }
/** One forward pass. clip: f32 [batch, 3, T, H, W], already normalised, contiguous, T/H/W as sta_model_info says. Runs in the caller's thread. */
STA_API sta_status sta_engine_forward(sta_engine *engine, const float *clip, int32_t batch, const sta_forward_options *options,
                                      sta_clip_result **result, sta_error *err);
/** Since 2.1: the same on pictures that are not normalised yet, which it does as a stream does. frames: batch * T pointers, clip by clip in the order
 * of time, to u8 [H, W, 3] RGB as a sta_preprocessor makes them; clips may share pictures. Errors as above. */
STA_API sta_status sta_engine_forward_frames(sta_engine *engine, const uint8_t *const *frames, int32_t batch, const sta_forward_options *options,
                                             sta_clip_result **result, sta_error *err);
/** Since 2.2: clips in the memory of the model's device, normalised and in the model's precision, for who measures or repeats passes without the way
 * there. */
typedef struct sta_device_clip sta_device_clip;
/** frames and batch as of sta_engine_forward_frames. Returns when the clips are there. Errors: INVALID_ARGUMENT, OUT_OF_MEMORY, INTERNAL. */
STA_API sta_status sta_engine_upload_frames(sta_engine *engine, const uint8_t *const *frames, int32_t batch, sta_device_clip **clip, sta_error *err);
/** One forward pass on clips of this engine. Thread-safe: the clips are only read. INVALID_ARGUMENT: they are another engine's. */
STA_API sta_status sta_engine_forward_uploaded(sta_engine *engine, const sta_device_clip *clip, const sta_forward_options *options,
                                               sta_clip_result **result, sta_error *err);
/** Before the engine is given back. NULL is ignored. */
STA_API void sta_device_clip_free(sta_device_clip *clip);
/** logits: f32 [batch, num_classes]. */
STA_API const float *sta_clip_result_logits(const sta_clip_result *result, int32_t *batch, int32_t *num_classes);
/** Indices kept by pruning call 1, 2, 3 into that call's input sequence, in emitted order; call 0: final tokens as original token indices.
 *  video_swin selects at the entry of stages 2, 3, 4 from the full grid of each; call 0 is then the same as call 3.
 *  item: index in the batch. NULL with *count = 0 if nothing was pruned. */
STA_API const int32_t *sta_clip_result_kept(const sta_clip_result *result, int32_t item, int32_t call, int32_t *count);
STA_API void sta_clip_result_free(sta_clip_result *result);

/** Reads tensor "clip" (F32, [3,T,H,W] or [B,3,T,H,W]) of a .safetensors file. *data is freed with sta_free; shape gets B,3,T,H,W. */
STA_API sta_status sta_clip_load(const char *path, float **data, int32_t shape[5], sta_error *err);
/** Writes logits [B,n] and, for B = 1 and a pruned run, kept_1, kept_2, kept_3, final_tokens (I32) as .safetensors. */
STA_API sta_status sta_clip_result_save(const sta_clip_result *result, const char *path, sta_error *err);
STA_API void sta_free(void *memory);

/** Multiply-adds of one clip, by part; LayerNorm counted as 5 per element as the paper's tool does; softmax, GELU, sorting and gathers not counted.
 */
typedef struct sta_flops {
  size_t struct_size;
  uint64_t patch_embed, qkv, attention_matmul, proj, mlp, layer_norm, scoring, head, total;
} sta_flops;
/** arch: as sta_engine_options.model, only the dims are read. */
STA_API sta_status sta_flops_of(const char *arch_or_model, int32_t drop_number, sta_flops *flops, sta_error *err);
/** Since 2.1: of a model that is open. */
STA_API sta_status sta_engine_flops(sta_engine *engine, int32_t drop_number, sta_flops *flops, sta_error *err);

/** Since 2.2: what a window costs at several drop numbers (STA_PRUNING_STA), measured on the model's device. Where passes wait for latency rather
 * than for arithmetic, as small models do on a GPU, pruning may cost more than it saves. */
typedef struct sta_pruning_cost {
  size_t struct_size;
  int32_t batch;          /* windows in one pass */
  int32_t count;          /* of the two below; 0: not measured, the model cannot be pruned or a pass takes too long */
  int32_t drop_number[8]; /* ascending, first 0 */
  double seconds[8];      /* of one window */
  int32_t pays_from;      /* smallest drop number from which on a window costs at least 2 % less than with 0; -1: none */
} sta_pruning_cost;
/** Makes some tens of passes in the caller's thread, unless that would take more than about `budget` seconds. cost->struct_size must be set. Errors
 * as of sta_engine_forward. */
STA_API sta_status sta_engine_measure_pruning(sta_engine *engine, int32_t batch, double budget, sta_pruning_cost *cost, sta_error *err);

/* ------------------------------------------------------------------------------------------------ frames */

typedef enum sta_pixel_format {
  STA_FORMAT_UNKNOWN = 0,
  STA_FORMAT_I420 = 1, /* planes Y, U, V; chroma (w+1)/2 x (h+1)/2 */
  STA_FORMAT_YV12 = 2, /* planes Y, V, U */
  STA_FORMAT_NV12 = 3, /* planes Y, UV */
  STA_FORMAT_YUY2 = 4,
  STA_FORMAT_UYVY = 5,
  STA_FORMAT_RGB = 6, /* bytes R G B */
  STA_FORMAT_BGR = 7,
  STA_FORMAT_RGBX = 8, /* bytes R G B x; alpha, where there is one, is ignored */
  STA_FORMAT_BGRX = 9,
  STA_FORMAT_XRGB = 10,
  STA_FORMAT_XBGR = 11,
  STA_FORMAT_GRAY8 = 12,
  STA_FORMAT_P010_LE = 13,  /* planes Y, UV of 16-bit words, the value in the upper 10 bits */
  STA_FORMAT_I420_10LE = 14 /* planes Y, U, V of 16-bit words, the value in the lower 10 bits */
} sta_pixel_format;

typedef enum sta_color_matrix {
  STA_MATRIX_RGB = 0, /* no matrix: the format is RGB or gray */
  STA_MATRIX_BT601 = 1,
  STA_MATRIX_BT709 = 2,
  STA_MATRIX_BT2020 = 3,
  STA_MATRIX_SMPTE240M = 4,
  STA_MATRIX_FCC = 5
} sta_color_matrix;

typedef enum sta_frame_flags {
  STA_FRAME_NONE = 0,
  STA_FRAME_DISCONT = 1 << 0 /* the source says that something is missing before this frame */
} sta_frame_flags;

/** Since 2.2. How a frame has to be turned or mirrored to be upright, as players do; numbers and names as GStreamer's GstVideoOrientationMethod. */
typedef enum sta_orientation {
  STA_ORIENTATION_NONE = 0,
  STA_ORIENTATION_90R = 1, /* by 90 degrees, clockwise */
  STA_ORIENTATION_180 = 2,
  STA_ORIENTATION_90L = 3,           /* by 90 degrees, counter-clockwise */
  STA_ORIENTATION_HORIZONTAL = 4,    /* left and right change places */
  STA_ORIENTATION_VERTICAL = 5,      /* top and bottom change places */
  STA_ORIENTATION_TRANSPOSED = 6,    /* mirrored across the diagonal from the upper left to the lower right */
  STA_ORIENTATION_ANTITRANSPOSED = 7 /* mirrored across the other diagonal */
} sta_orientation;

typedef enum sta_memory {
  STA_MEMORY_SYSTEM = 0,
  STA_MEMORY_CUDA = 1 /* plane[] are device pointers in sta_model_info.cuda_context; they are not followed on the host */
} sta_memory;

/** One raw frame in memory; only read during sta_stream_push, never kept. In CUDA memory the reading is put in order with cuda_stream instead: it
 * comes after the work that was put there before the push, and before what is put there afterwards; nobody waits. */
typedef struct sta_frame {
  size_t struct_size;
  sta_pixel_format format;
  int32_t width, height;   /* luma pixels, 1 .. 32768 */
  const uint8_t *plane[4]; /* first byte of each plane */
  int32_t stride[4];       /* bytes from one row to the next, may be padded; negative: bottom-up */
  sta_color_matrix matrix; /* of YUV formats */
  int32_t full_range;      /* 0: 16..235, 1: 0..255 (for YUV and GRAY8; RGB is always taken as full) */
  int32_t par_n, par_d;    /* pixel aspect ratio; 0/0 = 1/1 */
  uint64_t time;           /* running time of the first moment this frame is shown */
  uint64_t duration;       /* or STA_TIME_NONE */
  uint32_t flags;          /* sta_frame_flags */
  sta_memory memory;       /* since 2.1 */
  void *cuda_stream;       /* since 2.1, of STA_MEMORY_CUDA: the CUstream that the pixels are written in; NULL: the default stream */
  /** Since 2.2. The model sees the frame turned so; width, height, planes and pixel aspect ratio are those of the frame as it lies in memory. Default
   * NONE. A change in the middle of a stream is the caller's to reset for. */
  sta_orientation orientation;
} sta_frame;

STA_API void sta_frame_init_sized(sta_frame *frame, size_t struct_size);
static inline void sta_frame_init(sta_frame *frame) { sta_frame_init_sized(frame, sizeof(*frame)); }

/* ------------------------------------------------------------------------------------------------ streams */

typedef enum sta_gap_policy {
  STA_GAP_RESET = 0, /* drop the half-filled window and start the grid anew at the next frame */
  STA_GAP_HOLD = 1   /* repeat the last frame over the gap, windows with such a sample are degraded */
} sta_gap_policy;

typedef enum sta_tail_policy {
  STA_TAIL_PAD = 0, /* at end of stream a window at least half full is padded with its last frame and classified, degraded */
  STA_TAIL_DROP = 1
} sta_tail_policy;

typedef enum sta_resize {
  STA_RESIZE_AUTO = 0,     /* the model folder decides; bilinear where it is silent */
  STA_RESIZE_BILINEAR = 1, /* as OpenCV INTER_LINEAR on bytes: what the paper's models were tested with */
  STA_RESIZE_ANTIALIAS = 2 /* triangle filter over all source pixels, as Pillow BILINEAR */
} sta_resize;

typedef struct sta_stream_options {
  size_t struct_size;
  /** Spacing of a window's frames in ns; 0 (default): the model's. */
  uint64_t sample_interval;
  /** From one window to the next in ns, rounded up to a multiple of the spacing; 0 (default): a quarter of a window. */
  uint64_t hop;
  sta_gap_policy gap_policy;
  /** A longer time without a frame is a gap. 0 (default): twice the spacing, at least 500 ms. */
  uint64_t max_gap;
  sta_tail_policy tail_policy;
  sta_pruning pruning;
  int32_t drop_number;
  uint64_t seed;
  sta_resize resize;
  /** 0 (default): live, sta_stream_push never waits for a forward pass; a window that is not begun when the next one is ready is skipped and counted.
   *  1: every window is classified before sta_stream_push returns. Windows of nothing but one held frame: the newest,
   *  or the newest max_results. */
  int32_t blocking;
  /** Most finished results kept for sta_stream_pop, 1 .. 1024; the oldest is given up (and counted) beyond. Default 64. */
  int32_t max_results;
  /** Bounds of drop_number = STA_DROP_AUTO (since 1.1). max 0 (default): the model's largest. */
  int32_t min_drop_number, max_drop_number;
  /** 1 (default, since 1.2): a window whose pixels, at model size, all equal those of the newest classified window takes over its result without a
   *  forward pass, if pruning and generation are the same too. Not with STA_PRUNING_RANDOM, and not for frames in CUDA
   *  memory, which nobody compares.
   */
  int32_t static_skip;
} sta_stream_options;

typedef struct sta_stream sta_stream;
typedef struct sta_result sta_result;

typedef enum sta_result_flags {
  STA_RESULT_NONE = 0,
  STA_RESULT_DEGRADED = 1 << 0, /* some sample repeats a frame over a gap, or pads the tail */
  STA_RESULT_TAIL = 1 << 1,     /* the window was cut by the end of the stream */
  STA_RESULT_REUSED = 1 << 2    /* since 1.2: of the window before, see static_skip; inference_time is 0 */
} sta_result_flags;

typedef struct sta_result_info {
  size_t struct_size;
  uint64_t window_id;    /* counts the windows of this stream from 0, skipped ones too, also across resets */
  uint64_t window_start; /* running time of the first sample */
  uint64_t window_end;   /* running time of the last sample + spacing */
  uint32_t flags;        /* sta_result_flags */
  int32_t drop_number;
  int32_t batch_size;      /* windows that shared the forward pass */
  uint64_t inference_time; /* ns of the forward pass */
  uint64_t queue_time;     /* ns between submission and its begin */
  int32_t num_classes;
  sta_status status; /* not STA_OK: the forward pass failed, sta_result_message says why, there are no probabilities */
} sta_result_info;

typedef struct sta_stream_stats {
  size_t struct_size;
  uint64_t frames;         /* pushed */
  uint64_t frames_sampled; /* copied into a window */
  uint64_t windows;        /* completed by the sampling grid */
  uint64_t windows_classified;
  uint64_t windows_skipped; /* replaced in the mailbox before they were begun (live mode); of a frame held for long, see blocking */
  uint64_t windows_failed;
  uint64_t windows_discarded; /* made void by a reset while in flight */
  uint64_t results_lost;      /* not popped in time */
  uint64_t gaps, resets;
  uint64_t last_inference_time, mean_inference_time; /* ns; 0 before the first */
  uint64_t last_queue_time;
  uint64_t max_preprocess_time; /* ns, longest scale-and-copy of one frame */
  uint64_t mean_preprocess_time;
  /** Since 1.1: the drop number of the newest result, and the share of the time that the windows of all streams of the engine take at the drop
   * numbers chosen (above 1: they do not keep up). load is 0 unless some stream uses STA_DROP_AUTO. */
  int32_t drop_number;
  double load;
  uint64_t windows_reused; /* since 1.2: of those classified, the ones without a forward pass of their own (static_skip) */
} sta_stream_stats;

/** Since 1.2: a result was put where sta_stream_pop finds it. */
typedef void (*sta_result_notify)(void *user_data);

STA_API void sta_stream_options_init_sized(sta_stream_options *options, size_t struct_size);
static inline void sta_stream_options_init(sta_stream_options *options) { sta_stream_options_init_sized(options, sizeof(*options)); }
/** Keeps a reference to the engine. Errors: INVALID_ARGUMENT, OUT_OF_MEMORY. */
STA_API sta_status sta_stream_new(sta_engine *engine, const sta_stream_options *options, sta_stream **stream, sta_error *err);
/** Ends the stream; a forward pass under way for it is not waited for, its result is thrown away. NULL is ignored. */
STA_API void sta_stream_free(sta_stream *stream);
/** Takes new options; they hold from the next window on (a changed spacing or resize restarts the grid). `blocking` and `max_results` are taken at
 * once. */
STA_API sta_status sta_stream_configure(sta_stream *stream, const sta_stream_options *options, sta_error *err);
/** Offers a frame. Cost: one scaling to model size (and the forward pass too if `blocking`). A frame in another memory than the one before restarts
 * the window. Errors: INVALID_ARGUMENT for a frame that contradicts itself; UNSUPPORTED for memory that this engine
 * does not take; DEVICE; FLUSHING if sta_stream_set_flushing ended the wait. A failing forward pass is no error here
 * but a result with a status. */
STA_API sta_status sta_stream_push(sta_stream *stream, const sta_frame *frame, sta_error *err);
/** Time passes without a frame up to `time` (a GAP event): counts as a gap if longer than max_gap, else holds the last frame. */
STA_API sta_status sta_stream_advance(sta_stream *stream, uint64_t time, sta_error *err);
/** End of stream: settles the samples up to the end of the last frame, applies the tail policy, waits until all submitted windows are done. The next
 * push begins a new grid. */
STA_API sta_status sta_stream_drain(sta_stream *stream, sta_error *err);
/** Forgets the half-filled window and all results not yet popped or still in flight (a generation number tells them apart); the next frame begins a
 * new grid. */
STA_API void sta_stream_reset(sta_stream *stream);
/** 1: blocking calls return FLUSHING at once until set to 0. Any thread. */
STA_API void sta_stream_set_flushing(sta_stream *stream, int32_t flushing);
/** Oldest finished result, owned by the caller, or NULL. Never waits. Any thread. */
STA_API sta_result *sta_stream_pop(sta_stream *stream);
/** Since 1.2: calls notify(user_data) from the engine's worker thread whenever results have come, so that they need not be polled for. The function
 *  wakes somebody else and returns: all streams of the engine wait for it, and it must not call this API. NULL ends
 *  that; after the return of this function or of sta_stream_free the former function is not running and will not be
 *  called again. Any thread. */
STA_API void sta_stream_set_notify(sta_stream *stream, sta_result_notify notify, void *user_data);
/** stats->struct_size must be set. */
STA_API void sta_stream_get_stats(sta_stream *stream, sta_stream_stats *stats);
/** The hop and the spacing really used, in ns (rounded to the nanosecond). */
STA_API void sta_stream_get_timing(sta_stream *stream, uint64_t *sample_interval, uint64_t *hop, uint64_t *window_length);

/** info->struct_size must be set. */
STA_API void sta_result_get_info(const sta_result *result, sta_result_info *info);
/** f32 [num_classes]: softmax of the logits, sigmoid where sta_model_info.multi_label says so; NULL if the status is not OK. */
STA_API const float *sta_result_probabilities(const sta_result *result);
/** The k most probable classes, most probable first (ties: lower class first); returns how many were written, min(k, num_classes). */
STA_API int32_t sta_result_top(const sta_result *result, int32_t k, int32_t *class_ids, float *confidences);
/** What went wrong, "" if nothing. */
STA_API const char *sta_result_message(const sta_result *result);
STA_API void sta_result_free(sta_result *result);

/* ------------------------------------------------------------------------------------------------ events (since 1.1) */

/** Turns the scores of overlapping windows into events: smoothing, hysteresis, onset and offset. A window's verdict is credited to its newest hop,
 *  (window_end - hop, window_end]. One timeline per stream; not thread-safe. */
typedef struct sta_timeline sta_timeline;

typedef struct sta_timeline_options {
  size_t struct_size;
  int32_t smoothing;         /* windows averaged, 1 .. 1000. Default 1 */
  double enter_threshold;    /* 0 .. 1, a class starts at or above it. Default 0.5 */
  double exit_threshold;     /* 0 .. enter_threshold, it ends below it. Default 0.4 */
  uint64_t min_duration;     /* ns that a class has to be above enter_threshold before it starts. Default 0 */
  uint64_t release_duration; /* ns that it has to be below exit_threshold before it ends. Default 0 */
  uint64_t update_interval;  /* ns of stream time between two updates of an open event. Default 1 s */
  const int32_t *classes;    /* num_classes class ids that can become events; NULL: all. Copied */
  int32_t num_classes;
  int32_t background; /* a class that never becomes an event; -1 (default): none */
} sta_timeline_options;

/** Since 2.2. Fills smoothing, thresholds, durations and background with what the engine's model folder recommends, and leaves the rest as it is:
 *  for use between sta_timeline_options_init and the user's own settings. options->struct_size must be set.
 *  Thread-safe. */
STA_API void sta_engine_recommend_timeline(sta_engine *engine, sta_timeline_options *options);

typedef enum sta_event_kind { STA_EVENT_START = 0, STA_EVENT_UPDATE = 1, STA_EVENT_END = 2 } sta_event_kind;

typedef struct sta_event {
  size_t struct_size;
  sta_event_kind kind;
  uint64_t id; /* from 1, the same for start, updates and end of one event */
  int32_t class_id;
  uint64_t onset;    /* running time of the begin of the first supporting interval: never shifted by debouncing */
  uint64_t offset;   /* of the end of the last supporting interval so far */
  double confidence; /* mean smoothed score of the supporting windows */
  double peak;       /* largest smoothed score */
} sta_event;

STA_API void sta_timeline_options_init_sized(sta_timeline_options *options, size_t struct_size);
static inline void sta_timeline_options_init(sta_timeline_options *options) { sta_timeline_options_init_sized(options, sizeof(*options)); }
/** Errors: INVALID_ARGUMENT, OUT_OF_MEMORY. */
STA_API sta_status sta_timeline_new(int32_t num_classes, const sta_timeline_options *options, sta_timeline **timeline, sta_error *err);
STA_API void sta_timeline_free(sta_timeline *timeline);
/** New options hold from the next window on; an open event whose class is no longer wanted ends there. */
STA_API sta_status sta_timeline_configure(sta_timeline *timeline, const sta_timeline_options *options, sta_error *err);
/** Takes a window: hop is that of its stream (sta_stream_get_timing). A failed result is ignored. Events are then waiting in sta_timeline_pop. */
STA_API void sta_timeline_push(sta_timeline *timeline, const sta_result *result, uint64_t hop);
/** End of stream, reset, new scene: ends the open events where they were last supported. */
STA_API void sta_timeline_close(sta_timeline *timeline);
/** 1 and the oldest waiting event (event->struct_size must be set), or 0. */
STA_API int32_t sta_timeline_pop(sta_timeline *timeline, sta_event *event);
/** Id of the open event of a class and its onset (may be NULL); 0 if there is none. */
STA_API uint64_t sta_timeline_open_event(const sta_timeline *timeline, int32_t class_id, uint64_t *onset);

/* ------------------------------------------------------------------------------------------------ preprocessing alone */

/** Since 2.1: scales frames to the model's size as a stream does, but with several crops, as models are evaluated. Keeps its tables while frames have
 *  the same geometry. Not thread-safe: one for each thread. */
typedef struct sta_preprocessor sta_preprocessor;

/** How the published code of two families rounds; s is the slack, resized - crop, and n the number of crops. */
typedef enum sta_crop_rule {
  STA_CROPS_VIDEOMAE = 0, /* longer side rounded down, crop i begins at floor(i * s / (n - 1)) */
  STA_CROPS_MMACTION = 1  /* longer side to the nearest, crop i begins at i * floor(s / (n - 1)): for Video Swin */
} sta_crop_rule;

typedef struct sta_preprocess_options {
  size_t struct_size;
  sta_resize resize;
  int32_t num_crops; /* 1 (default): the middle. 2 .. 16: evenly along the longer side, from its begin to its end */
  sta_crop_rule crop_rule;
} sta_preprocess_options;

STA_API void sta_preprocess_options_init_sized(sta_preprocess_options *options, size_t struct_size);
static inline void sta_preprocess_options_init(sta_preprocess_options *options) { sta_preprocess_options_init_sized(options, sizeof(*options)); }
/** Keeps a reference to the engine. Errors: INVALID_ARGUMENT, OUT_OF_MEMORY. */
STA_API sta_status sta_preprocessor_new(sta_engine *engine, const sta_preprocess_options *options, sta_preprocessor **preprocessor, sta_error *err);
/** rgb: u8 [num_crops, image_height, image_width, 3]. Errors: INVALID_ARGUMENT for a frame that contradicts itself. */
STA_API sta_status sta_preprocessor_run(sta_preprocessor *preprocessor, const sta_frame *frame, uint8_t *rgb, sta_error *err);
/** NULL is ignored. */
STA_API void sta_preprocessor_free(sta_preprocessor *preprocessor);

/** Only preprocessing, for tests and tools: scales and crops one frame to the model's size as a stream would.
 *  rgb: u8 [image_height, image_width, 3]. */
STA_API sta_status sta_preprocess_frame(sta_engine *engine, const sta_frame *frame, sta_resize resize, uint8_t *rgb, sta_error *err);

#ifdef __cplusplus
}
#endif

#endif /* STA_H */
