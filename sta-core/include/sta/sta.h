/* SPDX-License-Identifier: MIT */
/*
 * sta.h: the C API of sta-core, the engine that turns timed video frames into action labels. The engine does not depend
 * on GStreamer, so any application or language can embed it through this header. sta.hpp beside it wraps it for C++.
 *
 * Three handles do most of the work:
 *   sta_engine  one model on one device in one precision, with its worker thread. Opening the same model twice in a
 *               process gives the same engine, so many cameras share one copy of the weights. Reference counted.
 *   sta_stream  one camera. It takes frames and cuts a window from them every hop. The engine classifies the windows.
 *   sta_result  one classified window: a probability for each class.
 *
 * Program:
 *   // Prints the label of each window. The frames are raw RGB from stdin, 640 x 480 at 25 frames per second:
 *   // ffmpeg -i clip.mp4 -r 25 -s 640x480 -pix_fmt rgb24 -f rawvideo - | ./label models/camera-watch
 *   #include <sta/sta.h>
 *   #include <stdio.h>
 *
 *   static int fail(const sta_error *err) {
 *     fprintf(stderr, "%s\n", err->message);
 *     return 1;
 *   }
 *
 *   int main(int argc, char **argv) {
 *     static uint8_t pixels[640 * 480 * 3];
 *     sta_error err;
 *     sta_engine *engine = NULL;
 *     sta_engine_options engine_options;
 *     sta_engine_options_init(&engine_options);
 *     engine_options.model = argc > 1 ? argv[1] : "models/camera-watch";
 *     if (sta_engine_open(&engine_options, &engine, &err) != STA_OK) return fail(&err);
 *
 *     sta_stream *stream = NULL;
 *     sta_stream_options stream_options;
 *     sta_stream_options_init(&stream_options);
 *     stream_options.blocking = 1;  // a file can wait: classify every window
 *     if (sta_stream_new(engine, &stream_options, &stream, &err) != STA_OK) return fail(&err);
 *
 *     sta_frame frame;
 *     sta_frame_init(&frame);
 *     frame.format = STA_FORMAT_RGB;
 *     frame.width = 640;
 *     frame.height = 480;
 *     frame.plane[0] = pixels;
 *     frame.stride[0] = 640 * 3;
 *     frame.duration = 1000000000 / 25;
 *     frame.time = 0;
 *     for (int more = 1; more; frame.time += frame.duration) {
 *       more = fread(pixels, sizeof(pixels), 1, stdin) == 1;
 *       sta_status status = more ? sta_stream_push(stream, &frame, &err) : sta_stream_drain(stream, &err);
 *       if (status != STA_OK) return fail(&err);
 *       for (sta_result *result; (result = sta_stream_pop(stream)) != NULL; sta_result_free(result)) {
 *         int32_t best;
 *         if (sta_result_top(result, 1, &best, NULL) == 1) puts(sta_engine_label(engine, best));
 *       }
 *     }
 *     sta_stream_free(stream);
 *     sta_engine_unref(engine);
 *     return 0;
 *   }
 *
 * Errors: a function that can fail returns a sta_status and takes a sta_error, which may be NULL. After a failure
 *   err->message is one sentence. It names what was wrong and what would be right. No exception leaves this API.
 *
 * Threads: sta_engine functions may be called from any thread. The functions push, advance, drain and reset of a
 *   sta_stream may be called from one thread at a time. Its functions configure, get_timing, get_stats, pop, set_notify
 *   and set_flushing may be called from any thread at any time. The other types say at their own comments how they
 *   are called.
 *
 * Times: nanoseconds of running time, uint64_t. STA_TIME_NONE means unknown.
 *
 * Strings: UTF-8. A returned string belongs to the handle that it came from.
 *
 * Versions: "Since 1.2" names the version of this API that added something. A caller that was compiled against an older
 *   header keeps working within one major version. For this, option and info structs begin with struct_size: it tells
 *   the library how large the caller's struct is. Fields that the caller does not know take their defaults and are not
 *   written. A struct that you fill in has a function *_init. It sets struct_size and the defaults. It is compiled into
 *   the caller and passes the caller's size to *_init_sized. For a struct that the library fills in, set struct_size
 *   yourself.
 *
 * The sections come in the order in which you need them:
 *   Versions and errors, Opening a model, Pruning, Frames, Streams, Results, Statistics, Events: for live video
 *   Pictures, Clips: for single forward passes, as in evaluation
 *   Label lists, Converting a model, Costs: for tools
 * Code after "Use:" assumes `sta_error err` and the handles, options and frames that the code before has made.
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

/* ------------------------------------------------------------------------------------------------ Versions and errors
 *
 * Whether the loaded library fits this header, and how a call failed. An application that is linked against sta-core
 * need not check the version, as the name of the library file contains STA_API_MAJOR. Check it after dlopen.
 *
 * Use:
 *   if (sta_api_version() >> 16 != STA_API_MAJOR || (sta_api_version() & 0xffff) < STA_API_MINOR)
 *     fprintf(stderr, "sta-core %s does not fit: API %d.%d is needed\n", sta_version(), STA_API_MAJOR, STA_API_MINOR);
 */

/** Rises when a function or field is added. Older callers keep working. */
#define STA_API_MINOR 3
/** Rises when something is removed or changes its meaning. Older callers stop working: the loader of libgststa.so
 *  refuses a library with another major number. */
