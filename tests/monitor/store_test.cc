// SPDX-License-Identifier: MIT
// Tests events in the store: saved, found, listed newest first, page by page. Also tests what is kept for the broker
// and for clients that come back.
#include <algorithm>
#include <random>
#include <set>

#include "store_support.h"

namespace sta::monitor {
namespace {

class StoreTest : public testing::Test {
 protected:
  TempFolder folder;
  std::unique_ptr<Store> store = openStore(folder.path());
};

TEST_F(StoreTest, KeepsEveryFieldOfAnEvent) {
  Event event = makeEvent("gate", "camera-watch", "it's \"odd\"; \xC3\xB6", 1'795'813'961'250);
  event.offset = event.onset + 12'345;
  event.seen = event.onset + 12'346;
  event.confidence = 0.8765;
  event.drop_number = 12;
  event.camera_clock = event.interrupted = event.snapshot = true;
  event.clip = "0123456789abcdef";
  ASSERT_TRUE(store->save(event));
  for (int pass = 0; pass < 2; ++pass) {
    const std::optional<Event> found = store->find(event.id);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, event.id);
    EXPECT_EQ(found->camera, event.camera);
    EXPECT_EQ(found->model, event.model);
    EXPECT_EQ(found->label, event.label);
    EXPECT_EQ(found->onset, event.onset);
    EXPECT_EQ(found->offset, event.offset);
    EXPECT_EQ(found->seen, event.seen);
    EXPECT_EQ(found->confidence, event.confidence);
    EXPECT_EQ(found->drop_number, event.drop_number);
    EXPECT_TRUE(found->camera_clock);
    EXPECT_TRUE(found->interrupted);
    EXPECT_TRUE(found->snapshot);
    EXPECT_EQ(found->clip, event.clip);
    EXPECT_EQ(found->clip_state, "");  // there is no such clip
    store.reset();
    store = openStore(folder.path());
  }
}

TEST_F(StoreTest, AnEventThatGoesOnHasNoOffset) {
  const Event event = makeEvent("gate", "m", "left", 1000);
  ASSERT_TRUE(store->save(event));
  const std::optional<Event> found = store->find(event.id);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->offset);
  EXPECT_FALSE(found->camera_clock || found->interrupted || found->snapshot);
  EXPECT_FALSE(store->find("unknown"));
  EXPECT_FALSE(store->find(""));
}

TEST_F(StoreTest, SavingAgainChangesTheEvent) {
  Event event = makeEvent("gate", "m", "left", 1000);
  ASSERT_TRUE(store->save(event));
  event = ended(event, 500);
  event.confidence = 0.9;
  event.snapshot = true;
  event.clip = "c";
  ASSERT_TRUE(store->save(event));
  EXPECT_EQ(everything(*store).size(), 1u);
  const std::optional<Event> found = store->find(event.id);
  EXPECT_EQ(found->offset, 1500);
  EXPECT_EQ(found->confidence, 0.9);
  EXPECT_TRUE(found->snapshot);
  EXPECT_EQ(found->clip, "c");
}

TEST_F(StoreTest, ListsWhatTheFilterAsksFor) {
  for (const char *camera : {"gate", "hall"})
    for (const char *model : {"camera-watch", "motion-watch"})
      for (const char *label : {"left", "right"})
        for (Milliseconds onset : {1000, 2000, 3000}) ASSERT_TRUE(store->save(makeEvent(camera, model, label, onset)));
  const auto count = [&](const EventFilter &filter) {
    const std::vector<Event> events = everything(*store, filter);
    for (const Event &event : events) {
      EXPECT_TRUE(filter.camera.empty() || event.camera == filter.camera);
      EXPECT_TRUE(filter.model.empty() || event.model == filter.model);
      EXPECT_TRUE(filter.label.empty() || event.label == filter.label);
      EXPECT_TRUE(!filter.from || event.onset >= *filter.from);
      EXPECT_TRUE(!filter.to || event.onset <= *filter.to);
    }
    return events.size();
  };
  using Time = std::optional<Milliseconds>;
  const auto matching = [&](const char *camera, const char *model, const char *label, Time from = {}, Time to = {}) {
    EventFilter filter;
    filter.camera = camera;
    filter.model = model;
    filter.label = label;
    filter.from = from;
    filter.to = to;
    return count(filter);
  };
  EXPECT_EQ(matching("", "", ""), 24u);
  EXPECT_EQ(matching("gate", "", ""), 12u);
  EXPECT_EQ(matching("", "motion-watch", ""), 12u);
  EXPECT_EQ(matching("gate", "", "left"), 6u);
  EXPECT_EQ(matching("", "", "", 2000), 16u);
  EXPECT_EQ(matching("", "", "", {}, 1999), 8u);
  EXPECT_EQ(matching("", "", "", 2000, 2000), 8u);
  EXPECT_EQ(matching("hall", "camera-watch", "right", 3000, 3000), 1u);
  EXPECT_EQ(matching("' OR 1=1 --", "", ""), 0u);
  EXPECT_EQ(matching("gat%", "", ""), 0u);
}

