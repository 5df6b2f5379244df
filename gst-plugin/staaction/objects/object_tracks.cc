// SPDX-License-Identifier: MIT
// See object_tracks.h.
#include "object_tracks.h"

#include <algorithm>
#include <utility>

namespace sta::gst {

ObjectTracks::Tracks::iterator ObjectTracks::end(Tracks::iterator track, const RunContext &context, Lane::Retired *retired) {
  track->second.lane->end(context, retired);
  return tracks_.erase(track);
}

// FALSE: all places are held by objects that this frame shows.
bool ObjectTracks::makeRoom(GstClockTime time, size_t max_objects, const RunContext &context, Lane::Retired *retired) {
  while (tracks_.size() >= max_objects) {
    const auto oldest =
        std::min_element(tracks_.begin(), tracks_.end(), [](const auto &a, const auto &b) { return a.second.last_seen < b.second.last_seen; });
    if (oldest->second.last_seen >= time) return false;
    end(oldest, context, retired);
    handles_->counters.objects_evicted++;
  }
  return true;
}

void ObjectTracks::update(const std::vector<Detection> &objects, GstClockTime time, int max_objects, GstClockTime max_unseen, const MakeLane &make,
                          const RunContext &context, Lane::Retired *retired) {
  // First the objects that have a place, so that a new object of this frame cannot take the place of one that comes
  // later in the list.
  for (const Detection &object : objects) {
    const auto track = tracks_.find(object.track_id);
    if (track == tracks_.end()) continue;
    if (object.lost) {
      end(track, context, retired);
      continue;
    }
    track->second.box.follow(object.box, time);
    track->second.last_seen = time;
  }
  for (auto track = tracks_.begin(); track != tracks_.end();)
    track = time - track->second.last_seen > max_unseen ? end(track, context, retired) : std::next(track);
  // Fewer places than before: the tracks seen last keep theirs. Some end even if this frame shows them all.
  while (tracks_.size() > static_cast<size_t>(max_objects)) {
    end(std::min_element(tracks_.begin(), tracks_.end(), [](const auto &a, const auto &b) { return a.second.last_seen < b.second.last_seen; }),
        context, retired);
    handles_->counters.objects_evicted++;
  }
  for (const Detection &object : objects) {
    if (object.lost || object.box.empty() || tracks_.count(object.track_id)) continue;
    if (!makeRoom(time, static_cast<size_t>(max_objects), context, retired)) {
      handles_->counters.objects_ignored++;
      continue;
    }
    ObjectTrack track;
    track.id = object.track_id;
    track.lane = make(object.track_id);
    if (!track.lane) continue;
    track.box.follow(object.box, time);
    track.last_seen = time;
    tracks_.emplace(object.track_id, std::move(track));
  }
  handles_->counters.objects = tracks_.size();
}

ObjectTrack *ObjectTracks::find(guint64 track_id) {
  const auto track = tracks_.find(track_id);
  return track == tracks_.end() ? nullptr : &track->second;
}

void ObjectTracks::forEach(const std::function<void(ObjectTrack &)> &visit) {
  for (auto &[id, track] : tracks_) visit(track);
}

void ObjectTracks::clear(const RunContext &context, Lane::Retired *retired) {
  for (auto track = tracks_.begin(); track != tracks_.end();) track = end(track, context, retired);
  handles_->counters.objects = 0;
}

}  // namespace sta::gst