#define STA_API_MAJOR 2

/** (STA_API_MAJOR << 16) | STA_API_MINOR of the library that is loaded. */
STA_API uint32_t sta_api_version(void);
/** Version of the library, for people: "0.1.0". */
STA_API const char *sta_version(void);

typedef enum sta_status {
  STA_OK = 0,
  STA_ERROR_INVALID_ARGUMENT = 1, /* an option or argument is out of its range */
  STA_ERROR_NOT_FOUND = 2,        /* a file or folder is missing */
  STA_ERROR_BAD_MODEL = 3,        /* a file is there but malformed, incomplete or contradicts itself */
  STA_ERROR_UNSUPPORTED = 4,      /* well-formed, but a variant that this library does not implement */
  STA_ERROR_DEVICE = 5,           /* the requested device is absent or failed */
  STA_ERROR_OUT_OF_MEMORY = 6,
  STA_ERROR_FLUSHING = 7, /* not a failure: sta_stream_set_flushing ended a blocking call */
  STA_ERROR_INTERNAL = 8  /* LibTorch threw something that fits nothing above */
} sta_status;

typedef struct sta_error {
  sta_status status;
  char message[1000];
} sta_error;

/* ------------------------------------------------------------------------------------------------ Opening a model
 *
 * An engine holds the weights of one model and runs its forward passes. Open it before the first frame comes.
 *
 * Use:
 *   engine_options.model = "models/camera-watch";  // after sta_engine_options_init(&engine_options)
 *   if (sta_engine_open(&engine_options, &engine, &err) == STA_OK) puts(sta_engine_label(engine, 0));
 *   else fprintf(stderr, "%s\n", err.message);
 */

typedef enum sta_precision {
  STA_PRECISION_AUTO = 0, /* bf16 where the device multiplies it natively (CUDA sm80+, AVX512-BF16, AMX), else fp32 */
  STA_PRECISION_FP32 = 1,
  STA_PRECISION_BF16 = 2, /* weights and activations bf16, token scoring fp32 */
  STA_PRECISION_FP16 = 3
} sta_precision;

typedef struct sta_engine sta_engine;

/** Engines are shared. inference_threads, worker_nice, max_batch and batch_timeout hold as the first caller to open the
 *  engine set them. */
typedef struct sta_engine_options {
  size_t struct_size;
  /** One of three things:
   *  - A folder of Hugging Face with a VideoMAE, ViViT, V-JEPA 2 or TimeSformer, or one with a Video Swin.
   *  - One .safetensors, .pth or .bin file in the names of VideoMAE, VideoMAE v2, mmaction2, Hugging Face, Video Swin
   *    (mmcv) or torchvision.
   *  - "arch:NAME": an architecture with generated weights, for benchmarks. NAME is vit_small, vit_base, vit_large,
   *    vit_huge, vivit_base, vjepa2_large, vjepa2_huge, vjepa2_giant, video_swin_tiny, video_swin_small,
   *    video_swin_base or video_swin_base_w16. */
  const char *model;
  /** File with as many labels as the model has classes, in any of the forms of docs/models.md. NULL: the labels of the
   *  model folder. If it has none, those of sta_builtin_label. If these do not fit either, "class N". */
  const char *labels;
  /** "auto" (default, also NULL): CUDA if it works, else CPU. "cpu", "cuda", "cuda:N": that one or an error. */
  const char *device;
  sta_precision precision;
  /** CPU threads of a forward pass, 1 .. 256. 0 (default): all cores but one, at least one. */
  int32_t inference_threads;
  /** Added to the nice value of the worker thread and its helpers, 0 .. 19, so that frames go on moving while a model
   *  computes. Default 10. */
  int32_t worker_nice;
  /** Most windows (of all streams) in one forward pass, 1 .. 64. Default 4. */
  int32_t max_batch;
  /** Number of attention heads. 0 (default): from the file. Set it for raw files without metadata if the head size is
   *  not 64. */
  int32_t num_heads;
  /** Since 1.2: how long a window waits for windows of other streams to share its forward pass, in ns, at most 1 s. 0
   *  (default): it does not wait. It never waits for a stream that has nothing to send, and never once max_batch
   *  windows are there. */
  uint64_t batch_timeout;
  /** Since 1.2: height and width of the input in pixels, and frames of a window. 0 (default): from the model. Set them
   *  if the file does not say and they are not 224 and 16 (Video Swin: 224 and 32). */
  int32_t image_size, num_frames;
  /** Since 2.2: width of the input. image_size is then its height and has to be set too. 0: square. */
  int32_t image_width;
} sta_engine_options;

STA_API void sta_engine_options_init_sized(sta_engine_options *options, size_t struct_size);
static inline void sta_engine_options_init(sta_engine_options *options) { sta_engine_options_init_sized(options, sizeof(*options)); }
/** Loads a model, or returns the engine that already holds it: same resolved path, file size and time, labels, device,
 *  precision, heads, image size and frames. Each success needs a sta_engine_unref. Blocks while it reads files, so do
 *  not call it in a streaming thread. Errors: NOT_FOUND, BAD_MODEL, UNSUPPORTED, INVALID_ARGUMENT, DEVICE,
 *  OUT_OF_MEMORY. */
