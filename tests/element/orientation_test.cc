// SPDX-License-Identifier: MIT
// Tests streams whose tag says that they are to be shown turned. Windows must be those of an upright stream; frames and
// boxes must stay as they are.
#include <gtest/gtest.h>

#include <cstring>

#include "action_harness.h"

namespace sta::test {
namespace {

constexpr GstClockTime kFrame = GST_SECOND / 30;
constexpr int kWide = 80, kTall = 64;

// An RGB picture without any symmetry.
std::vector<guint8> picture(int seed) {
  std::vector<guint8> pixels;
  for (int y = 0; y < kTall; y++)
    for (int x = 0; x < kWide; x++)
      for (int c = 0; c < 3; c++) pixels.push_back(static_cast<guint8>(3 * x + (y * y) / 9 + 40 * c + 7 * seed));
  return pixels;
}

struct Orientation {
  const char *tag, *nick;
  bool swap;
  // Place in the upright picture of pixel (x, y).
  std::pair<int, int> (*to)(int x, int y);
};

// By the definition of the tag: rotated clockwise; the flips are flipped horizontally first.
const Orientation kAll[] = {
    {"rotate-0", "none", false, [](int x, int y) { return std::pair(x, y); }},
    {"rotate-90", "90r", true, [](int x, int y) { return std::pair(kTall - 1 - y, x); }},
    {"rotate-180", "180", false, [](int x, int y) { return std::pair(kWide - 1 - x, kTall - 1 - y); }},
    {"rotate-270", "90l", true, [](int x, int y) { return std::pair(y, kWide - 1 - x); }},
    {"flip-rotate-0", "horiz", false, [](int x, int y) { return std::pair(kWide - 1 - x, y); }},
    {"flip-rotate-270", "ul-lr", true, [](int x, int y) { return std::pair(y, x); }},
    {"flip-rotate-180", "vert", false, [](int x, int y) { return std::pair(x, kTall - 1 - y); }},
    {"flip-rotate-90", "ur-ll", true, [](int x, int y) { return std::pair(kTall - 1 - y, kWide - 1 - x); }},
};

std::vector<guint8> turned(const std::vector<guint8> &pixels, const Orientation &o) {
  std::vector<guint8> out(pixels.size());
  const int columns = o.swap ? kTall : kWide;
  for (int y = 0; y < kTall; y++)
    for (int x = 0; x < kWide; x++) {
      const auto [u, v] = o.to(x, y);
      std::memcpy(&out[3 * static_cast<size_t>(v * columns + u)], &pixels[3 * static_cast<size_t>(y * kWide + x)], 3);
    }
  return out;
}

GstBuffer *buffer_of(const std::vector<guint8> &pixels, int i) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, pixels.size(), nullptr);
  gst_buffer_fill(buffer, 0, pixels.data(), pixels.size());
  GST_BUFFER_PTS(buffer) = i * kFrame;
  GST_BUFFER_DURATION(buffer) = kFrame;
  return buffer;
}

GstEvent *tag_event(const char *orientation, GstTagScope scope = GST_TAG_SCOPE_STREAM) {
  GstTagList *tags = gst_tag_list_new(GST_TAG_IMAGE_ORIENTATION, orientation, nullptr);
  gst_tag_list_set_scope(tags, scope);
  return gst_event_new_tag(tags);
}

// Windows of frames 0 .. 79. tag: sent before the first frame; turn: the frames themselves are turned.
std::vector<Window> windowsOf(const Properties &properties, const char *tag, const Orientation *turn) {
  ActionHarness action(properties);
  const bool swap = turn && turn->swap;
  action.rgbCaps(swap ? kTall : kWide, swap ? kWide : kTall, 30, 1);
  if (tag) action.event(tag_event(tag));
  for (int i = 0; i < 80; i++) {
    const auto pixels = picture(i);
    const auto sent = turn ? turned(pixels, *turn) : pixels;
    const Buffer out = action.push(buffer_of(sent, i));
    // The frames that go on are those that came in.
    GstMapInfo map;
    EXPECT_TRUE(out && gst_buffer_map(out.get(), &map, GST_MAP_READ));
    EXPECT_TRUE(map.size == sent.size() && std::memcmp(map.data, sent.data(), sent.size()) == 0);
    gst_buffer_unmap(out.get(), &map);
  }
  return action.windows();
}

