// SPDX-License-Identifier: MIT
// One camera: connects, watches, reconnects. It lives in the main loop. Trouble with one camera touches no other.
//
//   connecting ──first frame──► playing ──no frame for 10 s──► stalled ──┐
//       │ error, or no frame for 20 s                                    ├──► waiting (1 s … 60 s) ──► connecting
//       └────────────────────────────────────────────────────────────────┘
//   failed: an error that a new try will not soon cure (a model that cannot be opened); tried again once a minute
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "monitor/camera/backoff.h"
#include "monitor/camera/pipeline.h"
#include "monitor/config/settings.h"
#include "monitor/store/event.h"

namespace sta::monitor {

enum class CameraState { kConnecting, kPlaying, kStalled, kWaiting, kFailed };
const char *stateName(CameraState state);

// Counts the windows of one model of a camera by their outcome, over all connections.
class WindowCounts {
 public:
  enum Kind { kClassified, kReused, kSkipped, kFailed, kKinds };
  static constexpr const char *kNames[kKinds] = {"classified", "reused", "skipped", "failed"};
  void add(const GstStructure *stats);  // stats of staaction, which count from the start of its pipeline
  void nextRun();                       // a new pipeline
  std::uint64_t of(int kind) const { return before_[kind] + run_[kind]; }

 private:
  std::uint64_t before_[kKinds] = {}, run_[kKinds] = {};
};

// What one model says now.
struct WatchState {
  std::string label;
  double confidence = 0;
  std::vector<std::string> labels;  // all labels of the model; known from its first window on
  std::string background;
  double load = 0;
  int drop_number = 0;
  int tokens = 0;                 // of the newest window that had a forward pass
  std::vector<std::string> open;  // labels with an event under way
  std::string problem;            // why it says nothing, or something wrong in the file; empty: none
  std::string unknown_labels;     // labels in the file that the model does not have
  WindowCounts windows;
};

// A state change of an event, in wall-clock time.
struct ActionChange {
  enum Kind { kStart, kUpdate, kEnd } kind;
  std::size_t watch;  // index into the settings
  std::uint64_t key;  // the same for all changes of one event, within this camera
  std::string label;
  Milliseconds onset, offset;
  std::uint64_t running_onset;  // the onset as running time of the pipeline, ns
  double delay;                 // from the onset to now, by the pipeline's clock, seconds
  double confidence;
  bool camera_clock, interrupted;
};

struct WindowReport {
  std::size_t watch;
  bool ok;
  double seconds;       // of its forward pass
  double delay;         // from the window's newest frame to its result, seconds
  bool reused = false;  // the picture did not change, so there was no forward pass
};

class Camera;
struct CameraListener {
  virtual ~CameraListener() = default;
  virtual void cameraChanged(Camera &camera) = 0;  // state, label, …
  virtual void actionChanged(Camera &camera, const ActionChange &change) = 0;
  virtual void windowDone(Camera &camera, const WindowReport &report) = 0;
  virtual void pictureMade(Camera &camera, GBytes *jpeg) = 0;
  virtual void log(const std::string &line) = 0;
};

class Camera {
 public:
  Camera(CameraSettings settings, CameraListener &listener);
  ~Camera();  // ends open events; returns at once
  Camera(const Camera &) = delete;

  const CameraSettings &settings() const { return settings_; }
  CameraState state() const { return state_; }
  const std::string &reason() const { return reason_; }
  Milliseconds since() const { return since_; }
  const std::vector<WatchState> &watches() const { return watches_; }
  std::uint64_t frames() const { return frames_before_ + (pipeline_ ? pipeline_->frames() : 0); }
  std::shared_ptr<CameraPipeline> pipeline() const { return pipeline_; }  // nullptr while waiting
  Recorder *recorder() const { return recorder_.get(); }
  void setViewers(int viewers);  // how many viewers look at the preview

 private:
  void connect();
  void disconnect();
  void enter(CameraState state, const std::string &reason);
  void retry(const std::string &reason, CameraState state = CameraState::kWaiting);
  void check();  // once a second
  void endOpenEvents();
  void onMessage(GstMessage *message);
  void onEvent(std::size_t watch, const GstStructure *structure);
  void onWindow(std::size_t watch, const GstStructure *structure);
  std::string errorOf(GstMessage *message, bool &fatal);
  void checkLabels(std::size_t watch);

  const CameraSettings settings_;
  CameraListener &listener_;
  std::shared_ptr<Recorder> recorder_;
  std::shared_ptr<CameraPipeline> pipeline_;
  CameraState state_ = CameraState::kConnecting;
  std::string reason_, told_;  // told_: the last reason that was logged
  Milliseconds since_ = 0;
  std::vector<WatchState> watches_;
  std::map<std::uint64_t, ActionChange> open_;
  std::uint64_t connection_ = 0;  // part of the keys, because a new pipeline counts its events anew
  std::uint64_t frames_before_ = 0;
  gint64 connected_at_ = 0;
  Backoff backoff_;
  int viewers_ = 0;
  guint bus_watch_ = 0, timer_ = 0, retry_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for calls from other threads via the main loop
};

}  // namespace sta::monitor