STA_API sta_status sta_engine_open(const sta_engine_options *options, sta_engine **engine, sta_error *err);
STA_API sta_engine *sta_engine_ref(sta_engine *engine);
/** Gives a reference back. The last one joins the worker thread: it waits for a forward pass under way. NULL is
 *  ignored. */
STA_API void sta_engine_unref(sta_engine *engine);

typedef struct sta_model_info {
  size_t struct_size;
  const char *name;         /* last part of the model path */
  const char *path;         /* as resolved */
  const char *architecture; /* "videomae", "video_swin" */
  const char *device;       /* "cpu", "cuda:0" */
  const char *precision;    /* "fp32", "bf16", "fp16" */
  int32_t num_frames, tubelet, patch, image_height, image_width;
  /** video_swin: embed_dim, num_heads and mlp_dim of the first stage, depth of all stages together. */
  int32_t embed_dim, depth, num_heads, mlp_dim, num_classes;
  int32_t num_tokens;      /* at the input, n_t * n_s */
  int32_t tokens_per_step; /* n_s: tokens of one tubelet step */
  /** Largest legal drop number. 0: this model cannot be pruned (e.g. steps not divisible by 4). video_swin:
   *  of 784 tokens. */
  int32_t max_drop_number;
  uint64_t num_parameters;
  uint64_t sample_interval_ns; /* spacing of the frames the model was trained on, rounded */
  int32_t antialias;           /* 1: the model folder asks for antialiased resizing */
  float mean[3], std[3];
  const char *warnings; /* lines, e.g. a head count that was corrected; "" if none */
  /** Since 1.2, of video_swin: blocks and heads of each of the num_stages stages (0: no stages), and the window in
   *  steps, rows, columns. */
  int32_t num_stages, stage_depths[8], stage_heads[8], window[3];
  /** Since 2.1: the CUcontext that frames in CUDA memory have to be in. It is the primary context of the model's
   *  device. NULL: this engine takes no such frames (the model runs on the CPU, or libsta-cuda cannot be used). */
  void *cuda_context;
  /** Since 2.2. 1: several classes may hold at once, so each has a probability of its own (sigmoid). 0: classes exclude
   *  each other (softmax). */
  int32_t multi_label;
  /** Since 2.2: the attention kernels that the model uses now. "own": the engine's, on CPUs. Of LibTorch: "cuDNN",
   *  "flash", "memory-efficient", "plain", or several of them joined by ", ". The engine finds these by trying. If one fails, the engine switches it
   *  off for the process and the next one takes its place. */
  const char *attention;
  /** Since 2.3: what the model folder recommends for sta_stream_options.still_threshold; 0: nothing. */
  float still_threshold;
} sta_model_info;

/** info->struct_size must be set. Strings live as long as the engine. */
STA_API void sta_engine_get_info(sta_engine *engine, sta_model_info *info);
/** Label of a class, or NULL if there is no such class. */
STA_API const char *sta_engine_label(sta_engine *engine, int32_t class_id);

/* ------------------------------------------------------------------------------------------------ Pruning
 *
 * The model may drop tokens on its way, which saves time and costs accuracy. The drop number r says how many: tokens
 * dropped per group and pruning call. 0 means dense. video_swin counts r in a frame of 784 tokens and scales it to each
 * group. sta_model_info.max_drop_number is the largest r.
 *
 * Use:
 *   stream_options.pruning = STA_PRUNING_STA;
 *   stream_options.drop_number = 48;
 *   if (sta_engine_check_drop_number(engine, 48, &err) != STA_OK) fprintf(stderr, "%s\n", err.message);
 */

typedef enum sta_pruning {
  STA_PRUNING_STA = 0,    /* the paper's rule */
  STA_PRUNING_RANDOM = 1, /* drops as many tokens per group, chosen by a seeded generator: the paper's Fig 4 baseline */
  STA_PRUNING_NONE = 2    /* dense; drop_number is ignored */
} sta_pruning;

/** As a drop number of a stream: the engine chooses it for each window, the smallest that keeps up with all its
 *  streams. */
#define STA_DROP_AUTO (-1)

/** OK if this engine's model can drop that many tokens, else INVALID_ARGUMENT with the legal range in the message. */
STA_API sta_status sta_engine_check_drop_number(sta_engine *engine, int32_t drop_number, sta_error *err);
/** Since 2.3: as sta_engine_check_drop_number, for sta_stream_options.still_threshold. Errors: INVALID_ARGUMENT,
 *  UNSUPPORTED (a value above 0 for a video_swin). */
STA_API sta_status sta_engine_check_still_threshold(sta_engine *engine, float still_threshold, sta_error *err);

/* ------------------------------------------------------------------------------------------------ Frames
 *
 * A sta_frame describes one raw picture: where its pixels lie, what they mean and when it is shown. It owns nothing.
 *
 * Use:
 *   sta_frame_init(&frame);
 *   frame.format = STA_FORMAT_RGB, frame.width = 640, frame.height = 480, frame.time = 0;
 *   frame.plane[0] = pixels, frame.stride[0] = 640 * 3;
 */

#define STA_TIME_NONE UINT64_MAX

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

