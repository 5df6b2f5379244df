// SPDX-License-Identifier: MIT
// Opens and closes engine and stream. It reads once what an engine tells about itself, so the streaming thread never
// calls sta-core for a label.
#include "session.h"

#include "loader/core_loader.h"

namespace sta::gst {

std::shared_ptr<Engine> Engine::open(const Settings &settings, bool *core_missing, sta_status *status, std::string *error) {
  *core_missing = false;
  const CoreApi *core = loadCore(error);
  if (!core) {
    *core_missing = true;
    return nullptr;
  }
  const sta_engine_options options = engineOptions(*core, settings);
  sta_engine *handle = nullptr;
  sta_error failure{};
  *status = core->sta_engine_open(&options, &handle, &failure);
  if (*status != STA_OK) {
    *error = failure.message;
    return nullptr;
  }
  return std::shared_ptr<Engine>(new Engine(core, handle));
}

Engine::Engine(const CoreApi *core, sta_engine *handle) : core_(core), handle_(handle) {
  info_.struct_size = sizeof info_;
  core_->sta_engine_get_info(handle_, &info_);
  labels_.reserve(info_.num_classes);
  quarks_.reserve(info_.num_classes);
  for (int32_t i = 0; i < info_.num_classes; i++) {
    const char *label = core_->sta_engine_label(handle_, i);
    labels_.emplace_back(label ? label : "class " + std::to_string(i));
    quarks_.push_back(g_quark_from_string(labels_.back().c_str()));
  }
}

std::vector<GQuark> Engine::quarks(const std::vector<gint> &class_ids) const {
  std::vector<GQuark> quarks;
  quarks.reserve(class_ids.size());
  for (gint id : class_ids) quarks.push_back(quarks_.at(id));
  return quarks;
}

Engine::~Engine() { core_->sta_engine_unref(handle_); }

std::shared_ptr<Stream> Stream::create(std::shared_ptr<Engine> engine, const Settings &settings, std::string *error) {
  const CoreApi &core = engine->core();
  const sta_stream_options options = streamOptions(core, settings);
  sta_stream *handle = nullptr;
  sta_error failure{};
  if (core.sta_stream_new(engine->handle(), &options, &handle, &failure) != STA_OK) {
    *error = failure.message;
    return nullptr;
  }
  return std::shared_ptr<Stream>(new Stream(std::move(engine), handle));
}

Stream::~Stream() { core().sta_stream_free(handle_); }

Stream::Timing Stream::timing() const {
  uint64_t sample_interval = 0, hop = 0, window_length = 0;
  core().sta_stream_get_timing(handle_, &sample_interval, &hop, &window_length);
  return {sample_interval, hop, window_length};
}

sta_stream_stats Stream::stats() const {
  sta_stream_stats stats{};
  stats.struct_size = sizeof stats;
  core().sta_stream_get_stats(handle_, &stats);
  return stats;
}

}  // namespace sta::gst