void expectSame(const std::vector<Window> &got, const std::vector<Window> &want, const std::string &what, double tolerance = 1e-6) {
  ASSERT_EQ(got.size(), want.size()) << what;
  ASSERT_GE(got.size(), 2u);
  for (size_t i = 0; i < got.size(); i++) {
    EXPECT_EQ(got[i].labels, want[i].labels) << what;
    for (size_t k = 0; k < got[i].confidences.size(); k++) EXPECT_NEAR(got[i].confidences[k], want[i].confidences[k], tolerance) << what;
  }
}

TEST(Orientation, WindowsAreThoseOfTheUprightStream) {
  const auto untouched = windowsOf(fileMode(), nullptr, nullptr);
  for (const Orientation &o : kAll) {
    const auto want = windowsOf(fileMode(), nullptr, &o);
    expectSame(windowsOf(fileMode(), o.tag, nullptr), want, o.tag);
    Properties set = fileMode();
    set.push_back({"orientation", o.nick});
    expectSame(windowsOf(set, nullptr, nullptr), want, std::string("orientation=") + o.nick);
    // The property goes before the tag.
    expectSame(windowsOf(set, "rotate-180", nullptr), want, std::string("orientation=") + o.nick + " against a tag");
    if (std::strcmp(o.tag, "rotate-0") != 0) {
      EXPECT_GT(std::abs(want[0].confidences[0] - untouched[0].confidences[0]), 1e-5)
          << o.tag << ": the model must see a difference, or nothing is tested";
    }
  }
}

TEST(Orientation, ATagOfTheStreamGoesBeforeOneOfTheContainer) {
  const auto want = windowsOf(fileMode(), "rotate-90", nullptr);
  ActionHarness action(fileMode());
  action.rgbCaps(kWide, kTall, 30, 1);
  action.event(tag_event("rotate-90"));
  action.event(tag_event("rotate-180", GST_TAG_SCOPE_GLOBAL));
  for (int i = 0; i < 80; i++) action.push(buffer_of(picture(i), i));
  expectSame(action.windows(), want, "stream and container");
}

TEST(Orientation, AChangeBeginsANewWindow) {
  ActionHarness action(fileMode());
  action.rgbCaps(kWide, kTall, 30, 1);
  for (int i = 0; i < 50; i++) action.push(buffer_of(picture(i), i));  // no window is whole yet: the first ends with frame 60
  action.event(tag_event("rotate-90"));
  action.event(tag_event("rotate-90"));  // said twice is no change
  for (int i = 50; i < 112; i++) action.push(buffer_of(picture(i), i));
  const auto windows = action.windows();
  ASSERT_EQ(windows.size(), 1u);
  EXPECT_GE(windows[0].start, 50 * kFrame);
}

TEST(Orientation, BoxesOfObjectsAreTurnedAlong) {
  Properties objects = fileMode();
  objects.push_back({"region", "objects"});
  const auto run = [&](const Orientation *turn) {
    ActionHarness action(objects);
    const bool swap = turn && turn->swap;
    action.rgbCaps(swap ? kTall : kWide, swap ? kWide : kTall, 30, 1);
    if (!turn) action.event(tag_event("rotate-90"));
    for (int i = 0; i < 80; i++) {
      const auto pixels = picture(i);
      GstBuffer *buffer = buffer_of(turn ? turned(pixels, *turn) : pixels, i);
      // The box from (20, 10) to (52, 42) of the frame, and where it is when the frame is turned clockwise.
      GstVideoRegionOfInterestMeta *meta = turn ? gst_buffer_add_video_region_of_interest_meta(buffer, "person", kTall - 42, 20, 32, 32)
                                                : gst_buffer_add_video_region_of_interest_meta(buffer, "person", 20, 10, 32, 32);
      meta->id = 7;
      action.push(buffer);
    }
    return action.windows();
  };
  expectSame(run(nullptr), run(&kAll[1]), "objects", 2e-3);  // enlarged: rounding is not turned along
}

}  // namespace
}  // namespace sta::test
