// SPDX-License-Identifier: MIT
// Events of one run: hands the results to sta-core's timeline and turns what it says into structures named sta-event. Belongs to the streaming
// thread, like StreamRunner.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "metadata/action_record.h"
#include "session.h"
#include "settings.h"

namespace sta::gst {

class EventTracker {
 public:
  ~EventTracker() { end(); }

  // A new run. *problem: what of the settings could not be used (an unknown class), empty if all could.
  void begin(std::shared_ptr<Stream> stream, const Settings &settings, std::string *problem);
  void end();
  void configure(const Settings &settings, std::string *problem);

  // Takes a result; if its top label has an open event then, *record learns of it. Changes are waiting in take().
  void window(const sta_result *result, ActionRecord *record);
  // Open events end: end of stream, reset, a new scene.
  void close();
  // sta-event structures since the last call, oldest first; the caller frees them.
  std::vector<GstStructure *> take(const std::string &stream_id);

 private:
  sta_timeline_options options(const Settings &settings, std::string *problem);

  std::shared_ptr<Stream> stream_;
  sta_timeline *timeline_ = nullptr;
  std::vector<int32_t> classes_;  // what options() points to
  uint64_t gaps_ = 0;             // of the stream, when last looked at
  bool gap_resets_ = true;
};

}  // namespace sta::gst
