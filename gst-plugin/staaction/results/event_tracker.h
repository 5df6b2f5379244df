// SPDX-License-Identifier: MIT
// The events of one run: hands the results to sta-core's timeline, and turns the timeline's changes into structures
// named sta-event. Used under StreamRunner's lock of results.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "metadata/action_record.h"
#include "staaction/run/session.h"
#include "staaction/settings/settings.h"

namespace sta::gst {

class EventTracker {
 public:
  ~EventTracker() { end(); }

  // Starts a new stream. Its first event gets the id after `last_event`. *problem: the part of the settings that could
  // not be used (an unknown class); empty if there is none.
  void begin(std::shared_ptr<Stream> stream, const Settings &settings, guint64 last_event, std::string *problem);
  void end();
  void configure(const Settings &settings, std::string *problem);

  // Takes a result. If its top label has an open event, *record gets that event. take() returns the changes.
  void window(const sta_result *result, ActionRecord *record);
  // Ends all open events: end of stream, reset, a new scene.
  void close();
  // Returns the sta-event structures since the last call, oldest first. The caller frees them.
  std::vector<GstStructure *> take(const std::string &stream_id);
  // Id of the newest event so far.
  guint64 lastEvent() const { return last_event_; }

 private:
  sta_timeline_options options(const Settings &settings, std::string *problem);

  std::shared_ptr<Stream> stream_;
  sta_timeline *timeline_ = nullptr;
  std::vector<int32_t> classes_;  // options() points to it
  uint64_t gaps_ = 0;             // gaps of the stream at the last look
  bool gap_resets_ = true;
  guint64 first_event_ = 0;  // added to the timeline's ids, which count from 1
  guint64 last_event_ = 0;
};

}  // namespace sta::gst
