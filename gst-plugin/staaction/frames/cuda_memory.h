// SPDX-License-Identifier: MIT
// Frames in CUDA memory (caps feature memory:CUDAMemory, GStreamer >= 1.24): which caps may be negotiated, the CUDA
// context that decoders upstream get, and the device's view of a buffer. Without GstCuda in the build, or without a
// CUDA device in the machine, there are no such frames, and the functions here say so.
//
// LibTorch works in the device's primary context. GStreamer's CUDA elements make a context of their own unless somebody
// gives them one. Elements change state from sink to source, so the decoder upstream asks staaction for a context
// before it makes one. staaction hands out the primary context, and then the engine can read the pixels where they are.
// Frames that come in another context all the same are mapped to system memory.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <mutex>

#include "loader/core_api.h"

struct _GstCudaContext;  // of GstCuda, whose headers this header does not need

namespace sta::gst {

#ifdef HAVE_GSTCUDA
constexpr bool kHaveGstCuda = true;
// Part of the pad templates. These caps come first, so that a decoder that can keeps its pixels on the device.
#define STA_ACTION_CUDA_CAPS(formats)                                                  \
  "video/x-raw(memory:CUDAMemory), format = (string) " formats                         \
  ", width = (int) [ 1, 32768 ], height = (int) [ 1, 32768 ], framerate = (fraction) " \
  "[ 0/1, max ]; "
#else
constexpr bool kHaveGstCuda = false;
#define STA_ACTION_CUDA_CAPS(formats) ""
#endif

// Whether frames in CUDA memory can occur in this process: it is built with GstCuda, and there is a driver with a
// device. The first call loads the driver.
bool cudaFramesPossible();

// Returns the caps; removes those in CUDA memory if they are not possible. Transfer full.
GstCaps *possibleMemories(GstCaps *caps);

// A context that staaction shares with its neighbours. Thread-safe: queries come from any thread.
class CudaShare {
 public:
  ~CudaShare() { close(); }

  // NULL -> READY, after the model is open. If the neighbours already share the primary context, takes it; otherwise
  // makes it and announces it. Does nothing for a model that takes no frames in CUDA memory. Caller holds no lock.
  void open(GstElement *element, const sta_model_info &model);
  void close();
  // Answers a CONTEXT query for gst.cuda.context. FALSE if it was another query, or if there is nothing to share.
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

  // The CUcontext that the buffer's memory is in. NULL: it is not in CUDA memory, or not in one piece.
  static void *contextOf(GstBuffer *buffer);
  // FALSE if it cannot be mapped. *stream: the CUstream that writes the pixels, NULL for the default one.
  bool map(GstBuffer *buffer, const GstVideoInfo &info, void **stream);
  const GstVideoFrame &frame() const { return frame_; }

 private:
  GstVideoFrame frame_{};
  bool mapped_ = false;
};

}  // namespace sta::gst
