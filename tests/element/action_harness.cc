// SPDX-License-Identifier: MIT
// See action_harness.h. STA_GOLDEN_MADE_DIR (where the large golden checkpoints are made) comes from meson.
#include "action_harness.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace sta::test {
namespace {

std::string text(const GstStructure *structure, const char *name) {
  const gchar *value = gst_structure_get_string(structure, name);
  return value ? value : "";
}

}  // namespace

Window parseWindow(const GstStructure *structure) {
  Window window;
  EXPECT_TRUE(gst_structure_get_uint64(structure, "window-id", &window.id));
  EXPECT_TRUE(gst_structure_get_uint64(structure, "window-start", &window.start));
  EXPECT_TRUE(gst_structure_get_uint64(structure, "window-end", &window.end));
  gst_structure_get_uint64(structure, "result-age", &window.age);
  gst_structure_get_int(structure, "class-id", &window.class_id);
  EXPECT_TRUE(gst_structure_get_int(structure, "drop-number", &window.drop_number));
  EXPECT_TRUE(gst_structure_get_int(structure, "tokens", &window.tokens));
  EXPECT_TRUE(gst_structure_get_double(structure, "gmacs", &window.gmacs));
  window.label = text(structure, "label");
  window.status = text(structure, "status");
  window.error = text(structure, "error");
  window.stream_id = text(structure, "stream-id");
  window.model = text(structure, "model");
  gboolean flag = FALSE;
  if (gst_structure_get_boolean(structure, "degraded", &flag)) window.degraded = flag;
  if (gst_structure_get_boolean(structure, "tail", &flag)) window.tail = flag;
  if (gst_structure_get_boolean(structure, "below-threshold", &flag)) window.below_threshold = flag;
  const GValue *labels = gst_structure_get_value(structure, "labels"), *confidences = gst_structure_get_value(structure, "confidences");
  if (labels && confidences) {
    for (guint i = 0; i < gst_value_array_get_size(labels); i++) window.labels.emplace_back(g_value_get_string(gst_value_array_get_value(labels, i)));
    for (guint i = 0; i < gst_value_array_get_size(confidences); i++)
      window.confidences.push_back(g_value_get_double(gst_value_array_get_value(confidences, i)));
  }
  return window;
}

bool parseMeta(GstBuffer *buffer, Window *window) {
  GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, "StaActionMeta");
  if (!meta) return false;
  *window = parseWindow(gst_custom_meta_get_structure(meta));
  return true;
}

std::string microModel() { return STA_GOLDEN_MADE_DIR "/checkpoints/micro_hf"; }

Properties fileMode() {
  return {{"model", microModel()}, {"device", "cpu"},        {"precision", "fp32"},     {"sample-interval", std::to_string(kInterval)},
          {"sync", "true"},        {"post-windows", "true"}, {"inference-threads", "1"}};
}

GstElement *makeAction(const Properties &properties) {
  GstElement *element = gst_element_factory_make("staaction", nullptr);
  if (!element) {
    ADD_FAILURE() << "no element staaction: is GST_PLUGIN_PATH set?";
    std::abort();
  }
  for (const auto &[name, value] : properties) gst_util_set_object_arg(G_OBJECT(element), name.c_str(), value.c_str());
  return element;
}

ActionHarness::ActionHarness(const Properties &properties) : element_(makeAction(properties)), bus_(gst_bus_new()) {
  gst_object_ref_sink(element_);
  gst_element_set_bus(element_, bus_);
  harness_ = gst_harness_new_with_element(element_, "sink", "src");
}

ActionHarness::~ActionHarness() {
  gst_harness_teardown(harness_);
  gst_element_set_bus(element_, nullptr);
  gst_object_unref(element_);
  gst_object_unref(bus_);
}

void ActionHarness::caps(const std::string &text) {
  GstCaps *caps = gst_caps_from_string(text.c_str());
  ASSERT_TRUE(gst_video_info_from_caps(&info_, caps));
  gst_harness_set_src_caps(harness_, caps);
}

void ActionHarness::rgbCaps(int width, int height, int fps_n, int fps_d) {
  caps("video/x-raw, format=RGB, width=" + std::to_string(width) + ", height=" + std::to_string(height) + ", framerate=" + std::to_string(fps_n) +
       "/" + std::to_string(fps_d));
}

GstBuffer *ActionHarness::frame(GstClockTime pts, GstClockTime duration, int seed) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info_), nullptr);
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_WRITE);
  const gsize row = GST_VIDEO_INFO_PLANE_STRIDE(&info_, 0);
  for (gsize i = 0; i < map.size; i++) map.data[i] = static_cast<guint8>(i % row / 2 + i / row * 2 + seed * 5);
  gst_buffer_unmap(buffer, &map);
  GST_BUFFER_PTS(buffer) = pts;
  GST_BUFFER_DURATION(buffer) = duration;
  return buffer;
}

Buffer ActionHarness::push(GstClockTime pts, GstClockTime duration, int seed) { return push(frame(pts, duration, seed)); }

Buffer ActionHarness::push(GstBuffer *buffer) {
  EXPECT_EQ(gst_harness_push(harness_, buffer), GST_FLOW_OK);
  return Buffer(gst_harness_try_pull(harness_));
}

void ActionHarness::sortMessages() {
  while (GstMessage *message = gst_bus_pop(bus_)) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT && gst_message_has_name(message, "sta-window")) {
      windows_.push_back(parseWindow(gst_message_get_structure(message)));
      gst_message_unref(message);
    } else {
      messages_.emplace_back(message);
    }
  }
}

std::vector<Window> ActionHarness::windows() {
  sortMessages();
  return std::exchange(windows_, {});
}

std::vector<Message> ActionHarness::messages(GstMessageType type) {
  sortMessages();
  std::vector<Message> found, rest;
  for (Message &message : messages_) (GST_MESSAGE_TYPE(message.get()) == type ? found : rest).push_back(std::move(message));
  messages_ = std::move(rest);
  return found;
}

guint64 ActionHarness::stat(const char *name) {
  GstStructure *stats = nullptr;
  g_object_get(element_, "stats", &stats, nullptr);
  guint64 value = 0;
  EXPECT_TRUE(stats && gst_structure_get_uint64(stats, name, &value)) << name;
  gst_clear_structure(&stats);
  return value;
}

std::string errorOf(const Properties &properties, int *count) {
  GstElement *element = makeAction(properties);
  gst_object_ref_sink(element);
  GstBus *bus = gst_bus_new();
  gst_element_set_bus(element, bus);
  const GstStateChangeReturn result = gst_element_set_state(element, GST_STATE_READY);
  std::string text;
  *count = 0;
  while (GstMessage *message = gst_bus_pop(bus)) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      GError *error = nullptr;
      gst_message_parse_error(message, &error, nullptr);
      text = error->message;
      g_error_free(error);
      (*count)++;
    }
    gst_message_unref(message);
  }
  EXPECT_EQ(result == GST_STATE_CHANGE_FAILURE, *count > 0);
  gst_element_set_state(element, GST_STATE_NULL);
  gst_element_set_bus(element, nullptr);
  gst_object_unref(bus);
  gst_object_unref(element);
  return text;
}

}  // namespace sta::test
