// SPDX-License-Identifier: MIT
// See cuda_memory.h.
#include "cuda_memory.h"

#include <cstdlib>
#include <cstring>

#ifdef HAVE_GSTCUDA
#include <gst/cuda/gstcuda.h>
#endif

GST_DEBUG_CATEGORY_EXTERN(sta_action_debug);
#define GST_CAT_DEFAULT sta_action_debug

namespace sta::gst {

constexpr const char *kCudaFeature = "memory:CUDAMemory";

bool cudaFramesPossible() {
#ifdef HAVE_GSTCUDA
  static const bool possible = [] {
    int count = 0;
    return gst_cuda_load_library() && CuInit(0) == CUDA_SUCCESS && CuDeviceGetCount(&count) == CUDA_SUCCESS && count > 0;
  }();
  return possible;
#else
  return false;
#endif
}

GstCaps *possibleMemories(GstCaps *caps) {
  if (gst_caps_is_any(caps) || cudaFramesPossible()) return gst_caps_ref(caps);
  GstCaps *result = gst_caps_new_empty();
  for (guint i = 0; i < gst_caps_get_size(caps); i++) {
    const GstCapsFeatures *features = gst_caps_get_features(caps, i);
    if (features && !gst_caps_features_is_any(features) && gst_caps_features_contains(features, kCudaFeature)) continue;
    gst_caps_append_structure_full(result, gst_structure_copy(gst_caps_get_structure(caps, i)),
                                   features ? gst_caps_features_copy(features) : nullptr);
  }
  return result;
}

#ifdef HAVE_GSTCUDA

namespace {

// Asks the neighbours and the application for gst.cuda.context. Their answers reach the element through
// gst_element_set_context().
void askForContexts(GstElement *element) {
  GstQuery *query = gst_query_new_context(GST_CUDA_CONTEXT_TYPE);
  bool found = false;
  for (const char *name : {"src", "sink"}) {
    GstPad *pad = gst_element_get_static_pad(element, name);
    if (!found && pad && gst_pad_peer_query(pad, query)) {
      GstContext *context = nullptr;
      gst_query_parse_context(query, &context);
      if (context) gst_element_set_context(element, context);
      found = context != nullptr;
    }
    gst_clear_object(&pad);
  }
  gst_query_unref(query);
  if (!found) gst_element_post_message(element, gst_message_new_need_context(GST_OBJECT_CAST(element), GST_CUDA_CONTEXT_TYPE));
}

// The CUDA context of the device that the element has been given, or NULL. Transfer full.
GstCudaContext *givenContext(GstElement *element, gint device) {
  GstContext *known = gst_element_get_context(element, GST_CUDA_CONTEXT_TYPE);
  if (!known) return nullptr;
  GstCudaContext *context = nullptr;
  gst_cuda_handle_set_context(element, known, device, &context);
  gst_context_unref(known);
  return context;
}

gint deviceIndex(const char *name) {
  const char *colon = name ? std::strchr(name, ':') : nullptr;
  return colon ? std::atoi(colon + 1) : 0;
}

}  // namespace

void CudaShare::open(GstElement *element, const sta_model_info &model) {
  close();
  if (!model.cuda_context || !cudaFramesPossible()) return;
  const gint index = deviceIndex(model.device);
  askForContexts(element);
  GstCudaContext *context = givenContext(element, index);
  const bool foreign = context && gst_cuda_context_get_handle(context) != model.cuda_context;
  if (foreign) {
    GST_INFO_OBJECT(element, "the pipeline has a CUDA context of its own: frames in it are read through system memory");
    gst_clear_object(&context);
  } else if (!context) {
    CUdevice device = 0;
    if (CuDeviceGet(&device, index) == CUDA_SUCCESS) context = gst_cuda_context_new_wrapped(static_cast<CUcontext>(model.cuda_context), device);
    if (!context) {
      GST_WARNING_OBJECT(element, "the primary context of CUDA device %d cannot be shared: frames are read through system memory", index);
      return;
    }
    GstContext *announced = gst_context_new_cuda_context(context);
    gst_element_set_context(element, announced);
    gst_element_post_message(element, gst_message_new_have_context(GST_OBJECT_CAST(element), announced));
  }
  std::lock_guard<std::mutex> lock(mutex_);
  context_ = context;
}

void CudaShare::close() {
  GstCudaContext *context = nullptr;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    std::swap(context, context_);
  }
  gst_clear_object(&context);
}

bool CudaShare::answer(GstElement *element, GstQuery *query) {
  if (GST_QUERY_TYPE(query) != GST_QUERY_CONTEXT) return false;
  GstCudaContext *context = nullptr;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (context_) context = static_cast<GstCudaContext *>(gst_object_ref(context_));
  }
  if (!context) return false;
  const bool answered = gst_cuda_handle_context_query(element, query, context);
  gst_object_unref(context);
  return answered;
}

void *CudaMapping::contextOf(GstBuffer *buffer) {
  if (gst_buffer_n_memory(buffer) != 1) return nullptr;
  GstMemory *memory = gst_buffer_peek_memory(buffer, 0);
  return gst_is_cuda_memory(memory) ? gst_cuda_context_get_handle(GST_CUDA_MEMORY_CAST(memory)->context) : nullptr;
}

bool CudaMapping::map(GstBuffer *buffer, const GstVideoInfo &info, void **stream) {
  mapped_ = gst_video_frame_map(&frame_, const_cast<GstVideoInfo *>(&info), buffer, static_cast<GstMapFlags>(GST_MAP_READ | GST_MAP_CUDA));
  if (!mapped_) return false;
  GstCudaStream *used = gst_cuda_memory_get_stream(GST_CUDA_MEMORY_CAST(gst_buffer_peek_memory(buffer, 0)));
  *stream = used ? gst_cuda_stream_get_handle(used) : nullptr;
  return true;
}

#else

void CudaShare::open(GstElement *, const sta_model_info &) {}
void CudaShare::close() {}
bool CudaShare::answer(GstElement *, GstQuery *) { return false; }
void *CudaMapping::contextOf(GstBuffer *) { return nullptr; }
bool CudaMapping::map(GstBuffer *, const GstVideoInfo &, void **) { return false; }

#endif

CudaMapping::~CudaMapping() {
  if (mapped_) gst_video_frame_unmap(&frame_);
}

}  // namespace sta::gst