/** Since 2.2. How to turn or mirror a frame to make it upright, as players do. Numbers and names are those of
 *  GStreamer's GstVideoOrientationMethod. */
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
  STA_MEMORY_CUDA = 1 /* plane[] are device pointers in sta_model_info.cuda_context; the host does not follow them */
} sta_memory;

/** One raw frame in memory. sta_stream_push reads the pixels before it returns and keeps no pointer to them. Frames in
 *  CUDA memory are different: the read is queued in cuda_stream. It runs after the work that was put there before the
 *  push, and before the work that is put there afterwards. Nobody waits. */
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
  void *cuda_stream;       /* since 2.1, of STA_MEMORY_CUDA: CUstream that writes the pixels; NULL: the default one */
  /** Since 2.2. The model sees the frame turned this way. width, height, planes and pixel aspect ratio describe the
   *  frame as it lies in memory. Default NONE. If it changes in the middle of a stream, the caller has to reset the
   *  stream. */
  sta_orientation orientation;
} sta_frame;

STA_API void sta_frame_init_sized(sta_frame *frame, size_t struct_size);
static inline void sta_frame_init(sta_frame *frame) { sta_frame_init_sized(frame, sizeof(*frame)); }

/* ------------------------------------------------------------------------------------------------ Streams
 *
 * A stream is one camera. Push its frames in the order of time. The stream scales them to the size of the model,
 * samples them on a regular grid and hands every full window to the engine. sta_stream_pop gives the results.
 *
 * Use:
 *   sta_status status = sta_stream_new(engine, &stream_options, &stream, &err);
 *   if (status == STA_OK) status = sta_stream_push(stream, &frame, &err);  // for each frame
 *   if (status == STA_OK) status = sta_stream_drain(stream, &err);         // at the end
 */

typedef enum sta_gap_policy {
  STA_GAP_RESET = 0, /* drop the half-filled window and start the grid anew at the next frame */
  STA_GAP_HOLD = 1   /* repeat the last frame over the gap; windows with such a sample are degraded */
} sta_gap_policy;

/** What happens to the last window when the stream ends. */
typedef enum sta_tail_policy {
  STA_TAIL_PAD = 0, /* if at least half full, it is padded with its last frame and classified, degraded */
  STA_TAIL_DROP = 1
} sta_tail_policy;

typedef enum sta_resize {
  STA_RESIZE_AUTO = 0,     /* the model folder decides; bilinear if it does not say */
  STA_RESIZE_BILINEAR = 1, /* as OpenCV INTER_LINEAR on bytes: what the paper's models were tested with */
  STA_RESIZE_ANTIALIAS = 2 /* triangle filter over all source pixels, as Pillow BILINEAR */
} sta_resize;

typedef struct sta_stream_options {
  size_t struct_size;
  /** Spacing of a window's frames in ns. 0 (default): the model's. */
  uint64_t sample_interval;
  /** From one window to the next in ns, rounded up to a multiple of the spacing. 0 (default): a quarter of a window. */
  uint64_t hop;
  sta_gap_policy gap_policy;
  /** A longer time without a frame is a gap. In ns. 0 (default): twice the spacing, at least 500 ms. */
  uint64_t max_gap;
  sta_tail_policy tail_policy;
  sta_pruning pruning;
  /** See Pruning; STA_DROP_AUTO is allowed. 0 (default): dense. */
  int32_t drop_number;
  /** Of STA_PRUNING_RANDOM. */
  uint64_t seed;
  sta_resize resize;
  /** 0 (default): live. sta_stream_push never waits for a forward pass. If the next window is ready before a window is
   *  begun, the older one is skipped and counted.
   *  1: every window is classified before sta_stream_push returns. If one frame is held for so long that many windows
   *  show nothing else, only the newest max_results of these are classified (live: only the newest). */
  int32_t blocking;
  /** Most finished results kept for sta_stream_pop, 1 .. 1024. Beyond that the oldest is given up and counted. Default
   *  64. */
  int32_t max_results;
  /** Since 1.1: bounds of drop_number = STA_DROP_AUTO. max 0 (default): the model's largest. */
  int32_t min_drop_number, max_drop_number;
  /** Since 1.2. 1 (default): a window takes over the result of the newest classified window, without a forward pass, if
   *  all pixels of the two are equal at model size, pruning is the same and no reset came between. This does not work
   *  with STA_PRUNING_RANDOM. It does not work for frames in CUDA memory either, as they are not compared. */
  int32_t static_skip;
  /** Since 2.3: drops still tokens before the first block, so that cost follows motion. A token is still if its
   *  normalised pixels differ on average by less than this from those of the last token at its place that was not still.
   *  0: off. 0.1 is a good value for models that were trained with it. A negative value (default -1): what the model folder recommends
   *  (sta_model_info.still_threshold). Only plain ViTs (no Video Swin, no TimeSformer) take a value above 0. It has no
   *  effect on frames in CUDA memory. With nothing still results are the same bit for bit. */
  float still_threshold;
} sta_stream_options;

typedef struct sta_stream sta_stream;

STA_API void sta_stream_options_init_sized(sta_stream_options *options, size_t struct_size);
static inline void sta_stream_options_init(sta_stream_options *options) { sta_stream_options_init_sized(options, sizeof(*options)); }
/** Keeps a reference to the engine. Errors: INVALID_ARGUMENT, OUT_OF_MEMORY. */
STA_API sta_status sta_stream_new(sta_engine *engine, const sta_stream_options *options, sta_stream **stream, sta_error *err);
/** Ends the stream. It does not wait for a forward pass under way; the result of that pass is thrown away. NULL is
 *  ignored. */
