// SPDX-License-Identifier: MIT
// One window stream and all that is made of its results: records for the application, events, and the label that frames
// carry. Each labeller has one stream of one model for all its life. So the labels of a result always belong to the
// model that made it.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <optional>
#include <string>

#include "event_tracker.h"
#include "metadata/action_record.h"
#include "outbox.h"
#include "staaction/run/session.h"
#include "staaction/settings/settings.h"

namespace sta::gst {

// What all labellers of a run share; guarded by the lock of results.
struct RunContext {
  Settings settings;        // as last copied from the element
  std::string upstream_id;  // of STREAM_START
  bool failed = false;      // a window failed and on-error=fail
  Outbox *outbox = nullptr;

  const std::string &streamId() const { return settings.stream_id.empty() ? upstream_id : settings.stream_id; }
};

// Methods are called with the lock of results held, except stream().
class Labeller {
 public:
  // object_id: the track that the windows show. If it is empty, they show the frame.
  Labeller(std::shared_ptr<Stream> stream, std::optional<guint64> object_id, const RunContext &context);

  const std::shared_ptr<Stream> &stream() const { return stream_; }

  // Window ids and event ids continue after those of the labeller before.
  void succeed(const Labeller &before, const RunContext &context);
  void configure(const Settings &before, const RunContext &context);
  // Takes all finished results.
  void collect(RunContext *context);
  // Whether a stream that does not serve yet has proven itself. Nothing: it has no result. true: its first window is
  // classified (the result is kept for collect()). false: that window failed, and *why says so.
  std::optional<bool> proven(std::string *why);
  // Forgets half-filled windows, results under way and the label: they belong to another scene.
  void reset(const RunContext &context);
  // Ends all open events here.
  void closeEvents(const RunContext &context);

  // The label for a frame at this running time, with its age. Null if none is valid.
  const ActionRecord *label(GstClockTime time);

 private:
  struct ResultFree {
    const CoreApi *core;
    void operator()(sta_result *result) const { core->sta_result_free(result); }
  };
  using Result = std::unique_ptr<sta_result, ResultFree>;

  const CoreApi &core() const { return stream_->core(); }
  Result pop();
  ActionRecord record(const sta_result *result, const RunContext &context);
  void take(const sta_result *result, RunContext *context);
  void noteEvents(const RunContext &context);
  void resolveTtl(const Settings &settings);

  const std::shared_ptr<Stream> stream_;
  const std::optional<guint64> object_id_;
  EventTracker events_;
  GstClockTime label_ttl_ = 0;  // ns; the setting, or its default
  guint64 first_window_ = 0;    // added to the stream's window ids
  guint64 next_window_ = 0;     // one past the newest id seen
  Result first_;                // the first result, after proven() has looked at it

  // The label that frames carry: the entries of newest_ that reach the threshold. If its list of labels is empty, none
  // is valid.
  ActionRecord newest_;
  GstClockTime shown_since_ = GST_CLOCK_TIME_NONE;  // running time of the first frame that carried it
};

}  // namespace sta::gst
