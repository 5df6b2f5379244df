// SPDX-License-Identifier: MIT
// A place that windows are made for (the frame, or one object) and that outlives a change of the model: one labeller
// serves; another, of a new model, fills its first window beside it and takes over when that is classified, so that a
// swap leaves no hole in the labels.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "handles.h"
#include "staaction/frames/frame_input.h"
#include "staaction/results/labeller.h"

namespace sta::gst {

// Only the streaming thread changes which labellers there are, and it does so under the lock of results; so it reads
// them without, as push, advance and drain do, which may wait for a forward pass and hold no lock. The others are
// called with the lock held.
class Lane {
 public:
  // Streams that serve no more, for the caller to let go of where that may take its time.
  using Retired = std::vector<std::shared_ptr<Stream>>;

  Lane(std::unique_ptr<Labeller> labeller, Handles *handles) : current_(std::move(labeller)), handles_(handles) {}

  sta_status push(const FrameViews &frame, sta_error *error);
  // Whether no labeller needs a frame of this CUcontext in system memory.
  bool takesDevice(void *context) const;
  sta_status advance(guint64 time, sta_error *error);
  // The newcomer has no share in the end of the stream: it serves from the next one on.
  sta_status drain(sta_error *error);

  // A labeller of the new model, to take over when it has proven itself; one that has not yet is given up for it.
  void offer(std::unique_ptr<Labeller> labeller, Retired *retired);
  bool swapping() const { return next_ != nullptr; }
  // Takes over if the newcomer's first window is classified. A failed one ends the swap: *why says so, and the old
  // model goes on. TRUE: taken over.
  bool trySwap(RunContext *context, Retired *retired, std::string *why);
  // Takes over at once, where no label would be lost by that.
  bool swapNow(const RunContext &context, Retired *retired);

  void collect(RunContext *context) { current_->collect(context); }
  void configure(const Settings &before, const RunContext &context);
  void reset(const RunContext &context);
  void closeEvents(const RunContext &context) { current_->closeEvents(context); }
  // The lane ends: its events do too.
  void end(const RunContext &context, Retired *retired);

  const ActionRecord *label(GstClockTime time) { return current_->label(time); }
  const std::shared_ptr<Stream> &stream() const { return current_->stream(); }

 private:
  void retire(const std::shared_ptr<Stream> &stream, Retired *retired);
  void takeOver(const RunContext &context, Retired *retired);

  std::unique_ptr<Labeller> current_;
  std::unique_ptr<Labeller> next_;  // of a new model, fills its first window
  Handles *handles_;
};

}  // namespace sta::gst
