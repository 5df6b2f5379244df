// SPDX-License-Identifier: MIT
// Tests the store over time: killed and reopened, with events that are too old or take too much space, and with files
// that are no store.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <future>

#include "store_support.h"

namespace sta::monitor {
namespace {

// Runs `work` on a store in a separate process that is killed right afterwards.
void killedAfter(const std::string &folder, const std::function<void(Store &)> &work) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::string error;
    const std::unique_ptr<Store> store = Store::open(folder, error);
    if (store) work(*store);
    if (!store) _exit(1);
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << status;
}

TEST(StoreLife, MakesItsFolder) {
  TempFolder folder;
  const std::string inside = folder / "a/b/c";
  const std::unique_ptr<Store> store = openStore(inside);
  ASSERT_TRUE(store);
  EXPECT_EQ(store->folder(), inside);
  EXPECT_EQ(store->clipPath("x"), inside + "/clips/x.mp4");
  EXPECT_EQ(store->snapshotPath("x"), inside + "/snapshots/x.jpg");
  EXPECT_TRUE(std::filesystem::is_directory(inside + "/clips"));
  EXPECT_TRUE(std::filesystem::is_directory(inside + "/snapshots"));
  struct stat found;
  ASSERT_EQ(stat(inside.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0027, 0u) << "others look into it, or the group writes";
  EXPECT_TRUE(store->recovered().empty());
}

TEST(StoreLife, AKillEndsWhatWasOpen) {
  TempFolder folder;
  const Event open = makeEvent("gate", "m", "left", 1000), late = makeEvent("gate", "m", "right", 2000),
              over = ended(makeEvent("hall", "m", "up", 500), 100);
  killedAfter(folder.path(), [&](Store &store) {
    store.clipBegun(open.id, "gate", 1000);
    writeFile(store.clipPath(open.id), 1234);
    store.clipBegun("lost", "gate", 1000);  // its file was never made
    Event event = open;
    event.clip = open.id;
    store.save(event);
    event.seen = 7000;
    event.confidence = 0.75;
    store.save(event);
    store.save(late);
    store.save(over);
    store.outboxAdd("t", "p");
  });
  const std::unique_ptr<Store> store = openStore(folder.path());
  ASSERT_TRUE(store);
  const std::optional<Event> found = store->find(open.id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->offset, 7000);
  EXPECT_TRUE(found->interrupted);
  EXPECT_EQ(found->confidence, 0.75);
  EXPECT_EQ(found->clip_state, "done");
  EXPECT_EQ(store->clipBytes(), 1234u);
  // It was never seen again after its onset, so it ends there.
  EXPECT_EQ(store->find(late.id)->offset, 2000);
  EXPECT_TRUE(store->find(late.id)->interrupted);
  EXPECT_EQ(store->find(over.id)->offset, 600);
  EXPECT_FALSE(store->find(over.id)->interrupted);
  EXPECT_EQ(store->outboxCount(), 1);
  ASSERT_EQ(store->recovered().size(), 2u);
  EXPECT_EQ(store->recovered()[0].id, open.id);
  EXPECT_EQ(store->recovered()[0].offset, 7000);
  EXPECT_EQ(store->recovered()[1].id, late.id);
  // Once is enough.
  EXPECT_TRUE(openStore(folder.path())->recovered().empty());
}

// The broker and listeners are told of them, and later hear nothing of the clip.
TEST(StoreLife, RecoveredEventsKnowThatTheirClipIsDone) {
  TempFolder folder;
  Event good = makeEvent("gate", "m", "left", 1000), bad = makeEvent("gate", "m", "right", 2000);
  killedAfter(folder.path(), [&](Store &store) {
    for (Event *event : {&good, &bad}) {
      event->clip = event->id;
      store.clipBegun(event->id, "gate", event->onset);
      store.save(*event);
    }
    writeFile(store.clipPath(good.id), 10);
  });
  const std::unique_ptr<Store> store = openStore(folder.path());
  ASSERT_EQ(store->recovered().size(), 2u);
  EXPECT_EQ(store->recovered()[0].clip_state, "done");
  EXPECT_EQ(store->recovered()[1].clip_state, "failed");
}

TEST(StoreLife, ClipsEndWellOnlyWithAFile) {
  TempFolder folder;
  const std::unique_ptr<Store> store = openStore(folder.path());
  const auto stateOf = [&](const std::string &clip) {
    Event event = makeEvent("gate", "m", clip, 1000);
    event.clip = clip;
    EXPECT_TRUE(store->save(event));
    return store->find(event.id)->clip_state;
  };
  for (const char *clip : {"good", "bad", "none", "empty", "writing"}) ASSERT_TRUE(store->clipBegun(clip, "gate", 1000));
  for (const char *clip : {"good", "bad"}) writeFile(store->clipPath(clip), 100);
  writeFile(store->clipPath("empty"), 0);
  EXPECT_TRUE(store->clipEnded("good", true));
  EXPECT_TRUE(store->clipEnded("bad", false));
  EXPECT_TRUE(store->clipEnded("none", true));
  EXPECT_TRUE(store->clipEnded("empty", true));
  EXPECT_EQ(stateOf("good"), "done");
  EXPECT_EQ(stateOf("bad"), "failed");
  EXPECT_EQ(stateOf("none"), "failed");
  EXPECT_EQ(stateOf("empty"), "failed");
  EXPECT_EQ(stateOf("writing"), "writing");
  EXPECT_FALSE(exists(store->clipPath("empty")));
  EXPECT_EQ(store->clipBytes(), 200u) << "what a failed clip takes on the disk counts";
}

TEST(StoreLife, FindsTheEventsOfAClip) {
  TempFolder folder;
  const std::unique_ptr<Store> store = openStore(folder.path());
  std::vector<std::string> want;
  for (Milliseconds onset : {1000, 2000, 3000}) {
    Event event = makeEvent("gate", "m", "left", onset);
    event.clip = onset == 2000 ? "other" : "one";
    if (event.clip == "one") want.push_back(event.id);
    ASSERT_TRUE(store->save(event));
  }
  EXPECT_EQ(store->eventsOfClip("one"), want);
  EXPECT_TRUE(store->eventsOfClip("unknown").empty());
}

TEST(StoreLife, ExpiresByAge) {
  TempFolder folder;
  const std::unique_ptr<Store> store = openStore(folder.path());
  const Milliseconds now = 1'795'813'961'250, day = 86'400'000;
  const Event old = ended(makeEvent("gate", "m", "left", now - 15 * day), 1000), young = ended(makeEvent("gate", "m", "left", now - 13 * day), 1000),
              open = makeEvent("gate", "m", "right", now - 20 * day);
  for (const Event &event : {old, young, open}) {
    ASSERT_TRUE(store->save(event));
    writeFile(store->snapshotPath(event.id), 10);
  }
  addClip(*store, old.id, old.onset, 100);
  addClip(*store, young.id, young.onset, 100);
  ASSERT_TRUE(store->clipBegun("writing", "gate", now - 30 * day));
  writeFile(store->clipPath("writing"), 100);
  store->expire(now, 14 * 86400 * kSecond, 1'000'000);
  EXPECT_FALSE(store->find(old.id));
  EXPECT_FALSE(exists(store->snapshotPath(old.id)));
  EXPECT_FALSE(exists(store->clipPath(old.id)));
  EXPECT_TRUE(store->find(young.id));
  EXPECT_TRUE(exists(store->snapshotPath(young.id)));
  EXPECT_TRUE(exists(store->clipPath(young.id)));
  EXPECT_TRUE(store->find(open.id)) << "it goes on";
  EXPECT_TRUE(exists(store->snapshotPath(open.id)));
  EXPECT_TRUE(exists(store->clipPath("writing")));
  EXPECT_EQ(store->clipBytes(), 100u);
}

TEST(StoreLife, ExpiresTheOldestClipsUntilTheRestFits) {
  TempFolder folder;
  const std::unique_ptr<Store> store = openStore(folder.path());
  Event event = ended(makeEvent("gate", "m", "left", 1000), 10);
  event.clip = "c0";
  ASSERT_TRUE(store->save(event));
  ASSERT_TRUE(store->clipBegun("writing", "gate", 0));
  writeFile(store->clipPath("writing"), 100'000);
  // The order is not that of age.
  for (const int i : {3, 0, 4, 1, 2}) addClip(*store, "c" + std::to_string(i), 1000 + i, 1000);
  const auto kept = [&] {
    std::string names;
    for (int i = 0; i < 5; ++i)
      if (exists(store->clipPath("c" + std::to_string(i)))) names += std::to_string(i);
    return names;
  };
  store->expire(2000, 86400 * kSecond, 5000);
  EXPECT_EQ(kept(), "01234");
  EXPECT_EQ(store->find(event.id)->clip_state, "done");
  store->expire(2000, 86400 * kSecond, 4999);
  EXPECT_EQ(kept(), "1234");
  store->expire(2000, 86400 * kSecond, 2500);
  EXPECT_EQ(kept(), "34");
  EXPECT_EQ(store->clipBytes(), 2000u);
  store->expire(2000, 86400 * kSecond, 0);
  EXPECT_EQ(kept(), "");
  EXPECT_EQ(store->clipBytes(), 0u);
  EXPECT_TRUE(exists(store->clipPath("writing")));
  // The event stays, and says that there is nothing to play.
  ASSERT_TRUE(store->find(event.id));
  EXPECT_EQ(store->find(event.id)->clip_state, "");
}

// A full disk accepts no deletion either. Even then the main loop must return.
TEST(StoreLife, ExpiringEndsWhenNothingCanBeDeleted) {
  TempFolder folder;
  const std::unique_ptr<Store> store = openStore(folder.path());
  ASSERT_TRUE(store->clipBegun("failed", "gate", 1000));
  ASSERT_TRUE(store->clipEnded("failed", false));
  addClip(*store, "good", 2000, 5000);
  blockWrites(folder.path(), "DELETE", "clips");
  std::future<void> expired = std::async(std::launch::async, [&] { store->expire(3000, 86400 * kSecond, 1000); });
  const bool ended_alone = expired.wait_for(std::chrono::seconds(5)) == std::future_status::ready;
  unblockWrites(folder.path());
  expired.wait();
  EXPECT_TRUE(ended_alone);
}

TEST(StoreLife, RefusesADatabaseOfANewerVersion) {
  TempFolder folder;
  const Event event = makeEvent("gate", "m", "left", 1000);
  ASSERT_TRUE(openStore(folder.path())->save(event));
  sql(folder.path(), "PRAGMA user_version = 7");
  std::string error;
  EXPECT_FALSE(Store::open(folder.path(), error));
  EXPECT_NE(error.find(folder / "events.db"), std::string::npos) << error;
  EXPECT_NE(error.find("newer sta-monitor"), std::string::npos) << error;
  EXPECT_NE(error.find("7"), std::string::npos) << error;
  // The file was left as it was.
  sql(folder.path(), "PRAGMA user_version = 1");
  EXPECT_FALSE(openStore(folder.path())->recovered().empty());
}

TEST(StoreLife, RefusesAFileThatIsNoDatabase) {
  TempFolder folder;
  const std::string text(5000, 'a');
  const std::string path = folder.file("events.db", text);
  std::string error;
  EXPECT_FALSE(Store::open(folder.path(), error));
  EXPECT_NE(error.find(path), std::string::npos) << error;
  EXPECT_NE(error.find("not a database"), std::string::npos) << error;
  EXPECT_EQ(contentOf(path), text);
}

TEST(StoreLife, SaysThatAFolderCannotBeMade) {
  TempFolder folder;
  const std::string inside = folder.file("file", "x") + "/data";
  std::string error;
  EXPECT_FALSE(Store::open(inside, error));
  EXPECT_EQ(error.find(inside + ": cannot be made"), 0u) << error;
}

TEST(StoreLife, AWriteAheadLogThatWasCutShortCostsNoMoreThanItsEnd) {
  TempFolder folder;
  killedAfter(folder.path(), [&](Store &store) {
    for (Milliseconds onset = 0; onset < 200; ++onset) store.save(ended(makeEvent("gate", "m", "left", onset), 1));
  });
  const std::string log = contentOf(folder / "events.db-wal"), main = contentOf(folder / "events.db");
  ASSERT_GT(log.size(), 100'000u);
  std::size_t before = 0;
  for (std::size_t size = 0; size <= log.size(); size += log.size() / 23) {
    TempFolder copy;
    copy.file("events.db", main);
    copy.file("events.db-wal", log.substr(0, size));
    const std::unique_ptr<Store> store = openStore(copy.path());
    ASSERT_TRUE(store) << size;
    const std::size_t events = everything(*store).size();
    EXPECT_GE(events, before) << size;
    before = events;
    EXPECT_TRUE(store->save(makeEvent("gate", "m", "new", 1)));
  }
  EXPECT_GT(before, 150u);
}

}  // namespace
}  // namespace sta::monitor
