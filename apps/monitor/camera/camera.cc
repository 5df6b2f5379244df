// SPDX-License-Identifier: MIT
#include "monitor/camera/camera.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "monitor/camera/uri.h"
#include "monitor/config/units.h"

namespace sta::monitor {
namespace {

constexpr gint64 kNoFrame = 10'000'000, kNoFirstFrame = 20'000'000;  // microseconds
constexpr guint kOnceAMinute = 60'000;

// Detection takes a window and some debouncing. So the ring has to reach back that much further than the clip.
GstClockTime ringLength(const RecordSettings &record) { return static_cast<GstClockTime>(record.before) + 5 * GST_SECOND; }

Milliseconds now() { return g_get_real_time() / 1000; }

std::string stringOf(const GstStructure *structure, const char *field) {
  const char *text = gst_structure_get_string(structure, field);
  return text ? text : "";
}

// The label that is never an event: the user's, or else the one that the model folder names.
std::string backgroundOf(const WatchSettings &watch) {
  if (watch.background) return *watch.background;
  std::ifstream file(watch.model + "/config.json");
  const nlohmann::json config = nlohmann::json::parse(file, nullptr, false);
  if (!config.is_object() || !config.contains("sta") || !config["sta"].is_object()) return "";
  return config["sta"].value("background", nlohmann::json()).is_string() ? config["sta"]["background"].get<std::string>() : "";
}

}  // namespace

const char *stateName(CameraState state) {
  static constexpr const char *kNames[] = {"connecting", "playing", "stalled", "waiting", "failed"};
  return kNames[static_cast<int>(state)];
}

Camera::Camera(CameraSettings settings, CameraListener &listener)
    : settings_(std::move(settings)),
      listener_(listener),
      since_(now()),
      watches_(settings_.watch.size()),
      backoff_(g_str_hash(settings_.name.c_str())) {
  if (settings_.record) recorder_ = std::make_shared<Recorder>(ringLength(*settings_.record));
  timer_ = g_timeout_add(
      1000, [](gpointer self) -> gboolean { return static_cast<Camera *>(self)->check(), G_SOURCE_CONTINUE; }, this);
  connect();
}

Camera::~Camera() {
  *alive_ = false;
  g_source_remove(timer_);
  if (retry_) g_source_remove(retry_);
  disconnect();
}

void Camera::enter(CameraState state, const std::string &reason) {
  if (state == state_ && reason == reason_) return;
  if (state != state_) since_ = now();
  // Later tries log only if they end in another way than before.
  const bool told = state == CameraState::kConnecting || (state != CameraState::kPlaying && reason == told_);
  state_ = state;
  reason_ = reason;
  if (!told) told_ = reason;
  if (!told) listener_.log("camera " + settings_.name + ": " + stateName(state) + (reason.empty() ? "" : ": " + reason));
  listener_.cameraChanged(*this);
}

void Camera::connect() {
  std::string error;
  const std::weak_ptr<bool> alive = alive_;
  // A streaming thread makes the pictures and hands them to the main loop.
  struct Picture {
    std::weak_ptr<bool> alive;
    Camera *camera;
    GBytes *jpeg;
  };
  auto picture = [alive, this](GBytes *jpeg) {
    g_main_context_invoke_full(
        nullptr, G_PRIORITY_DEFAULT,
        [](gpointer data) {
          auto *made = static_cast<Picture *>(data);
          if (const std::shared_ptr<bool> still = made->alive.lock(); still && *still) made->camera->listener_.pictureMade(*made->camera, made->jpeg);
          return G_SOURCE_REMOVE;
        },
        new Picture{alive, this, g_bytes_ref(jpeg)},
        [](gpointer data) {
          auto *made = static_cast<Picture *>(data);
          g_bytes_unref(made->jpeg);
          delete made;
        });
  };
  ++connection_;
  pipeline_ = CameraPipeline::build(settings_, recorder_, picture, error);
  if (!pipeline_) {
    retry(error, CameraState::kFailed);
    return;
  }
  GstBus *bus = gst_element_get_bus(pipeline_->element());
  bus_watch_ = gst_bus_add_watch(
      bus,
      [](GstBus *, GstMessage *message, gpointer self) -> gboolean { return static_cast<Camera *>(self)->onMessage(message), G_SOURCE_CONTINUE; },
      this);
  gst_object_unref(bus);
  connected_at_ = g_get_monotonic_time();
  pipeline_->setPreview(viewers_ > 0);
  pipeline_->start();
}

void Camera::disconnect() {
  if (bus_watch_) g_source_remove(bus_watch_);
  bus_watch_ = 0;
  endOpenEvents();
  if (pipeline_) pipeline_->leave();
  if (recorder_) recorder_->reset();
  if (!pipeline_) return;
  frames_before_ += pipeline_->frames();
  for (WatchState &watch : watches_) watch.windows.nextRun();
  CameraPipeline::retire(std::exchange(pipeline_, nullptr));
}

void Camera::endOpenEvents() {
  const Milliseconds end = now();
  for (auto &[key, change] : open_) {
    change.kind = ActionChange::kEnd;
    change.offset = std::max(change.offset, std::min(end, change.offset + 2000));
    change.interrupted = true;
    listener_.actionChanged(*this, change);
  }
  open_.clear();
  for (WatchState &watch : watches_) {
    watch.open.clear();
    watch.label.clear();
  }
}

void Camera::retry(const std::string &reason, CameraState state) {
  disconnect();
  guint wait = backoff_.next();
  if (state == CameraState::kFailed) wait = kOnceAMinute;
  enter(state, reason);
  if (retry_) g_source_remove(retry_);
  retry_ = g_timeout_add(
      wait,
      [](gpointer data) {
        auto *self = static_cast<Camera *>(data);
        self->retry_ = 0;
        self->enter(CameraState::kConnecting, self->reason_);
        self->connect();
        return G_SOURCE_REMOVE;
      },
      this);
}

void Camera::check() {
  if (!pipeline_) return;
  const gint64 last = pipeline_->lastFrame(), time = g_get_monotonic_time();
  if (last == 0) {
    if (time - connected_at_ > kNoFirstFrame) retry("no picture came within 20 s");
    return;
  }
  if (time - last > kNoFrame) {
    enter(CameraState::kStalled, "no picture for 10 s");
    retry("no picture for 10 s");
    return;
  }
  // The waiting time starts anew only after the camera has stayed for a while.
  if (state_ == CameraState::kPlaying && time - connected_at_ > kNoFrame) backoff_.reset();
  for (std::size_t i = 0; i < watches_.size(); ++i) {
    GstStructure *stats = nullptr;
    g_object_get(pipeline_->actions()[i], "stats", &stats, nullptr);
    if (!stats) continue;
    WatchState &watch = watches_[i];
    gst_structure_get_double(stats, "load", &watch.load);
    gst_structure_get_int(stats, "drop-number", &watch.drop_number);
    gst_structure_get_int(stats, "tokens", &watch.tokens);
    watch.windows.add(stats);
    gst_structure_free(stats);
  }
  if (state_ == CameraState::kConnecting) enter(CameraState::kPlaying, "");
}

// Turns an error of GStreamer into a sentence for people. GStreamer's message is general ("Could not open resource").
// The real cause stands in the last line of its details, after "...: ELEMENT:".
std::string Camera::errorOf(GstMessage *message, bool &fatal) {
  GError *error = nullptr;
  char *details = nullptr;
  gst_message_parse_error(message, &error, &details);
  // Connecting again does not cure an error of the model.
  fatal = false;
  for (GstElement *action : pipeline_->actions()) fatal = fatal || GST_MESSAGE_SRC(message) == GST_OBJECT_CAST(action);
  std::string text = error->message;
  const std::string all = details ? details : "", system = "system error: ";
  const std::size_t line = all.rfind(":\n");
  if (error->domain == GST_RESOURCE_ERROR && line != std::string::npos && line + 2 < all.size()) {
    const std::string last = all.substr(line + 2);
    while (!text.empty() && text.back() == '.') text.pop_back();
    text = last.starts_with(system) ? text + ": " + last.substr(system.size()) : last;
    if (last.starts_with("Failed to connect")) text = "no connection to " + hostOf(settings_.uri);
  }
  // A source says this if its server does not answer, or stops answering.
  if (g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED) && GST_OBJECT_FLAG_IS_SET(GST_MESSAGE_SRC(message), GST_ELEMENT_FLAG_SOURCE))
    text = pipeline_->lastFrame() ? "the stream broke off" : "no connection to " + hostOf(settings_.uri);
  if (g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED) || text.find("Unauthorized") != std::string::npos)
    text =
        settings_.user.empty() ? "the camera asks for user and password, and the file names none" : "the camera does not take this user and password";
  g_error_free(error);
  g_free(details);
  text = withoutSecrets(text, settings_);
  while (!text.empty() && (text.back() == '.' || text.back() == '\n')) text.pop_back();
  return text;
}

