// SPDX-License-Identifier: MIT
// Events of one run: hands the results to sta-core's timeline and turns what it says into structures named sta-event.
// Used under StreamRunner's lock of results.
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

  // A new stream, whose first event gets the id after `last_event`. *problem: what of the settings could not be used
  // (an unknown class), empty if all could.
  void begin(std::shared_ptr<Stream> stream, const Settings &settings, guint64 last_event, std::string *problem);
  void end();
  void configure(const Settings &settings, std::string *problem);

  // Takes a result; if its top label has an open event then, *record learns of it. Changes are waiting in take().
  void window(const sta_result *result, ActionRecord *record);
  // Open events end: end of stream, reset, a new scene.
  void close();
  // sta-event structures since the last call, oldest first; the caller frees them.
  std::vector<GstStructure *> take(const std::string &stream_id);
  // Id of the newest event so far.
  guint64 lastEvent() const { return last_event_; }

 private:
  sta_timeline_options options(const Settings &settings, std::string *problem);

  std::shared_ptr<Stream> stream_;
  sta_timeline *timeline_ = nullptr;
  std::vector<int32_t> classes_;  // what options() points to
  uint64_t gaps_ = 0;             // of the stream, when last looked at
  bool gap_resets_ = true;
  guint64 first_event_ = 0;  // added to the timeline's ids, which count from 1
  guint64 last_event_ = 0;
};

}  // namespace sta::gst