STA_API void sta_stream_free(sta_stream *stream);
/** Takes new options. They hold from the next window on. A changed spacing or resize restarts the grid. `blocking` and
 *  `max_results` hold from the next push on. Any thread. */
STA_API sta_status sta_stream_configure(sta_stream *stream, const sta_stream_options *options, sta_error *err);
/** The hop, the spacing and the length of a window really used, in ns (rounded to the nanosecond). Each pointer may be
 *  NULL. Any thread. */
STA_API void sta_stream_get_timing(sta_stream *stream, uint64_t *sample_interval, uint64_t *hop, uint64_t *window_length);

/** Offers a frame. Cost: one scaling to model size (and the forward pass too if `blocking`). The window restarts if the
 *  frame is in another kind of memory than the one before. A failing forward pass is not an error here: it gives a
 *  result with a status. Errors: INVALID_ARGUMENT for a frame that contradicts itself; UNSUPPORTED for memory that this
 *  engine does not take; DEVICE; FLUSHING if sta_stream_set_flushing ended the wait. */
STA_API sta_status sta_stream_push(sta_stream *stream, const sta_frame *frame, sta_error *err);
/** Time passed without a frame, up to `time` (a GAP event). If that is longer than max_gap it counts as a gap, else the
 *  last frame is held. */
STA_API sta_status sta_stream_advance(sta_stream *stream, uint64_t time, sta_error *err);
/** End of stream. Settles the samples up to the end of the last frame, applies the tail policy, and waits until all
 *  submitted windows are done. The next push begins a new grid. Errors: FLUSHING, DEVICE. */
STA_API sta_status sta_stream_drain(sta_stream *stream, sta_error *err);
/** Forgets the half-filled window, the results that are not yet popped, and the windows still in flight. The next frame
 *  begins a new grid. */
STA_API void sta_stream_reset(sta_stream *stream);
/** 1: blocking calls return FLUSHING at once, until it is set to 0. Any thread. */
STA_API void sta_stream_set_flushing(sta_stream *stream, int32_t flushing);

/* ------------------------------------------------------------------------------------------------ Results
 *
 * A result is one classified window. Pop results after each push, or in another thread when a notify function says so.
 *
 * Use:
 *   int32_t ids[3], n = sta_result_top(result, 3, ids, confidences);
 *   for (int32_t i = 0; i < n; ++i) printf("%s %.2f\n", sta_engine_label(engine, ids[i]), confidences[i]);
 *   sta_result_free(result);
 */

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
  uint64_t queue_time;     /* ns from the submission of the window to the begin of its pass */
  int32_t num_classes;
  sta_status status; /* not STA_OK: the forward pass failed, sta_result_message says why, there are no probabilities */
  /** Since 2.3: the tokens that entered the first block, num_tokens if nothing was still, and the multiply-adds of the
   *  window. A result that was reused has the tokens of its window and 0 multiply-adds. */
  int32_t tokens;
  uint64_t multiply_adds;
} sta_result_info;

/** Oldest finished result, owned by the caller, or NULL. Never waits. Any thread. */
STA_API sta_result *sta_stream_pop(sta_stream *stream);
/** info->struct_size must be set. */
STA_API void sta_result_get_info(const sta_result *result, sta_result_info *info);
/** f32 [num_classes]: softmax of the logits, or sigmoid if sta_model_info.multi_label is 1. NULL if the status is not
 *  OK. Lives as long as the result. */
STA_API const float *sta_result_probabilities(const sta_result *result);
/** The k most probable classes, most probable first (ties: lower class first). Returns how many were written:
 *  min(k, num_classes). class_ids needs room for k numbers, confidences too unless it is NULL. */
STA_API int32_t sta_result_top(const sta_result *result, int32_t k, int32_t *class_ids, float *confidences);
/** What went wrong, "" if nothing. */
STA_API const char *sta_result_message(const sta_result *result);
STA_API void sta_result_free(sta_result *result);

/** Since 1.2: a result was put where sta_stream_pop finds it. */
typedef void (*sta_result_notify)(void *user_data);

/** Since 1.2: calls notify(user_data) from the engine's worker thread whenever results have come, so that nobody has to
 *  poll. The function has to wake somebody else and return, as all streams of the engine wait for it. It must not call
 *  this API. NULL ends the calls. After this function or sta_stream_free returns, the former function is not running
 *  and will not be called again. Any thread. */
STA_API void sta_stream_set_notify(sta_stream *stream, sta_result_notify notify, void *user_data);

/* ------------------------------------------------------------------------------------------------ Statistics
 *
 * Counts and times of a stream: does it keep up, and does it lose anything?
 *
 * Use:
 *   sta_stream_stats stats = {.struct_size = sizeof(stats)};
 *   sta_stream_get_stats(stream, &stats);
 *   if (stats.windows_skipped > 0) puts("the model does not keep up: raise drop_number or hop");
 */

