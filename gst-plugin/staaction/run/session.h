// SPDX-License-Identifier: MIT
// Owners for the handles of sta-core. An engine lives from NULL -> READY to READY -> NULL, a stream from READY ->
// PAUSED to PAUSED -> READY. Both are held by shared_ptr, because an application thread may read stats of a stream
// while the state change ends it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gst/gst.h>

#include "staaction/settings/settings.h"

namespace sta::gst {

class Engine {
 public:
  // Loads sta-core, if that has not happened yet, and then the model. nullptr: *status and *error say why (*error is
  // one sentence for people). *core_missing: the library itself could not be loaded.
  static std::shared_ptr<Engine> open(const Settings &settings, bool *core_missing, sta_status *status, std::string *error);
  ~Engine();
  Engine(const Engine &) = delete;
  Engine &operator=(const Engine &) = delete;

  const CoreApi &core() const { return *core_; }
  sta_engine *handle() const { return handle_; }
  const sta_model_info &info() const { return info_; }
  // Labels and their quarks by class id. The list is closed, so there is a limited number of quarks.
  const std::string &label(int32_t class_id) const { return labels_.at(class_id); }
  std::vector<GQuark> quarks(const std::vector<gint> &class_ids) const;

 private:
  Engine(const CoreApi *core, sta_engine *handle);

  const CoreApi *core_;
  sta_engine *handle_;
  sta_model_info info_{};
  std::vector<std::string> labels_;
  std::vector<GQuark> quarks_;
};

class Stream {
 public:
  static std::shared_ptr<Stream> create(std::shared_ptr<Engine> engine, const Settings &settings, std::string *error);
  ~Stream();
  Stream(const Stream &) = delete;
  Stream &operator=(const Stream &) = delete;

  const Engine &engine() const { return *engine_; }
  const CoreApi &core() const { return engine_->core(); }
  sta_stream *handle() const { return handle_; }

  struct Timing {
    guint64 sample_interval, hop, window_length;  // ns
  };
  Timing timing() const;
  sta_stream_stats stats() const;

 private:
  Stream(std::shared_ptr<Engine> engine, sta_stream *handle) : engine_(std::move(engine)), handle_(handle) {}

  std::shared_ptr<Engine> engine_;
  sta_stream *handle_;
};

}  // namespace sta::gst
