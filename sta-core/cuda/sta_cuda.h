// SPDX-License-Identifier: MIT
// The C interface of libsta-cuda, the CUDA kernels of this project. sta-core loads that library with dlopen when a CUDA
// device is used, so that nothing else depends on CUDA; neither side needs the other's headers beyond this one, and
// this one needs neither CUDA nor LibTorch.
//
// All pointers named in the argument structs are device memory of the current device unless they say otherwise; strides
// are in elements. Work is put into `stream` (a cudaStream_t; NULL: the default stream) and nothing waits for it: every
// call may be captured into a CUDA graph. All functions are thread-safe. Kernels never allocate; scratch memory is the
// caller's.
//
// Dimension letters: model/description.h.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Changes with every change of this header: both sides must have been built from the same one.
#define STA_CUDA_ABI 4u

#define STA_CUDA_MESSAGE 256

#ifndef STA_CUDA_API
#define STA_CUDA_API __attribute__((visibility("default")))
#endif

typedef enum sta_cuda_status {
  STA_CUDA_OK = 0,
  STA_CUDA_UNSUPPORTED = 1, /* the arguments lie outside of what the kernels take; the message says which; nothing was launched */
  STA_CUDA_NO_DEVICE = 2,
  STA_CUDA_FAILED = 3 /* an error of the CUDA runtime */
} sta_cuda_status;

typedef enum sta_cuda_type { STA_CUDA_FP32 = 0, STA_CUDA_FP16 = 1, STA_CUDA_BF16 = 2 } sta_cuda_type;

/* ---- the library */

STA_CUDA_API uint32_t sta_cuda_abi(void);
/* Number of usable devices. 0: message says why ("no CUDA device: ..."). message: host memory, STA_CUDA_MESSAGE bytes, may be NULL. */
STA_CUDA_API int sta_cuda_devices(char *message);
/* Kernels launched by this process through this library so far. */
STA_CUDA_API uint64_t sta_cuda_launches(void);

/* ---- memory, streams and order, for code that is compiled without CUDA. Streams and events are the runtime's own (cudaStream_t, cudaEvent_t).
 *
 * Functions that take `device`, an index, leave the calling thread's current device as it was; the others need it to be
 * that of their stream, see sta_cuda_set_device. message as in sta_cuda_prune. */

/* The device's primary context (a CUcontext), made if there is none yet: the one that the runtime and so all of this library works in. */
STA_CUDA_API sta_cuda_status sta_cuda_context(int device, void **context, char *message);
/* Makes a device current for the calling thread; *previous (may be NULL) gets the one before. */
STA_CUDA_API sta_cuda_status sta_cuda_set_device(int device, int *previous, char *message);
STA_CUDA_API sta_cuda_status sta_cuda_allocate(int device, size_t bytes, void **memory, char *message);
/* Waits for the work of the device. NULL is ignored. */
STA_CUDA_API void sta_cuda_release(int device, void *memory);
/* Host memory that the device reads by itself. */
STA_CUDA_API sta_cuda_status sta_cuda_pinned_new(int device, size_t bytes, void **memory, char *message);
/* The device must be done with it. NULL is ignored. */
STA_CUDA_API void sta_cuda_pinned_free(int device, void *memory);
/* A stream that does not wait for the default stream. */
STA_CUDA_API sta_cuda_status sta_cuda_stream_new(int device, void **stream, char *message);
/* Work that is in it is still done. NULL is ignored. */
STA_CUDA_API void sta_cuda_stream_free(int device, void *stream);
/* An event without a time, on which a host thread sleeps rather than spins. */
STA_CUDA_API sta_cuda_status sta_cuda_event_new(int device, void **event, char *message);
STA_CUDA_API void sta_cuda_event_free(int device, void *event);
/* The event comes to mean: all work put into the stream so far. */
STA_CUDA_API sta_cuda_status sta_cuda_event_record(void *event, void *stream, char *message);
/* Work put into the stream from now on begins when the event, as it was last recorded, is past; at once if it never was. The host does not wait. */
STA_CUDA_API sta_cuda_status sta_cuda_event_order(void *event, void *stream, char *message);
/* The host waits for the event. */
STA_CUDA_API sta_cuda_status sta_cuda_event_wait(void *event, char *message);
/* From host memory, which may be changed as soon as this returns. */
STA_CUDA_API sta_cuda_status sta_cuda_upload(void *to, const void *from, size_t bytes, void *stream, char *message);
/* From pinned memory, which is read when the stream comes to it. */
STA_CUDA_API sta_cuda_status sta_cuda_upload_pinned(void *to, const void *from, size_t bytes, void *stream, char *message);
/* `rows` rows of `width` bytes within the device; pitches in bytes. */
STA_CUDA_API sta_cuda_status sta_cuda_copy_rows(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t rows,
                                                void *stream, char *message);