void Camera::onMessage(GstMessage *message) {
  if (!pipeline_) return;
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ERROR: {
      bool fatal = false;
      const std::string text = errorOf(message, fatal);
      retry(text, fatal ? CameraState::kFailed : CameraState::kWaiting);
      return;
    }
    case GST_MESSAGE_EOS:
      if (settings_.loop && pipeline_->lastFrame() != 0) {
        endOpenEvents();
        if (recorder_) recorder_->reset();
        if (pipeline_->rewind()) return;
      }
      if (uriScheme(settings_.uri) == "file" && !settings_.loop) {
        disconnect();
        enter(CameraState::kFailed, "the file is at its end (loop: true begins again)");
      } else {
        retry("the camera ended the stream");
      }
      return;
    case GST_MESSAGE_WARNING: {
      GError *warning = nullptr;
      gst_message_parse_warning(message, &warning, nullptr);
      listener_.log("camera " + settings_.name + ": warning: " + withoutSecrets(warning->message, settings_));
      g_error_free(warning);
      return;
    }
    case GST_MESSAGE_ELEMENT: {
      const GstStructure *structure = gst_message_get_structure(message);
      const auto &actions = pipeline_->actions();
      for (std::size_t i = 0; structure && i < actions.size(); ++i) {
        if (GST_MESSAGE_SRC(message) != GST_OBJECT_CAST(actions[i])) continue;
        if (gst_structure_has_name(structure, "sta-event")) onEvent(i, structure);
        if (gst_structure_has_name(structure, "sta-window")) onWindow(i, structure);
      }
      return;
    }
    default:
      return;
  }
}