typedef struct sta_stream_stats {
  size_t struct_size;
  uint64_t frames;         /* pushed */
  uint64_t frames_sampled; /* copied into a window */
  uint64_t windows;        /* completed by the sampling grid */
  uint64_t windows_classified;
  uint64_t windows_skipped; /* replaced before they were begun (live mode), or of a frame held for long, see blocking */
  uint64_t windows_failed;
  uint64_t windows_discarded; /* made void by a reset while in flight */
  uint64_t results_lost;      /* not popped in time */
  uint64_t gaps, resets;
  uint64_t last_inference_time, mean_inference_time; /* ns; 0 before the first */
  uint64_t last_queue_time;                          /* ns */
  uint64_t max_preprocess_time;                      /* ns, longest scale-and-copy of one frame */
  uint64_t mean_preprocess_time;                     /* ns */
  /** Since 1.1: the drop number of the newest result. */
  int32_t drop_number;
  /** Since 1.1: the share of the time that the windows of all streams of the engine take at the drop numbers chosen.
   *  Above 1 the engine does not keep up. 0 unless some stream uses STA_DROP_AUTO. */
  double load;
  uint64_t windows_reused; /* since 1.2: classified, but without a forward pass of their own (static_skip) */
  int32_t tokens;          /* since 2.3: of the newest window that had a forward pass */
} sta_stream_stats;

/** stats->struct_size must be set. Any thread. */
STA_API void sta_stream_get_stats(sta_stream *stream, sta_stream_stats *stats);

/* ------------------------------------------------------------------------------------------------ Events (since 1.1)
 *
 * A timeline turns the scores of overlapping windows into events with an onset and an offset, by smoothing and
 * hysteresis. It credits each window's scores to the newest hop of the window, (window_end - hop, window_end]. Make one
 * timeline per stream. A timeline is not thread-safe.
 *
 * Use:
 *   sta_event event = {.struct_size = sizeof(event)};
 *   sta_timeline_push(timeline, result, hop);  // the hop of sta_stream_get_timing
 *   while (sta_timeline_pop(timeline, &event))
 *     if (event.kind == STA_EVENT_START) printf("class %d from %g s\n", event.class_id, event.onset / 1e9);
 */

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
/** Since 2.2. Sets smoothing, thresholds, durations and background to what the engine's model folder recommends, and
 *  leaves the rest as it is. Call it after sta_timeline_options_init and before the user's own settings.
 *  options->struct_size must be set. Thread-safe. */
STA_API void sta_engine_recommend_timeline(sta_engine *engine, sta_timeline_options *options);
/** Errors: INVALID_ARGUMENT, OUT_OF_MEMORY. */
STA_API sta_status sta_timeline_new(int32_t num_classes, const sta_timeline_options *options, sta_timeline **timeline, sta_error *err);
STA_API void sta_timeline_free(sta_timeline *timeline);
/** New options hold from the next window on. An open event ends there if its class is no longer wanted. */
STA_API sta_status sta_timeline_configure(sta_timeline *timeline, const sta_timeline_options *options, sta_error *err);
/** Takes a window. hop is the hop of its stream (sta_stream_get_timing). A failed result is ignored. Events then wait
 *  in sta_timeline_pop. */
STA_API void sta_timeline_push(sta_timeline *timeline, const sta_result *result, uint64_t hop);
/** End of stream, reset, new scene: ends the open events at the time where they were last supported. */
STA_API void sta_timeline_close(sta_timeline *timeline);
/** 1 and the oldest waiting event (event->struct_size must be set), or 0. */
STA_API int32_t sta_timeline_pop(sta_timeline *timeline, sta_event *event);
/** Id of the open event of a class, and its onset (may be NULL). 0 if there is none. */
STA_API uint64_t sta_timeline_open_event(const sta_timeline *timeline, int32_t class_id, uint64_t *onset);

/* ------------------------------------------------------------------------------------------------ Pictures
 *
 * Preprocessing alone: scales and crops frames to the size of the model, as a stream does. The pictures are the input
 * of sta_engine_forward_frames. A sta_preprocessor can cut several crops, as models are evaluated.
 *
 * Use:
 *   static uint8_t rgb[224 * 224 * 3];  // image_height and image_width of sta_model_info
 *   if (sta_preprocess_frame(engine, &frame, STA_RESIZE_AUTO, rgb, &err) != STA_OK)
 *     fprintf(stderr, "%s\n", err.message);
 */

/** One frame, one crop, for tests and tools. rgb: u8 [image_height, image_width, 3]. Thread-safe. Errors:
 *  INVALID_ARGUMENT for a frame that contradicts itself or is not in system memory. */
STA_API sta_status sta_preprocess_frame(sta_engine *engine, const sta_frame *frame, sta_resize resize, uint8_t *rgb, sta_error *err);

/** Since 2.1: the same for many frames and with several crops. Keeps its tables while frames have the same geometry.
 *  Not thread-safe: make one for each thread. */
typedef struct sta_preprocessor sta_preprocessor;

/** How the published code of two families rounds. s is the slack, resized - crop, and n the number of crops. */
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
/** rgb: u8 [num_crops, image_height, image_width, 3]. Errors: INVALID_ARGUMENT for a frame that contradicts itself or
 *  is not in system memory. */
STA_API sta_status sta_preprocessor_run(sta_preprocessor *preprocessor, const sta_frame *frame, uint8_t *rgb, sta_error *err);
/** NULL is ignored. */
STA_API void sta_preprocessor_free(sta_preprocessor *preprocessor);

