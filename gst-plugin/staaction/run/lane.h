// SPDX-License-Identifier: MIT
// A lane makes the windows of one thing: the frame, or one object. It outlives a change of the model. One labeller
// serves. During a swap a labeller of the new model fills its first window beside it, and takes over when that window
// is classified. So a swap leaves no hole in the labels.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "handles.h"
#include "staaction/frames/frame_input.h"
#include "staaction/results/labeller.h"

namespace sta::gst {

// Only the streaming thread changes which labellers a lane has, and it does so under the lock of results. So that
// thread may read them without the lock: push, advance and drain do so, because they may wait for a forward pass and
// must hold no lock. All other methods are called with the lock held.
class Lane {
 public:
  // Streams that serve no more. The caller frees them where that may take its time.
  using Retired = std::vector<std::shared_ptr<Stream>>;

  Lane(std::unique_ptr<Labeller> labeller, Handles *handles) : current_(std::move(labeller)), handles_(handles) {}

  sta_status push(const FrameViews &frame, sta_error *error);
  // Whether all labellers can read a frame of this CUcontext directly; none needs it in system memory.
  bool takesDevice(void *context) const;
  sta_status advance(guint64 time, sta_error *error);
  // Waits for the serving labeller's windows only. One of a new model starts with the next stream.
  sta_status drain(sta_error *error);

  // Offers a labeller of the new model, which takes over when it has proven itself. It replaces an offered one that has
  // not yet taken over.
  void offer(std::unique_ptr<Labeller> labeller, Retired *retired);
  bool swapping() const { return next_ != nullptr; }
  // Takes over if the new labeller's first window is classified. If that window failed, the swap ends: *why says so,
  // and the old model goes on. TRUE: taken over.
  bool trySwap(RunContext *context, Retired *retired, std::string *why);
  // Takes over at once, for cases in which that loses no label.
  bool swapNow(const RunContext &context, Retired *retired);

  void collect(RunContext *context) { current_->collect(context); }
  void configure(const Settings &before, const RunContext &context);
  void reset(const RunContext &context);
  void closeEvents(const RunContext &context) { current_->closeEvents(context); }
  // Ends the lane and its events.
  void end(const RunContext &context, Retired *retired);

  const ActionRecord *label(GstClockTime time) { return current_->label(time); }
  const std::shared_ptr<Stream> &stream() const { return current_->stream(); }

 private:
  void retire(const std::shared_ptr<Stream> &stream, Retired *retired);
  void takeOver(const RunContext &context, Retired *retired);

  std::unique_ptr<Labeller> current_;
  std::unique_ptr<Labeller> next_;  // of a new model; fills its first window
  Handles *handles_;
};

}  // namespace sta::gst