void Camera::onEvent(std::size_t watch, const GstStructure *structure) {
  guint64 id = 0, onset = 0, offset = 0;
  double peak = 0;
  gst_structure_get_uint64(structure, "event-id", &id);
  gst_structure_get_uint64(structure, "onset", &onset);
  gst_structure_get_uint64(structure, "offset", &offset);
  gst_structure_get_double(structure, "peak", &peak);
  const std::string state = stringOf(structure, "state");
  ActionChange change{};
  change.kind = state == "start" ? ActionChange::kStart : state == "end" ? ActionChange::kEnd : ActionChange::kUpdate;
  change.watch = watch;
  change.key = (connection_ << 40) ^ (static_cast<std::uint64_t>(watch) << 32) ^ (id & 0xffffffff);
  change.label = stringOf(structure, "label");
  change.running_onset = onset;
  if (const GstClockTime time = pipeline_->runningTime(); GST_CLOCK_TIME_IS_VALID(time) && time > onset)
    change.delay = static_cast<double>(time - onset) / GST_SECOND;
  change.onset = pipeline_->wallTime(onset, change.camera_clock) / 1'000'000;
  change.offset = pipeline_->wallTime(offset, change.camera_clock) / 1'000'000;
  change.confidence = peak;
  change.interrupted = change.kind == ActionChange::kEnd && pipeline_->ended();
  const auto known = open_.find(change.key);
  if (known == open_.end() && change.kind != ActionChange::kStart) return;
  if (known != open_.end()) {
    // Keeps the onset that was told first: it is part of the event's id, and the clock may have been set since.
    change.onset = known->second.onset;
    change.camera_clock = known->second.camera_clock;
    change.offset = std::max(change.offset, change.onset);
  }
  std::vector<std::string> &open = watches_[watch].open;
  std::erase(open, change.label);
  if (change.kind == ActionChange::kEnd) {
    open_.erase(change.key);
  } else {
    open_.insert_or_assign(change.key, change);
    open.push_back(change.label);
  }
  listener_.actionChanged(*this, change);
  if (change.kind != ActionChange::kUpdate) listener_.cameraChanged(*this);
}

