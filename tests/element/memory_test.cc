// SPDX-License-Identifier: MIT
// Tests frames in CUDA memory, as far as a machine without a CUDA device can show them. If the plugin was built with
// GstCuda, the templates name CUDA memory. Negotiation leaves it out, so that upstream falls back to system memory.
// With a device, negotiation offers it. Reading pixels on a device is not tested here: tests/cuda does it on an
// emulated device, scripts/gpu-check on a real one.
#include <gtest/gtest.h>

#include "action_harness.h"
#include "staaction/frames/cuda_memory.h"
#include "staaction/frames/frame_input.h"

GST_DEBUG_CATEGORY(sta_action_debug);

namespace sta::test {
namespace {

constexpr const char *kCuda = "video/x-raw(memory:CUDAMemory), format=NV12, width=64, height=64, framerate=30/1";
constexpr const char *kSystem = "video/x-raw, format=NV12, width=64, height=64, framerate=30/1";

bool hasCuda(GstCaps *caps) {
  for (guint i = 0; i < gst_caps_get_size(caps); i++) {
    const GstCapsFeatures *features = gst_caps_get_features(caps, i);
    if (!gst_caps_features_is_any(features) && gst_caps_features_contains(features, "memory:CUDAMemory")) return true;  // "any" contains all
  }
  return false;
}

bool accepts(GstElement *element, const char *pad_name, const char *text) {
  GstPad *pad = gst_element_get_static_pad(element, pad_name);
  GstCaps *caps = gst_caps_from_string(text);
  const bool accepted = gst_pad_query_accept_caps(pad, caps);
  gst_caps_unref(caps);
  gst_object_unref(pad);
  return accepted;
}

TEST(Memory, TemplatesNameCudaMemoryWhereItIsBuiltIn) {
  GstElementFactory *factory = gst_element_factory_find("staaction");
  ASSERT_TRUE(factory);
  for (const GList *item = gst_element_factory_get_static_pad_templates(factory); item; item = item->next) {
    GstCaps *caps = gst_static_pad_template_get_caps(static_cast<GstStaticPadTemplate *>(item->data));
    EXPECT_EQ(hasCuda(caps), gst::kHaveGstCuda);
    // System memory is there in any case, with the same number of formats.
    const GstStructure *system = gst_caps_get_structure(caps, gst_caps_get_size(caps) - 1);
    EXPECT_TRUE(gst_caps_features_is_equal(gst_caps_get_features(caps, gst_caps_get_size(caps) - 1), GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY));
    EXPECT_EQ(gst_value_list_get_size(gst_structure_get_value(system, "format")), 18u);
    gst_caps_unref(caps);
  }
  gst_object_unref(factory);
}

TEST(Memory, NegotiationOffersWhatThereCanBe) {
  ActionHarness action(fileMode());
  for (const char *name : {"sink", "src"}) {
    GstPad *pad = gst_element_get_static_pad(action.element(), name);
    GstCaps *caps = gst_pad_query_caps(pad, nullptr);
    EXPECT_EQ(hasCuda(caps), gst::cudaFramesPossible()) << name;
    EXPECT_FALSE(gst_caps_is_empty(caps));
    gst_caps_unref(caps);
    gst_object_unref(pad);
    EXPECT_EQ(accepts(action.element(), name, kCuda), gst::cudaFramesPossible()) << name;
    EXPECT_TRUE(accepts(action.element(), name, kSystem)) << name;
  }
}

// A decoder that could do both learns before the first frame that it must take system memory, and does.
TEST(Memory, UpstreamFallsBackToSystemMemory) {
  if (gst::cudaFramesPossible()) GTEST_SKIP() << "there is a CUDA device: nothing to fall back from";
  GstElement *action = makeAction(fileMode()), *pipeline = gst_pipeline_new(nullptr);
  GstElement *source = gst_element_factory_make("appsrc", nullptr), *sink = gst_element_factory_make("fakesink", nullptr);
  gst_bin_add_many(GST_BIN(pipeline), source, action, sink, nullptr);
  ASSERT_TRUE(gst_element_link_many(source, action, sink, nullptr));
  ASSERT_EQ(gst_element_set_state(action, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  GstPad *pad = gst_element_get_static_pad(source, "src");
  const std::string both = std::string(kCuda) + "; " + kSystem;
  GstCaps *can = gst_caps_from_string(both.c_str()), *chosen = gst_pad_peer_query_caps(pad, can);
  ASSERT_EQ(gst_caps_get_size(chosen), 1u);
  EXPECT_FALSE(hasCuda(chosen));
  gst_caps_unref(chosen);
  gst_caps_unref(can);
  gst_object_unref(pad);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
}

// Tests the plugin's own filter of caps: other memory, and caps of no particular memory, pass.
TEST(Memory, OnlyImpossibleMemoryIsLeftOut) {
  if (gst::cudaFramesPossible()) GTEST_SKIP() << "there is a CUDA device: nothing is impossible";
  GstCaps *caps = gst_caps_from_string(
      "video/x-raw(memory:CUDAMemory, meta:GstVideoOverlayComposition), width=1; video/x-raw(memory:DMABuf), width=2; video/x-raw(ANY), width=3; "
      "video/x-raw, width=4");
  GstCaps *possible = gst::possibleMemories(caps);
  EXPECT_EQ(gst_caps_get_size(possible), 3u);
  EXPECT_FALSE(hasCuda(possible));
  for (guint i = 0; i < gst_caps_get_size(possible); i++) {
    int width = 0;
    gst_structure_get_int(gst_caps_get_structure(possible, i), "width", &width);
    EXPECT_EQ(width, static_cast<int>(i) + 2);
  }
  gst_caps_unref(possible);
  gst_caps_unref(caps);
  GstCaps *any = gst_caps_new_any(), *still_any = gst::possibleMemories(any);
  EXPECT_TRUE(gst_caps_is_any(still_any));
  gst_caps_unref(still_any);
  gst_caps_unref(any);
}

// A model on the CPU makes no CUDA context, so there is none to share.
TEST(Memory, AModelOnTheCpuSharesNoContext) {
  ActionHarness action(fileMode());
  GstPad *pad = gst_element_get_static_pad(action.element(), "sink");
  GstQuery *query = gst_query_new_context("gst.cuda.context");
  EXPECT_FALSE(gst_pad_query(pad, query));
  gst_query_unref(query);
  gst_object_unref(pad);
}

TEST(Memory, BuffersOfSystemMemoryHaveNoContext) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 64, nullptr);
  EXPECT_EQ(gst::CudaMapping::contextOf(buffer), nullptr);
  gst_buffer_unref(buffer);
  GstBuffer *empty = gst_buffer_new();
  EXPECT_EQ(gst::CudaMapping::contextOf(empty), nullptr);
  gst_buffer_unref(empty);
}

// Which view of a frame an engine gets: the device's view only in its own context.
TEST(Memory, EnginesGetTheViewTheyTake) {
  int here = 0, elsewhere = 0;
  gst::FrameViews views;
  views.system.width = 1;
  views.device.width = 2;
  views.has_system = true;
  sta_model_info cpu{}, same{}, other{};
  same.cuda_context = &here;
  other.cuda_context = &elsewhere;
  EXPECT_EQ(views.of(same).width, 1) << "there is no view of the device";
  views.device_context = &here;
  EXPECT_EQ(views.of(cpu).width, 1);
  EXPECT_EQ(views.of(same).width, 2);
  EXPECT_EQ(views.of(other).width, 1);
  EXPECT_FALSE(gst::FrameViews::takes(cpu, nullptr)) << "no context is none in common";
}

}  // namespace
}  // namespace sta::test
