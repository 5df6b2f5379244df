// SPDX-License-Identifier: MIT
// See lane.h.
#include "lane.h"

#include <optional>
#include <utility>

namespace sta::gst {

static sta_status pushTo(const Stream &stream, const FrameViews &frame, sta_error *error) {
  return stream.core().sta_stream_push(stream.handle(), &frame.of(stream.engine().info()), error);
}

sta_status Lane::push(const FrameViews &frame, sta_error *error) {
  const sta_status status = pushTo(*current_->stream(), frame, error);
  if (status != STA_OK || !next_) return status;
  return pushTo(*next_->stream(), frame, error);
}

bool Lane::takesDevice(void *context) const {
  return FrameViews::takes(current_->stream()->engine().info(), context) && (!next_ || FrameViews::takes(next_->stream()->engine().info(), context));
}

sta_status Lane::advance(guint64 time, sta_error *error) {
  const sta_status status = current_->stream()->core().sta_stream_advance(current_->stream()->handle(), time, error);
  if (status != STA_OK || !next_) return status;
  return next_->stream()->core().sta_stream_advance(next_->stream()->handle(), time, error);
}

sta_status Lane::drain(sta_error *error) { return current_->stream()->core().sta_stream_drain(current_->stream()->handle(), error); }

void Lane::retire(const std::shared_ptr<Stream> &stream, Retired *retired) {
  stream->core().sta_stream_set_notify(stream->handle(), nullptr, nullptr);
  handles_->retire(stream);
  retired->push_back(stream);
}

void Lane::offer(std::unique_ptr<Labeller> labeller, Retired *retired) {
  if (next_) retire(next_->stream(), retired);
  next_ = std::move(labeller);
}

void Lane::takeOver(const RunContext &context, Retired *retired) {
  current_->closeEvents(context);
  next_->succeed(*current_, context);
  retire(current_->stream(), retired);
  current_ = std::move(next_);
  handles_->count(current_->stream());
}

bool Lane::trySwap(RunContext *context, Retired *retired, std::string *why) {
  if (!next_) return false;
  const std::optional<bool> proven = next_->proven(why);
  if (!proven) return false;
  if (!*proven) {
    retire(next_->stream(), retired);
    next_.reset();
    return false;
  }
  current_->collect(context);
  takeOver(*context, retired);
  current_->collect(context);
  return true;
}

bool Lane::swapNow(const RunContext &context, Retired *retired) {
  if (!next_) return false;
  takeOver(context, retired);
  return true;
}

void Lane::configure(const Settings &before, const RunContext &context) {
  current_->configure(before, context);
  if (next_) next_->configure(before, context);
}

void Lane::reset(const RunContext &context) {
  current_->reset(context);
  if (next_) next_->reset(context);
}

void Lane::end(const RunContext &context, Retired *retired) {
  current_->closeEvents(context);
  retire(current_->stream(), retired);
  if (next_) retire(next_->stream(), retired);
  next_.reset();
}

}  // namespace sta::gst
