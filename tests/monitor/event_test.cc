// SPDX-License-Identifier: MIT
// Tests ids, times and JSON of events.
#include "monitor/store/event.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <set>

namespace sta::monitor {
namespace {

using nlohmann::json;

TEST(EventId, IsStable) {
  const std::string id = eventId("gate", "camera-watch", "covered", 1'795'900'361'250);
  // The first 16 digits of the SHA-256 of the four values, one per line. They must not change: clients have stored
  // them.
  EXPECT_EQ(id, "4692e36ec6312dc9");
  EXPECT_EQ(id, eventId("gate", "camera-watch", "covered", 1'795'900'361'250));
  EXPECT_EQ(id.size(), 16u);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST(EventId, DiffersWhereAnythingDoes) {
  std::set<std::string> ids;
  std::size_t made = 0;
  for (const char *camera : {"gate", "hall", "gatecamera"})
    for (const char *model : {"camera-watch", "motion-watch", "camera"})
      for (const char *label : {"left", "right", "left1"})
        for (Milliseconds onset : {0LL, 1LL, 10LL, -1LL, 1'795'900'361'250LL, 1'795'900'361'251LL}) {
          ids.insert(eventId(camera, model, label, onset));
          ++made;
        }
  EXPECT_EQ(ids.size(), made);
}

TEST(Time, Formats) {
  EXPECT_EQ(formatTime(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(formatTime(1), "1970-01-01T00:00:00.001Z");
  EXPECT_EQ(formatTime(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(formatTime(-1000), "1969-12-31T23:59:59.000Z");
  EXPECT_EQ(formatTime(1'795'813'961'250), "2026-11-27T21:12:41.250Z");
  EXPECT_EQ(formatTime(1'709'210'096'007), "2024-02-29T12:34:56.007Z");
}

TEST(Time, ParsesWithAndWithoutFractionAndWithAnyOffset) {
  const Milliseconds second = 1'795'813'961'000;
  const std::pair<const char *, Milliseconds> cases[] = {
      {"2026-11-27T21:12:41.250Z", second + 250},
      {"2026-11-27T21:12:41Z", second},
      {"2026-11-27T21:12:41", second},
      {"2026-11-27T22:12:41+01:00", second},
      {"2026-11-27T22:12:41.5+01:00", second + 500},
      {"2026-11-28T02:57:41+05:45", second},
      {"2026-11-27T13:12:41-08:00", second},
      {"2026-11-27T21:12:41.250999Z", second + 250},
      {"1969-12-31T23:59:59.250Z", -750},
  };
  for (const auto &[text, want] : cases) EXPECT_EQ(parseTime(text), want) << text;
}

TEST(Time, WhatIsNoTime) {
  for (const char *text : {"", "now", "2026-11-27", "21:12:41", "2026-13-27T21:12:41Z", "2026-11-31T21:12:41Z", "2026-11-27T25:12:41Z",
                           "2026-11-27T21:12Z", "2026-11-27T21:12:41.250Zx", "2026-11-27T21:12:41+", "1795813961250", "27.11.2026 21:12:41"})
    EXPECT_FALSE(parseTime(text)) << text;
}

TEST(Time, EveryMillisecondComesBack) {
  for (Milliseconds time = 1'795'813'961'000; time < 1'795'813'963'000; ++time) ASSERT_EQ(parseTime(formatTime(time)), time) << formatTime(time);
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const auto time = static_cast<Milliseconds>(random() % 8'000'000'000'000) - 1'000'000'000'000;  // 1938 to 2191
    ASSERT_EQ(parseTime(formatTime(time)), time) << formatTime(time);
  }
}

Event example() {
  Event event;
  event.id = "0123456789abcdef";
  event.camera = "gate";
  event.model = "camera-watch";
  event.label = "covered";
  event.onset = 1'795'813'961'250;
  event.seen = event.onset + 4000;
  event.confidence = 0.912345;
  event.drop_number = 12;
  return event;
}

TEST(EventJson, AnEventThatGoesOn) {
  const json told = json::parse(eventJson(example(), "/api/v1"));
  const json want = {{"id", "0123456789abcdef"}, {"camera", "gate"},     {"model", "camera-watch"},
                     {"label", "covered"},       {"state", "start"},     {"onset", "2026-11-27T21:12:41.250Z"},
                     {"offset", nullptr},        {"confidence", 0.9123}, {"drop_number", 12},
                     {"clock", "arrival"},       {"interrupted", false}, {"snapshot", nullptr},
                     {"clip", nullptr},          {"clip_state", "none"}};
  EXPECT_EQ(told, want) << told;
}

TEST(EventJson, AnEventThatEnded) {
  Event event = example();
  event.offset = event.onset + 4000;
  event.camera_clock = event.interrupted = event.snapshot = true;
  event.clip = "fedcba9876543210";
  event.clip_state = "done";
  const json told = json::parse(eventJson(event, "/prefix"));
  EXPECT_EQ(told["state"], "end");
  EXPECT_EQ(told["offset"], "2026-11-27T21:12:45.250Z");
  EXPECT_EQ(told["clock"], "camera");
  EXPECT_EQ(told["interrupted"], true);
  EXPECT_EQ(told["snapshot"], "/prefix/events/0123456789abcdef/snapshot");
  EXPECT_EQ(told["clip"], "/prefix/events/0123456789abcdef/clip");
  EXPECT_EQ(told["clip_state"], "done");
}

TEST(EventJson, TheClipHasAnAddressOnceThereIsSomethingToPlay) {
  Event event = example();
  event.clip = event.id;
  const std::pair<const char *, bool> cases[] = {{"", false}, {"none", false}, {"writing", true}, {"done", true}, {"failed", false}};
  for (const auto &[state, there] : cases) {
    event.clip_state = state;
    const json told = json::parse(eventJson(event, "/api/v1"));
    EXPECT_EQ(!told["clip"].is_null(), there) << state;
    EXPECT_EQ(told["clip_state"], *state ? state : "none");
  }
}

TEST(EventJson, OddLabelsStayWholeJson) {
  Event event = example();
  for (const char *label : {"a \"b\"", "a\nb", "back\\slash", "\xC3\xB6\x66\x66nen", "</script>"}) {
    event.label = label;
    EXPECT_EQ(json::parse(eventJson(event, ""))["label"], label);
  }
  event.label = "not \xFF UTF-8";
  EXPECT_FALSE(json::parse(eventJson(event, ""), nullptr, false).is_discarded());
  event.label = "two\nlines";
  EXPECT_EQ(eventJson(event, "").find('\n'), std::string::npos) << "server-sent events are lines";
}

}  // namespace
}  // namespace sta::monitor