// Whatever the size of a page, each event appears once, newest first, equal onsets included.
TEST_F(StoreTest, PagesGiveEachEventOnce) {
  std::mt19937 random(3);
  std::vector<Event> all;
  sql(folder.path(), "PRAGMA synchronous=OFF");
  std::set<std::string> ids;
  for (int i = 0; i < 300; ++i) {
    const Event event =
        makeEvent(random() % 2 ? "gate" : "hall", "m", "label" + std::to_string(random() % 5), static_cast<Milliseconds>(random() % 40) - 5);
    if (!ids.insert(event.id).second) continue;
    all.push_back(event);
    ASSERT_TRUE(store->save(event));
  }
  std::sort(all.begin(), all.end(), [](const Event &a, const Event &b) { return std::pair(a.onset, a.id) > std::pair(b.onset, b.id); });
  for (const char *camera : {"", "gate"})
    for (const std::optional<Milliseconds> from : {std::optional<Milliseconds>(), std::optional<Milliseconds>(0)}) {
      std::vector<std::string> want;
      for (const Event &event : all)
        if ((!*camera || event.camera == camera) && (!from || event.onset >= *from)) want.push_back(event.id);
      ASSERT_GT(want.size(), 50u);
      for (const int limit :
           {1, 2, 3, 7, 50, static_cast<int>(want.size()) - 1, static_cast<int>(want.size()), static_cast<int>(want.size()) + 1, 500}) {
        EventFilter filter;
        filter.camera = camera;
        filter.from = from;
        filter.limit = limit;
        std::vector<std::string> got;
        for (std::size_t pages = 0; pages <= want.size(); ++pages) {
          std::string next;
          const std::optional<std::vector<Event>> page = store->list(filter, next);
          ASSERT_TRUE(page);
          EXPECT_LE(static_cast<int>(page->size()), limit);
          for (const Event &event : *page) got.push_back(event.id);
          filter.cursor = next;
          if (next.empty()) break;
          EXPECT_EQ(static_cast<int>(page->size()), limit);
        }
        EXPECT_TRUE(filter.cursor.empty());
        ASSERT_EQ(got, want) << "limit " << limit;
      }
    }
}

TEST_F(StoreTest, ANewEventMovesNoPage) {
  for (Milliseconds onset = 0; onset < 10; ++onset) ASSERT_TRUE(store->save(makeEvent("gate", "m", "left", onset)));
  EventFilter filter;
  filter.limit = 4;
  ASSERT_EQ(store->list(filter, filter.cursor)->back().onset, 6);
  ASSERT_TRUE(store->save(makeEvent("gate", "m", "left", 20)));
  std::string next;
  const std::vector<Event> page = store->list(filter, next).value();
  ASSERT_EQ(page.size(), 4u);
  EXPECT_EQ(page.front().onset, 5);
  EXPECT_EQ(page.back().onset, 2);
}

TEST_F(StoreTest, WhatIsNoCursorIsRefused) {
  ASSERT_TRUE(store->save(makeEvent("gate", "m", "left", 1000)));
  for (const char *cursor : {"abc", "-", "12", "12 34", "x-1", "12,ab", "' OR 1=1"}) {
    EventFilter filter;
    filter.cursor = cursor;
    std::string next;
    EXPECT_FALSE(store->list(filter, next)) << cursor;
  }
}

TEST_F(StoreTest, TheOutboxKeepsItsOrder) {
  EXPECT_EQ(store->outboxCount(), 0);
  std::vector<std::int64_t> sequences;
  for (int i = 0; i < 20; ++i) {
    sequences.push_back(store->outboxAdd("sta/gate/event", "payload " + std::to_string(i)));
    ASSERT_GT(sequences.back(), i ? sequences[i - 1] : 0);
  }
  EXPECT_EQ(store->outboxCount(), 20);
  std::vector<OutboxEntry> entries = store->outboxAfter(0, 100);
  ASSERT_EQ(entries.size(), 20u);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(entries[i].sequence, sequences[i]);
    EXPECT_EQ(entries[i].topic, "sta/gate/event");
    EXPECT_EQ(entries[i].payload, "payload " + std::to_string(i));
  }
  entries = store->outboxAfter(sequences[4], 3);
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].payload, "payload 5");
  EXPECT_EQ(entries[2].payload, "payload 7");
  // The broker may confirm in any order.
  store->outboxRemove(sequences[6]);
  store->outboxRemove(sequences[0]);
  store->outboxRemove(9999);
  EXPECT_EQ(store->outboxCount(), 18);
  entries = store->outboxAfter(0, 100);
  EXPECT_EQ(entries[0].payload, "payload 1");
  EXPECT_EQ(entries[5].payload, "payload 7");
  EXPECT_TRUE(store->outboxAfter(sequences.back(), 100).empty());
}

