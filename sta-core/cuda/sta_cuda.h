// SPDX-License-Identifier: MIT
// The C interface of libsta-cuda, which holds the CUDA kernels of this project. sta-core loads that library with dlopen
// when a CUDA device is used, so nothing else depends on CUDA. This header is the only one that both sides share, and
// it needs neither CUDA nor LibTorch.
//
// Unless a comment says otherwise, pointers in the argument structs point to memory of the current device, and strides
// are in elements. The kernel calls (prune, gather, frame) put their work into `stream` (a cudaStream_t; NULL: the
// default stream) and wait for nothing, so they may be captured into a CUDA graph. All functions are thread-safe.
// Kernels never allocate; the caller provides scratch memory.
//
// Dimension letters: model/description.h.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Changes with every change of this header. Both sides must be built from the same version of it.
#define STA_CUDA_ABI 5u

#define STA_CUDA_MESSAGE 256

#ifndef STA_CUDA_API
#define STA_CUDA_API __attribute__((visibility("default")))
#endif

typedef enum sta_cuda_status {
  STA_CUDA_OK = 0,
  STA_CUDA_UNSUPPORTED = 1, /* the kernels do not take these arguments; the message says which; nothing was launched */
  STA_CUDA_NO_DEVICE = 2,
  STA_CUDA_FAILED = 3 /* an error of the CUDA runtime */
} sta_cuda_status;

typedef enum sta_cuda_type { STA_CUDA_FP32 = 0, STA_CUDA_FP16 = 1, STA_CUDA_BF16 = 2 } sta_cuda_type;

/* ---- the library */

STA_CUDA_API uint32_t sta_cuda_abi(void);
/* Number of usable devices. 0: message says why ("no CUDA device: ...").
 * message: host memory, STA_CUDA_MESSAGE bytes, may be NULL. */
STA_CUDA_API int sta_cuda_devices(char *message);
/* Number of kernels that this process has launched through this library so far. */
STA_CUDA_API uint64_t sta_cuda_launches(void);

/* ---- memory, streams and order, for code that is compiled without CUDA. Streams and events are the runtime's own
 * (cudaStream_t, cudaEvent_t).
 *
 * Functions that take `device`, an index, leave the calling thread's current device as it was. The others need their
 * stream's device to be current, see sta_cuda_set_device. message as in sta_cuda_prune. */

/* The device's primary context (a CUcontext). It is created if there is none yet. The runtime, and so this library,
 * works in it. */
STA_CUDA_API sta_cuda_status sta_cuda_context(int device, void **context, char *message);
/* Makes a device current for the calling thread. *previous (may be NULL) gets the device that was current before. */
STA_CUDA_API sta_cuda_status sta_cuda_set_device(int device, int *previous, char *message);
STA_CUDA_API sta_cuda_status sta_cuda_allocate(int device, size_t bytes, void **memory, char *message);
/* Waits for the work of the device, then frees. NULL is ignored. */
STA_CUDA_API void sta_cuda_release(int device, void *memory);
/* Host memory that the device can read by itself. */
STA_CUDA_API sta_cuda_status sta_cuda_pinned_new(int device, size_t bytes, void **memory, char *message);
/* The device must have finished using it. NULL is ignored. */
STA_CUDA_API void sta_cuda_pinned_free(int device, void *memory);
/* A stream that does not wait for the default stream. */
STA_CUDA_API sta_cuda_status sta_cuda_stream_new(int device, void **stream, char *message);
/* Work that is already in the stream still runs. NULL is ignored. */
STA_CUDA_API void sta_cuda_stream_free(int device, void *stream);
/* An event without timing. A host thread that waits for it sleeps and does not spin. */
STA_CUDA_API sta_cuda_status sta_cuda_event_new(int device, void **event, char *message);
STA_CUDA_API void sta_cuda_event_free(int device, void *event);
/* Records the event: from now on it stands for all work that is in the stream now. */
STA_CUDA_API sta_cuda_status sta_cuda_event_record(void *event, void *stream, char *message);
/* Work that is put into the stream from now on waits for the event as it was last recorded. An event that was never
 * recorded delays nothing. The host does not wait. */
