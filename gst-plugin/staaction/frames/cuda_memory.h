// SPDX-License-Identifier: MIT
// Frames in CUDA memory (caps feature memory:CUDAMemory, GStreamer >= 1.24): what may be negotiated, the CUDA context
// that decoders upstream are given, and the device's view of a buffer. Built without GstCuda, or on a machine without a
// CUDA device, there are no such frames and everything here says so.
//
// LibTorch works in the device's primary context, GStreamer's CUDA elements in one of their own unless they are given
// another. Elements change state from sink to source, so staaction is asked for a context before the decoder upstream
// makes one: it hands out the primary one, and the pixels can be read where they are. Frames that come in another
// context all the same are mapped to system memory.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <mutex>

#include "loader/core_api.h"

struct _GstCudaContext;  // GstCuda's, which this header does not need

namespace sta::gst {

#ifdef HAVE_GSTCUDA
constexpr bool kHaveGstCuda = true;
// Of the pads' templates: first, so that a decoder that can keeps its pixels on the device.
#define STA_ACTION_CUDA_CAPS(formats)                                                  \
  "video/x-raw(memory:CUDAMemory), format = (string) " formats                         \
  ", width = (int) [ 1, 32768 ], height = (int) [ 1, 32768 ], framerate = (fraction) " \
  "[ 0/1, max ]; "
#else
constexpr bool kHaveGstCuda = false;
#define STA_ACTION_CUDA_CAPS(formats) ""
#endif

// Whether frames in CUDA memory can come up in this process: built with GstCuda, and there is a driver with a device.
// The first call loads the driver.
bool cudaFramesPossible();

// Caps without those in CUDA memory, unless they are possible. Transfer full.
GstCaps *possibleMemories(GstCaps *caps);

// A context that staaction shares with its neighbours. Thread-safe: queries come from any thread.
class CudaShare {
 public:
  ~CudaShare() { close(); }

  // NULL -> READY, the model is open: takes the context that is going round if it is the primary one, else makes and
  // announces it. Nothing for a model that takes no frames in CUDA memory. Caller holds no lock.
  void open(GstElement *element, const sta_model_info &model);
  void close();
  // Answers a CONTEXT query for gst.cuda.context. FALSE: it was none, or there is nothing to share.
  bool answer(GstElement *element, GstQuery *query);

 private:
  std::mutex mutex_;                      // a leaf: guards the pointer
  ::_GstCudaContext *context_ = nullptr;  // the model's primary context
};

// A buffer's planes as device pointers, for as long as this lives.
class CudaMapping {
 public:
  CudaMapping() = default;
  ~CudaMapping();
  CudaMapping(const CudaMapping &) = delete;
  CudaMapping &operator=(const CudaMapping &) = delete;

  // The CUcontext that the buffer's memory is in; NULL: it is not in CUDA memory, or not in one piece.
  static void *contextOf(GstBuffer *buffer);
  // FALSE if it cannot be mapped. *stream: the CUstream that its pixels are written in, NULL for the default one.
  bool map(GstBuffer *buffer, const GstVideoInfo &info, void **stream);
  const GstVideoFrame &frame() const { return frame_; }

 private:
  GstVideoFrame frame_{};
  bool mapped_ = false;
};

}  // namespace sta::gst