TEST_F(StoreTest, TheOutboxOutlivesTheProcessAndUsesNoNumberTwice) {
  const std::int64_t first = store->outboxAdd("a", "1"), second = store->outboxAdd("b", "2");
  store->outboxRemove(second);
  store = openStore(folder.path());
  const std::vector<OutboxEntry> entries = store->outboxAfter(0, 10);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].sequence, first);
  EXPECT_EQ(entries[0].payload, "1");
  EXPECT_GT(store->outboxAdd("c", "3"), second);
}

TEST_F(StoreTest, TheJournalGivesWhatCameAfter) {
  EXPECT_TRUE(store->journalAfter(0).empty());
  const std::int64_t first = store->journalAdd("1"), second = store->journalAdd("2"), third = store->journalAdd("3");
  EXPECT_TRUE(0 < first && first < second && second < third);
  const std::vector<JournalEntry> entries = store->journalAfter(first);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].sequence, second);
  EXPECT_EQ(entries[0].payload, "2");
  EXPECT_EQ(entries[1].payload, "3");
  EXPECT_TRUE(store->journalAfter(third).empty());
  store = openStore(folder.path());
  EXPECT_EQ(store->journalAfter(0).size(), 3u);
  EXPECT_GT(store->journalAdd("4"), third);
}

TEST_F(StoreTest, TheJournalKeepsTheLastThousand) {
  for (int i = 0; i < 1500; ++i) ASSERT_GT(store->journalAdd(std::to_string(i)), 0);
  const std::vector<JournalEntry> entries = store->journalAfter(0);
  ASSERT_EQ(entries.size(), 1000u);
  EXPECT_EQ(entries.front().payload, "500");
  EXPECT_EQ(entries.back().payload, "1499");
}

TEST_F(StoreTest, CamerasOfRest) {
  EXPECT_TRUE(store->cameras().empty());
  EXPECT_TRUE(store->setCamera("gate", R"({"uri":"test://ball"})"));
  EXPECT_TRUE(store->setCamera("hall", R"({"uri":"test://snow"})"));
  EXPECT_TRUE(store->setCamera("gate", R"({"uri":"test://bars"})"));
  EXPECT_TRUE(store->setCamera("yard", ""));
  store = openStore(folder.path());
  EXPECT_EQ(store->cameras(),
            (std::map<std::string, std::string>{{"gate", R"({"uri":"test://bars"})"}, {"hall", R"({"uri":"test://snow"})"}, {"yard", ""}}));
}

TEST_F(StoreTest, RetainedTopicsAreKnownWithTheirCameras) {
  EXPECT_TRUE(store->retained().empty());
  EXPECT_TRUE(store->retainedAdd("sta/hall/status", "hall"));
  EXPECT_TRUE(store->retainedAdd("sta/gate/status", "gate"));
  EXPECT_TRUE(store->retainedAdd("sta/gate/label", "gate"));
  EXPECT_TRUE(store->retainedAdd("sta/gate/status", "gate"));
  store->retainedRemove("sta/gate/label");
  store->retainedRemove("unknown");
  store = openStore(folder.path());
  EXPECT_EQ(store->retained(), (std::vector<std::pair<std::string, std::string>>{{"sta/gate/status", "gate"}, {"sta/hall/status", "hall"}}));
}

TEST_F(StoreTest, SaysWhyAWriteFailedUntilOneSucceeds) {
  EXPECT_EQ(store->problem(), "");
  blockWrites(folder.path(), "INSERT", "events");
  const Event event = makeEvent("gate", "m", "left", 1000);
  EXPECT_FALSE(store->save(event));
  EXPECT_NE(store->problem().find("the disk is full"), std::string::npos) << store->problem();
  EXPECT_FALSE(store->find(event.id));
  unblockWrites(folder.path());
  EXPECT_TRUE(store->save(event));
  EXPECT_EQ(store->problem(), "");
  EXPECT_TRUE(store->find(event.id));
}

TEST_F(StoreTest, AddingSaysThatItFailed) {
  for (const char *table : {"outbox", "journal", "clips", "cameras"}) {
    blockWrites(folder.path(), "INSERT", table);
    if (std::string(table) == "outbox") {
      EXPECT_EQ(store->outboxAdd("t", "p"), -1);
    }
    if (std::string(table) == "journal") {
      EXPECT_EQ(store->journalAdd("p"), -1);
    }
    if (std::string(table) == "clips") {
      EXPECT_FALSE(store->clipBegun("c", "gate", 1));
    }
    if (std::string(table) == "cameras") {
      EXPECT_FALSE(store->setCamera("c", "{}"));
    }
    EXPECT_NE(store->problem(), "") << table;
    unblockWrites(folder.path());
  }
}

}  // namespace
}  // namespace sta::monitor