STA_CUDA_API sta_cuda_status sta_cuda_event_order(void *event, void *stream, char *message);
/* The host waits for the event. */
STA_CUDA_API sta_cuda_status sta_cuda_event_wait(void *event, char *message);
/* From host memory, which the caller may change as soon as this returns. */
STA_CUDA_API sta_cuda_status sta_cuda_upload(void *to, const void *from, size_t bytes, void *stream, char *message);
/* From pinned memory, which is read only when the stream reaches this copy. */
STA_CUDA_API sta_cuda_status sta_cuda_upload_pinned(void *to, const void *from, size_t bytes, void *stream, char *message);
/* Copies `rows` rows of `width` bytes within the device. Pitches are in bytes. */
STA_CUDA_API sta_cuda_status sta_cuda_copy_rows(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t rows,
                                                void *stream, char *message);

/* ---- one pruning call: what pruning/sta.cc does, in at most three launches. Scores are fp32, sums have a fixed
 * order, ties keep the earlier token. */

/* One group of one clip, where groups differ in size. */
typedef struct sta_cuda_group {
  int32_t start; /* its first token in the input */
  int32_t count; /* its tokens; 0: there is no such group */
  int32_t kept;  /* tokens that stay: 1 .. count; of the group that is scanned first floor(count/2) or more */
  int32_t place; /* of its first token in the output */
  int32_t stays; /* position in the group of a token that is never dropped; -1: none. In the group that is scanned first
                    either odd, or kept > floor(count/2) */
} sta_cuda_group;

typedef struct sta_cuda_prune_args {
  const void *x;    /* [B,L,C], channels contiguous: the residual stream */
  const void *keys; /* [B,L,h,D], D contiguous: the block's keys of all heads; h = 1 for their mean */
  int64_t x_batch, x_token;
  int64_t key_batch, key_token, key_head;
  sta_cuda_type type;   /* of x and keys */
  int32_t batch;        /* B */
  int32_t groups;       /* T */
  int32_t group_tokens; /* N, 1 .. 2048; L = T·N */
  int32_t channels;     /* C */
  int32_t heads;        /* h */
  int32_t head_dim;     /* D, 1 .. 128 */
  int32_t drop;         /* r, 0 .. ceil(N/2), less than N */
  int32_t backward;     /* scan from the last group to the first */
  int32_t keep_token;   /* index, 0 .. T*N-1, of a token that is never dropped; -1: none. In the group that is scanned
                           first, its position must be even, and r < ceil(N/2) */
  /* Groups that differ in size (pruning/ragged.h); NULL: all have group_tokens, and what stands above holds. In device
     memory, [B,T]: the groups that have tokens, in the order of the scan, then empty ones. group_tokens is then the size
     of the largest group, the inputs are [B,tokens,..], `kept` is [B,kept_count] with indices into 0..tokens-1, and
     drop, keep_token and the scores for tests are not used. */
  const struct sta_cuda_group *plan;
  int32_t tokens;     /* K of the input, at most 2^31 - 1 */
  int32_t kept_count; /* K of the output, the sum of all `kept` of a clip */
  void *workspace;    /* sta_cuda_prune_workspace() bytes, aligned to 16 */
  int64_t *kept;      /* out [B,T·(N-r)]: indices into 0..L-1 in emitted order */
  /* Scores for tests and pictures, see PruneTrace in pruning.h. Each may be NULL. */
  float *semantic;         /* out F~ [B,T,N] */
  float *accumulated;      /* out A  [B,T,N] */
  float *score;            /* out S  [B,T,N] */
  float *first_similarity; /* out [B,ceil(N/2)] */
} sta_cuda_prune_args;

