// SPDX-License-Identifier: MIT
// See object_lanes.h.
#include "object_lanes.h"

#include "staaction/frames/frame_orientation.h"

#include <utility>

namespace sta::gst {

bool ObjectLanes::read(GstBuffer *buffer) {
  Detections found = readDetections(buffer);
  seen_ = std::move(found.tracked);
  return found.without_track == 0 || !seen_.empty();
}

void ObjectLanes::follow(GstClockTime time, GstClockTime max_unseen, const ObjectTracks::MakeLane &make, const RunContext &context,
                         Lane::Retired *retired) {
  tracks_.update(seen_, time, context.settings.max_objects, max_unseen, make, context, retired);
}

sta_status ObjectLanes::push(const FrameViews &frame, const GstVideoInfo &info, std::string *problem) {
  sta_status result = STA_OK;
  const sta_frame &whole = frame.has_system ? frame.system : frame.device;
  tracks_.forEach([&](ObjectTrack &track) {
    if (track.last_seen != whole.time || result == STA_ERROR_FLUSHING) return;
    const sta_model_info &model = track.lane->stream()->engine().info();
    const double par = info.par_n > 0 && info.par_d > 0 ? static_cast<double>(info.par_n) / info.par_d : 1.0;
    // The shape of the model's picture within the frame, before the frame is turned.
    const double shape = static_cast<double>(model.image_width) / model.image_height, aspect = exchangesAxes(whole.orientation) ? 1 / shape : shape;
    const Crop crop = cropAround(track.box.box(), aspect / par, whole.width, whole.height);
    if (crop.empty()) return;
    FrameViews part = frame;
    if (part.has_system) cropFrame(info, crop, &part.system);
    if (part.device_context) cropFrame(info, crop, &part.device);
    sta_error error{};
    const sta_status status = track.lane->push(part, &error);
    if (status == STA_OK) return;
    result = status;
    *problem = error.message;
  });
  return result;
}

void ObjectLanes::attach(GstBuffer *buffer, GstClockTime time) {
  for (const Detection &object : seen_) {
    ObjectTrack *track = tracks_.find(object.track_id);
    const ActionRecord *label = track ? track->lane->label(time) : nullptr;
    if (label) addObjectLabel(buffer, object, *label, track->lane->stream()->engine().quarks(label->class_ids));
  }
  seen_.clear();
}

void ObjectLanes::clear(const RunContext &context, Lane::Retired *retired) {
  tracks_.clear(context, retired);
  seen_.clear();
}

}  // namespace sta::gst
