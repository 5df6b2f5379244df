// SPDX-License-Identifier: MIT
// Tests events and load-adaptive pruning as an application sees them: sta-event messages, the signal, the ids on
// frames, and the drop number in results.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "action_harness.h"

#ifdef HAVE_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

namespace sta::test {
namespace {

constexpr GstClockTime kFrame = GST_SECOND / 30;

struct Change {
  std::string state, label;
  guint64 id = 0, onset = 0, offset = 0;
  bool operator==(const Change &) const = default;
};

std::vector<Change> changes(ActionHarness &action) {
  std::vector<Change> all;
  for (const Message &message : action.messages(GST_MESSAGE_ELEMENT)) {
    if (!gst_message_has_name(message.get(), "sta-event")) continue;
    const GstStructure *s = gst_message_get_structure(message.get());
    Change c;
    c.state = gst_structure_get_string(s, "state");
    c.label = gst_structure_get_string(s, "label");
    gst_structure_get_uint64(s, "event-id", &c.id);
    gst_structure_get_uint64(s, "onset", &c.onset);
    gst_structure_get_uint64(s, "offset", &c.offset);
    all.push_back(c);
  }
  return all;
}

// Random weights: some class of ten is always well above a tenth.
Properties withEvents() {
  Properties p = fileMode();
  p.push_back({"enter-threshold", "0.2"});
  p.push_back({"exit-threshold", "0.05"});
  return p;
}

guint64 eventOf(GstBuffer *buffer) {
  GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, "StaActionMeta");
  guint64 id = 0;
  if (meta) gst_structure_get_uint64(gst_custom_meta_get_structure(meta), "event-id", &id);
  return id;
}

void countEvents(GstElement *, GstStructure *change, gpointer user) {
  EXPECT_TRUE(gst_structure_has_name(change, "sta-event"));
  ++*static_cast<int *>(user);
}

TEST(Timeline, StartsWithTheFirstWindowAndEndsWithTheStream) {
  ActionHarness action(withEvents());
  int signals = 0;
  g_signal_connect(action.element(), "event", G_CALLBACK(countEvents), &signals);
  action.rgbCaps(64, 64, 30, 1);
  guint64 on_frame = 0;
  for (int i = 0; i < 100; i++) {
    const Buffer out = action.push(i * kFrame, kFrame, 1);
    if (i < 60) {
      EXPECT_EQ(eventOf(out.get()), 0u);
    }
    if (i == 99) on_frame = eventOf(out.get());
  }
  auto seen = changes(action);
  ASSERT_GE(seen.size(), 1u);
  EXPECT_EQ(seen[0].state, "start");
  EXPECT_NEAR(static_cast<double>(seen[0].onset), 12 * 4e9 / 30, 5);  // the newest hop of the first window
  EXPECT_NE(on_frame, 0u);
  action.event(gst_event_new_eos());
  const auto last = changes(action);
  ASSERT_GE(last.size(), 1u);
  EXPECT_EQ(last.back().state, "end");
  EXPECT_GE(last.back().offset, seen[0].offset);
  EXPECT_EQ(signals, static_cast<int>(seen.size() + last.size()));
}

#ifdef HAVE_ANALYTICS
// The label's classification is related to a tracking that carries the id and onset of the event.
TEST(Timeline, EventsAreReadBackAsTracking) {
  ActionHarness action(withEvents());
  action.rgbCaps(64, 64, 30, 1);
  Buffer out;
  for (int i = 0; i < 80; i++) out = action.push(i * kFrame, kFrame, 1);
  const guint64 id = eventOf(out.get());
  ASSERT_NE(id, 0u);
  GstAnalyticsRelationMeta *relations = gst_buffer_get_analytics_relation_meta(out.get());
  ASSERT_TRUE(relations);
  gpointer state = nullptr;
  GstAnalyticsMtd tracking, cls;
  ASSERT_TRUE(gst_analytics_relation_meta_iterate(relations, &state, gst_analytics_tracking_mtd_get_mtd_type(), &tracking));
  guint64 tracking_id = 0;
  GstClockTime first = 0, last = 0;
  gboolean lost = TRUE;
  ASSERT_TRUE(gst_analytics_tracking_mtd_get_info(reinterpret_cast<GstAnalyticsTrackingMtd *>(&tracking), &tracking_id, &first, &last, &lost));
  EXPECT_EQ(tracking_id, id);
  EXPECT_LT(first, last);
  EXPECT_FALSE(lost);
  state = nullptr;
  ASSERT_TRUE(gst_analytics_relation_meta_iterate(relations, &state, gst_analytics_cls_mtd_get_mtd_type(), &cls));
  EXPECT_EQ(gst_analytics_relation_meta_get_relation(relations, cls.id, tracking.id), GST_ANALYTICS_REL_TYPE_RELATE_TO);
}
#endif

// A copy of the tiny model whose folder recommends settings for its events.
class Recommending {
 public:
  explicit Recommending(const std::string &sta) : path_(std::filesystem::temp_directory_path() / ("sta-recommends-" + std::to_string(getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::copy(STA_GOLDEN_MADE_DIR "/checkpoints/micro_hf", path_, std::filesystem::copy_options::recursive);
    std::ifstream in(path_ / "config.json");
    std::string config(std::istreambuf_iterator<char>(in), {});
    config.replace(config.find('{'), 1, "{\"sta\": " + sta + ", ");
    std::ofstream(path_ / "config.json") << config;
  }
  ~Recommending() { std::filesystem::remove_all(path_); }
  Properties properties() const {
    Properties p = fileMode();
    for (auto &[name, value] : p)
      if (name == "model") value = path_.string();
    return p;
  }

 private:
  std::filesystem::path path_;
};

std::vector<Change> changesWith(const Properties &properties) {
  ActionHarness action(properties);
  action.rgbCaps(64, 64, 30, 1);
  for (int i = 0; i < 100; i++) action.push(i * kFrame, kFrame, 1);
  action.event(gst_event_new_eos());
  return changes(action);
}

TEST(Timeline, TheModelsFolderRecommends) {
  const Recommending low(R"({"events": {"enter_threshold": 0.2, "exit_threshold": 0.05}})");
  const auto told = changesWith(low.properties());
  ASSERT_FALSE(told.empty()) << "the thresholds of the folder are not used";
  EXPECT_EQ(told, changesWith(withEvents())) << "the folder's thresholds do not mean what the properties mean";
  // A property that is set goes before the folder's recommendation.
  Properties high = low.properties();
  high.push_back({"enter-threshold", "1"});
  EXPECT_TRUE(changesWith(high).empty());
  // The other threshold of the folder moves to make room for it.
  Properties late = low.properties();
  late.push_back({"exit-threshold", "1"});
  EXPECT_TRUE(changesWith(late).empty());
}

TEST(Timeline, TheModelsBackgroundIsNoEvent) {
  const std::string label = changesWith(withEvents()).at(0).label;
  const Recommending quiet(R"({"background": ")" + label + R"(", "events": {"enter_threshold": 0.2, "exit_threshold": 0.05}})");
  for (const Change &change : changesWith(quiet.properties())) EXPECT_NE(change.label, label);
  // An empty property means none.
  Properties loud = quiet.properties();
  loud.push_back({"background-class", ""});
  EXPECT_EQ(changesWith(loud).at(0).label, label);
}

TEST(Timeline, AFlushEndsEvents) {
  ActionHarness action(withEvents());
  action.rgbCaps(64, 64, 30, 1);
  for (int i = 0; i < 80; i++) action.push(i * kFrame, kFrame, 1);
  ASSERT_FALSE(changes(action).empty());
  action.event(gst_event_new_flush_start());
  action.event(gst_event_new_flush_stop(TRUE));
  const auto after = changes(action);
  ASSERT_FALSE(after.empty());
  EXPECT_EQ(after.back().state, "end");
}

TEST(Timeline, ClassesAreNames) {
  Properties p = withEvents();
  p.push_back({"classes", "class 0, walking"});
  ActionHarness action(p);
  action.rgbCaps(64, 64, 30, 1);
  for (int i = 0; i < 80; i++) action.push(i * kFrame, kFrame, i);
  bool warned = false;
  std::vector<Change> seen;
  for (const Message &message : action.messages(GST_MESSAGE_WARNING)) {
    GError *error = nullptr;
    gst_message_parse_warning(message.get(), &error, nullptr);
    warned = warned || std::string(error->message).find("\"walking\" is no label of the model") != std::string::npos;
    g_error_free(error);
  }
  EXPECT_TRUE(warned);
  for (const Change &c : changes(action)) EXPECT_EQ(c.label, "class 0");
}

// More windows than any machine can do. The first window shows what one costs; after it, the largest allowed number is
// dropped.
TEST(AdaptivePruning, DropsWhatItMustWithinItsBounds) {
  Properties p = fileMode();
  p.push_back({"drop-number", "-1"});
  p.push_back({"max-drop-number", "5"});
  p.push_back({"sample-interval", "1000000"});
  p.push_back({"hop", "1000000"});
  ActionHarness action(p);
  action.rgbCaps(64, 64, 1000, 1);
  for (int i = 0; i < 40; i++) action.push(i * GST_MSECOND, GST_MSECOND, i);
  const auto windows = action.windows();
  ASSERT_GE(windows.size(), 10u);
  EXPECT_EQ(windows.front().drop_number, 0);
  EXPECT_EQ(windows.back().drop_number, 5);
  int count = 0;
  Properties bad = fileMode();
  bad.push_back({"drop-number", "-1"});
  bad.push_back({"max-drop-number", "9"});
  EXPECT_NE(errorOf(bad, &count).find("0 to 8"), std::string::npos);
  EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace sta::test