/* Bytes of scratch memory. Reads only the sizes in args. 0: the sizes are out of range. */
STA_CUDA_API size_t sta_cuda_prune_workspace(const sta_cuda_prune_args *args);
/* message: host memory, STA_CUDA_MESSAGE bytes, may be NULL. It is written if the call fails. */
STA_CUDA_API sta_cuda_status sta_cuda_prune(const sta_cuda_prune_args *args, void *stream, char *message);

/* ---- gathers the kept tokens and computes the LayerNorm that reads them next, in one launch */

typedef struct sta_cuda_gather_args {
  const void *x; /* [B,L,C], channels contiguous */
  int64_t x_batch, x_token;
  const int64_t *kept; /* [B,K]; the indices are not checked, they must be in 0..L-1 */
  void *out;           /* [B,K,C], contiguous */
  void *normed;        /* out LayerNorm(out) [B,K,C], contiguous; NULL: none */
  const void *weight;  /* [C] of the LayerNorm */
  const void *bias;    /* [C] */
  float eps;
  sta_cuda_type type; /* of x, out, normed, weight, bias */
  int32_t batch;      /* B */
  int32_t kept_count; /* K */
  int32_t channels;   /* C */
} sta_cuda_gather_args;

STA_CUDA_API sta_cuda_status sta_cuda_gather(const sta_cuda_gather_args *args, void *stream, char *message);

/* ---- turns a frame in device memory into a time step of a clip: preprocess/ and normalisation in one launch */

typedef enum sta_cuda_sample { STA_CUDA_BYTE = 0, STA_CUDA_HIGH10 = 1, STA_CUDA_LOW10 = 2 } sta_cuda_sample;

/* Weights of the triangle filter in one direction, as in taps.h but int32. Output i has the taps begin[i] ..
 * begin[i+1]. */
typedef struct sta_cuda_taps {
  const int32_t *begin;  /* [n+1] */
  const int32_t *index;  /* source samples: rows, or a component's own samples in a row */
  const int32_t *weight; /* Q16 */
  const int32_t *bias;   /* [n], Q8 */
  int32_t exact;         /* 1: sums are rounded once and have no bias */
} sta_cuda_taps;

typedef struct sta_cuda_frame_args {
  /* The frame: frame_layout.h says how samples are found. */
  const uint8_t *plane[3];
  int64_t stride[3];  /* bytes */
  int32_t shift_y[3]; /* per plane */
  struct {
    int32_t plane, offset, step, shift_x;
  } component[3];     /* Y U V, R G B, or Y alone */
  int32_t components; /* 3 or 1 */
  int32_t convert;    /* 0: components are R G B; 1: convert with the factors below, color.h */
  sta_cuda_sample sample;
  int32_t y_zero, c_zero, ky, krv, kgu, kgv, kbu;
  /* The picture. antialias 0: the tables of lerp_table.h, as int32 [4,width] and [4,height]: first pixel, second pixel,
   * first weight, second weight. */
  const int32_t *columns, *rows;
  /* antialias 1: row taps for planes with shift_y 0 and 1 (if some component needs them), column taps per component. */
  sta_cuda_taps row_taps[2], column_taps[3];
  int32_t antialias;
  int32_t width, height; /* along the frame's own axes */
  /* How to write the picture so that it is upright, see orientation.h. With swap it is [3,width,height]. */
  int32_t swap, flip_x, flip_y;
  /* The clip: value = level · scale + shift per channel, in fp32, then rounded to `type`. */
  float scale[3], shift[3];
  void *out; /* [3,height,width] with the strides below, columns contiguous */
  int64_t out_channel, out_row;
  sta_cuda_type type;
} sta_cuda_frame_args;

STA_CUDA_API sta_cuda_status sta_cuda_frame(const sta_cuda_frame_args *args, void *stream, char *message);

#ifdef __cplusplus
}
#endif
