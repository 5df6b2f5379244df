// SPDX-License-Identifier: MIT
// Which tracked objects have windows (region=objects): one lane per track, at most max-objects. A track that is seen
// keeps its place. A track that is not seen may lose its place to a new object; the one unseen for longest goes first.
// A track ends, and its memory is freed, when the tracker says so or when it was unseen for longer than a gap.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "region_input.h"
#include "staaction/run/lane.h"

namespace sta::gst {

struct ObjectTrack {
  guint64 id = 0;  // the track id of upstream
  std::unique_ptr<Lane> lane;
  SmoothBox box;
  GstClockTime last_seen = 0;  // running time
};

// Changed by the streaming thread under the lock of results, like Lane.
class ObjectTracks {
 public:
  // Makes a lane for a new track. Null: it could not be made (and the user has been told).
  using MakeLane = std::function<std::unique_ptr<Lane>(guint64 track_id)>;

  explicit ObjectTracks(Handles *handles) : handles_(handles) {}

  // Takes the objects of a frame at this running time: boxes follow; tracks begin, lose their place or end. max_unseen:
  // ns.
  void update(const std::vector<Detection> &objects, GstClockTime time, int max_objects, GstClockTime max_unseen, const MakeLane &make,
              const RunContext &context, Lane::Retired *retired);
  // Null if the object has no place.
  ObjectTrack *find(guint64 track_id);
  void forEach(const std::function<void(ObjectTrack &)> &visit);
  // Ends all tracks.
  void clear(const RunContext &context, Lane::Retired *retired);

 private:
  using Tracks = std::map<guint64, ObjectTrack>;
  Tracks::iterator end(Tracks::iterator track, const RunContext &context, Lane::Retired *retired);
  bool makeRoom(GstClockTime time, size_t max_objects, const RunContext &context, Lane::Retired *retired);

  Handles *handles_;
  Tracks tracks_;
};

}  // namespace sta::gst