/* ---- one pruning call: pruning/sta.cc in at most three launches. Scores are fp32, sums have a fixed order, ties keep the earlier token. */

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
  int32_t keep_token;   /* index, 0 .. T*N-1, of a token that is never dropped; -1: none. In the group scanned first: of an even position, and r <
                           ceil(N/2) */
  void *workspace;      /* sta_cuda_prune_workspace() bytes, aligned to 16 */
  int64_t *kept;        /* out [B,T·(N-r)]: indices into 0..L-1 in emitted order */
  /* Scores for tests and pictures, each may be NULL: pruning.h, PruneTrace. */
  float *semantic;         /* out F~ [B,T,N] */
  float *accumulated;      /* out A  [B,T,N] */
  float *score;            /* out S  [B,T,N] */
  float *first_similarity; /* out [B,ceil(N/2)] */
} sta_cuda_prune_args;

/* Bytes of scratch memory; reads only the sizes in args. 0: they are out of range. */
STA_CUDA_API size_t sta_cuda_prune_workspace(const sta_cuda_prune_args *args);
/* message: host memory, STA_CUDA_MESSAGE bytes, may be NULL; written unless the call succeeds. */
STA_CUDA_API sta_cuda_status sta_cuda_prune(const sta_cuda_prune_args *args, void *stream, char *message);

/* ---- gather of the kept tokens, together with the LayerNorm that reads them next: one launch */

typedef struct sta_cuda_gather_args {
  const void *x; /* [B,L,C], channels contiguous */
  int64_t x_batch, x_token;
  const int64_t *kept; /* [B,K]; indices outside 0..L-1 are not checked */
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

/* ---- one frame in device memory -> one time step of a clip: preprocess/ and the normalisation, in one launch */

typedef enum sta_cuda_sample { STA_CUDA_BYTE = 0, STA_CUDA_HIGH10 = 1, STA_CUDA_LOW10 = 2 } sta_cuda_sample;

/* Weights of the triangle filter in one direction, taps.h as int32: output i has the taps begin[i] .. begin[i+1]. */
typedef struct sta_cuda_taps {
  const int32_t *begin;  /* [n+1] */
  const int32_t *index;  /* source samples: of a row, of a component's own samples in it */
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
  int32_t convert;    /* 0: components are R G B; 1: by the factors below, color.h */
  sta_cuda_sample sample;
  int32_t y_zero, c_zero, ky, krv, kgu, kgv, kbu;
  /* The picture. antialias 0: lerp_table.h, as int32 [4,width] and [4,height]: first pixel, second pixel, first weight, second weight. */
  const int32_t *columns, *rows;
  /* antialias 1: rows of planes with shift_y 0 and 1 (those that some component needs), columns of each component. */
  sta_cuda_taps row_taps[2], column_taps[3];
  int32_t antialias;
  int32_t width, height; /* along the frame's own axes */
  /* How the picture is written to be upright: orientation.h. With swap it is [3,width,height]. */
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