/* ------------------------------------------------------------------------------------------------ Clips
 *
 * One forward pass on given clips, in the caller's thread, without time and without a stream. A clip is the input of
 * the model: T = num_frames pictures of H = image_height times W = image_width pixels. The result has logits, not
 * probabilities.
 *
 * Use:
 *   if (sta_engine_forward_frames(engine, pictures, 1, &forward_options, &clip_result, &err) == STA_OK)
 *     printf("logit of class 0: %g\n", sta_clip_result_logits(clip_result, NULL, NULL)[0]);
 *   sta_clip_result_free(clip_result);
 */

typedef struct sta_forward_options {
  size_t struct_size;
  sta_pruning pruning;
  int32_t drop_number;   /* see Pruning; 0 (default): dense. STA_DROP_AUTO is not allowed */
  uint64_t seed;         /* of STA_PRUNING_RANDOM; item i of a batch takes seed + i */
  const uint64_t *seeds; /* since 2.1: one for each item, which is then pruned the same in any batch; NULL: as above */
  /** Since 2.3: see sta_stream_options.still_threshold. All clips of a batch take as many tokens as the one that changes
   *  most. Negative (default -1): the model's own. */
  float still_threshold;
} sta_forward_options;

typedef struct sta_clip_result sta_clip_result;

STA_API void sta_forward_options_init_sized(sta_forward_options *options, size_t struct_size);
static inline void sta_forward_options_init(sta_forward_options *options) { sta_forward_options_init_sized(options, sizeof(*options)); }
/** Since 2.1: one forward pass on pictures, which it normalises as a stream does. frames: batch * T pointers to u8
 *  [H,W,3] RGB, as a sta_preprocessor makes them, clip by clip in the order of time. Clips may share pictures. Errors:
 *  INVALID_ARGUMENT, OUT_OF_MEMORY, INTERNAL, DEVICE. */
STA_API sta_status sta_engine_forward_frames(sta_engine *engine, const uint8_t *const *frames, int32_t batch, const sta_forward_options *options,
                                             sta_clip_result **result, sta_error *err);
/** The same on a clip that is normalised already. clip: f32 [batch, 3, T, H, W], contiguous. Errors as above. */
STA_API sta_status sta_engine_forward(sta_engine *engine, const float *clip, int32_t batch, const sta_forward_options *options,
                                      sta_clip_result **result, sta_error *err);
/** logits: f32 [batch, num_classes]. They live as long as the result. batch and num_classes may be NULL. */
STA_API const float *sta_clip_result_logits(const sta_clip_result *result, int32_t *batch, int32_t *num_classes);
/** The tokens that pruning kept. call 1, 2, 3: indices into the input sequence of that pruning call, in emitted order.
 *  call 0: the final tokens, as original token indices. video_swin selects at the entry of stages 2, 3, 4, from the
 *  full grid of each; call 0 is then the same as call 3. item: index in the batch. NULL with *count = 0 if nothing was
 *  pruned. */
STA_API const int32_t *sta_clip_result_kept(const sta_clip_result *result, int32_t item, int32_t call, int32_t *count);
/** Since 2.3: the tokens that entered the first block, as original token indices in ascending order. item: index in the
 *  batch. NULL with *count = 0 if all of them did. */
STA_API const int32_t *sta_clip_result_tokens(const sta_clip_result *result, int32_t item, int32_t *count);
STA_API void sta_clip_result_free(sta_clip_result *result);

/** Reads tensor "clip" (F32, [3,T,H,W] or [B,3,T,H,W]) of a .safetensors file. shape gets B,3,T,H,W. Free *data with
 *  sta_free. */
STA_API sta_status sta_clip_load(const char *path, float **data, int32_t shape[5], sta_error *err);
/** Writes the logits [B,n] as .safetensors. If B = 1 and the run was pruned, it adds kept_1, kept_2, kept_3 and
 *  final_tokens (I32); input_tokens (I32) if something was still. */
STA_API sta_status sta_clip_result_save(const sta_clip_result *result, const char *path, sta_error *err);
STA_API void sta_free(void *memory);

/* ------------------------------------------------------------------------------------------------ Label lists
 *
 * Class names without a model: from a file, or from the lists that are built into the library.
 *
 * Use:
 *   if (sta_labels_read("labels.txt", &labels, &err) == STA_OK) puts(sta_labels_get(labels, 0));
 *   sta_labels_free(labels);
 */

/** Since 2.2. A list of class names, read from a file in any of the forms of docs/models.md: lines, numbered lines,
 *  CSV, JSON. */
typedef struct sta_labels sta_labels;
/** Errors: NOT_FOUND, BAD_MODEL (the message names the line), OUT_OF_MEMORY. Thread-safe. Free *labels with
 *  sta_labels_free. */
STA_API sta_status sta_labels_read(const char *path, sta_labels **labels, sta_error *err);
STA_API int32_t sta_labels_count(const sta_labels *labels);
/** UTF-8. NULL if there is no such label. Lives as long as the list. */
STA_API const char *sta_labels_get(const sta_labels *labels, int32_t index);
/** The form that the file was taken for, for people: "one label a line". */
STA_API const char *sta_labels_form(const sta_labels *labels);
STA_API void sta_labels_free(sta_labels *labels);