void Camera::onWindow(std::size_t watch, const GstStructure *structure) {
  WatchState &state = watches_[watch];
  WindowReport report{watch, stringOf(structure, "status") == "ok", 0, 0};
  guint64 inference = 0, end = 0;
  gst_structure_get_uint64(structure, "inference-time", &inference);
  gst_structure_get_uint64(structure, "window-end", &end);
  report.seconds = static_cast<double>(inference) / GST_SECOND;
  if (const GstClockTime time = pipeline_->runningTime(); GST_CLOCK_TIME_IS_VALID(time) && time > end)
    report.delay = static_cast<double>(time - end) / GST_SECOND;
  gboolean reused = FALSE;
  gst_structure_get_boolean(structure, "reused", &reused);
  report.reused = reused;
  listener_.windowDone(*this, report);
  // Shows the reason why a model says nothing, until it says something.
  const std::string problem = report.ok ? state.unknown_labels : stringOf(structure, "error");
  if (problem != state.problem) {
    state.problem = problem;
    listener_.cameraChanged(*this);
  }
  if (!report.ok) return;
  if (state.labels.empty()) {
    // The first window names all labels; after that a few are enough.
    const GValue *all = gst_structure_get_value(structure, "labels");
    for (guint i = 0; all && i < gst_value_array_get_size(all); ++i) state.labels.push_back(g_value_get_string(gst_value_array_get_value(all, i)));
    std::sort(state.labels.begin(), state.labels.end());
    g_object_set(pipeline_->actions()[watch], "top-k", 5, nullptr);
    state.background = backgroundOf(settings_.watch[watch]);
    checkLabels(watch);
    listener_.cameraChanged(*this);
  }
  const std::string label = stringOf(structure, "label");
  double confidence = 0;
  gst_structure_get_double(structure, "confidence", &confidence);
  state.confidence = confidence;
  if (label == state.label) return;
  state.label = label;
  listener_.cameraChanged(*this);
}

// Labels in the file that the model does not have would never occur. This reports them as soon as it knows the model's
// labels.
void Camera::checkLabels(std::size_t watch) {
  WatchState &state = watches_[watch];
  const WatchSettings &settings = settings_.watch[watch];
  const auto look = [&](const std::string &label, const char *key) {
    if (std::find(state.labels.begin(), state.labels.end(), label) != state.labels.end()) return;
    const std::string like = nearest(label, state.labels);
    state.unknown_labels = std::string(key) + ": the model " + settings.name + " has no label \"" + label + "\"" +
                           (like.empty() ? "" : "; did you mean \"" + like + "\"?");
  };
  state.unknown_labels.clear();
  for (const std::string &label : settings.classes) look(label, "classes");
  if (settings.background && !settings.background->empty()) look(*settings.background, "background");
  // With several models, a label under `record` may belong to another one.
  if (settings_.watch.size() == 1 && settings_.record)
    for (const std::string &label : settings_.record->on) look(label, "record: on");
  if (!state.unknown_labels.empty()) listener_.log("camera " + settings_.name + ": " + state.unknown_labels);
}

void WindowCounts::add(const GstStructure *stats) {
  static constexpr const char *kFields[] = {"windows-classified", "windows-reused", "windows-skipped", "windows-failed"};
  for (int i = 0; i < kKinds; ++i) gst_structure_get_uint64(stats, kFields[i], &run_[i]);
  run_[kClassified] -= run_[kReused];  // staaction also counts these as classified
}

void WindowCounts::nextRun() {
  for (int i = 0; i < kKinds; ++i) before_[i] += std::exchange(run_[i], 0);
}

void Camera::setViewers(int viewers) {
  viewers_ = viewers;
  if (pipeline_) pipeline_->setPreview(viewers > 0);
}

}  // namespace sta::monitor