/** Since 2.1. Label of a class of the built-in list with that many classes: 174 (Something-Something V2), 400, 600,
 *  700, 710 (Kinetics). NULL if there is no such list or class. */
STA_API const char *sta_builtin_label(int32_t num_classes, int32_t class_id);

/* ------------------------------------------------------------------------------------------------ Converting a model
 *
 * Since 2.1. Writes a model of any layout as a folder that maps straight into memory and needs no options to be opened.
 *
 * Use:
 *   sta_convert_options_init(&convert_options);
 *   if (sta_model_convert("checkpoint.pth", "models/mine", &convert_options, &err) != STA_OK)
 *     fprintf(stderr, "%s\n", err.message);
 */

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
/** Reads a model in any layout and writes it as a Hugging Face VideoMAE folder (config.json, preprocessor_config.json,
 *  model.safetensors), or as a folder of the same files for a Video Swin. Errors: as sta_engine_open; INVALID_ARGUMENT
 *  if the folder already holds a model. On success err->message holds the model's warnings, cut to its length. */
STA_API sta_status sta_model_convert(const char *model, const char *folder, const sta_convert_options *options, sta_error *err);

/* ------------------------------------------------------------------------------------------------ Costs
 *
 * How much a window costs, as arithmetic (sta_flops) and as time on this machine (sta_pruning_cost). Uploaded clips are
 * for benchmarks of the forward pass alone.
 *
 * Use:
 *   sta_flops flops = {.struct_size = sizeof(flops)};
 *   if (sta_engine_flops(engine, 48, &flops, &err) == STA_OK) printf("%.1f G\n", flops.total / 1e9);
 */

/** Multiply-adds of one clip, by part. LayerNorm counts as 5 per element, as in the paper's tool. Softmax, GELU,
 *  sorting and gathers are not counted. */
typedef struct sta_flops {
  size_t struct_size;
  uint64_t patch_embed, qkv, attention_matmul, proj, mlp, layer_norm, scoring, head, total;
} sta_flops;
/** Since 2.1: of a model that is open. flops->struct_size must be set. INVALID_ARGUMENT: no such drop number. */
STA_API sta_status sta_engine_flops(sta_engine *engine, int32_t drop_number, sta_flops *flops, sta_error *err);
/** Since 2.3: of a clip of which only so many tokens enter the first block (still_threshold). tokens: sta_model_info.
 *  tokens_per_step to num_tokens, or 0 for all of them. INVALID_ARGUMENT also: tokens of a video_swin, which needs all. */
STA_API sta_status sta_engine_flops_of_tokens(sta_engine *engine, int32_t drop_number, int32_t tokens, sta_flops *flops, sta_error *err);
STA_API sta_status sta_flops_of_tokens(const char *arch_or_model, int32_t drop_number, int32_t tokens, sta_flops *flops, sta_error *err);
/** The same without an engine. arch_or_model: as sta_engine_options.model. Only its dimensions matter. Errors: those of
 *  sta_engine_open too. */
STA_API sta_status sta_flops_of(const char *arch_or_model, int32_t drop_number, sta_flops *flops, sta_error *err);

/** Since 2.2: what a window costs at several drop numbers (STA_PRUNING_STA), measured on the model's device. Pruning
 *  may cost more than it saves where passes wait for latency rather than for arithmetic, as small models do on a
 *  GPU. */
typedef struct sta_pruning_cost {
  size_t struct_size;
  int32_t batch;          /* windows in one pass */
  int32_t count;          /* of the two below; 0: not measured, the model cannot be pruned or a pass takes too long */
  int32_t drop_number[8]; /* ascending, first 0 */
  double seconds[8];      /* of one window */
  int32_t pays_from;      /* from this drop number on, a window costs at least 2 % less than with 0; -1: none */
} sta_pruning_cost;
/** Makes some tens of passes in the caller's thread, unless that would take more than about `budget` seconds.
 *  cost->struct_size must be set. Errors as of sta_engine_forward. */
STA_API sta_status sta_engine_measure_pruning(sta_engine *engine, int32_t batch, double budget, sta_pruning_cost *cost, sta_error *err);

/** Since 2.2: clips in the memory of the model's device, normalised and in the model's precision. With them a pass can
 *  be measured or repeated without the upload. */
typedef struct sta_device_clip sta_device_clip;
/** frames and batch as in sta_engine_forward_frames. Returns when the clips are there. Errors: INVALID_ARGUMENT,
 *  OUT_OF_MEMORY, INTERNAL. */
STA_API sta_status sta_engine_upload_frames(sta_engine *engine, const uint8_t *const *frames, int32_t batch, sta_device_clip **clip, sta_error *err);
/** One forward pass on clips of this engine. Thread-safe: the clips are only read. INVALID_ARGUMENT: they belong to
 *  another engine. */
STA_API sta_status sta_engine_forward_uploaded(sta_engine *engine, const sta_device_clip *clip, const sta_forward_options *options,
                                               sta_clip_result **result, sta_error *err);
/** Call it before you give the engine back. NULL is ignored. */
STA_API void sta_device_clip_free(sta_device_clip *clip);

#ifdef __cplusplus
}
#endif

#endif /* STA_H */
