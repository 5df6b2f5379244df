// SPDX-License-Identifier: MIT
// Opens a model and checks the settings that depend on it, so that a mistake shows before the first frame: at NULL ->
// READY, where it is an error, and in the background during a model swap, where it is a warning.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <string>

#include "staaction/run/session.h"

namespace sta::gst {

struct OpenFailure {
  bool core_missing = false;  // sta-core itself could not be loaded
  sta_status status = STA_OK;
  std::string message;  // one sentence for people
};

// Loads the library and the model, and tries a stream with the settings. If any of that fails, also the stream alone,
// returns null and *failure. The caller may use the stream or free it. Blocks: never call it from a streaming thread.
std::shared_ptr<Engine> openModel(const Settings &settings, std::shared_ptr<Stream> *stream, OpenFailure *failure);

// Posts the element error for a failure, in the domain that fits. Caller holds no lock.
void postOpenError(GstElement *element, const OpenFailure &failure);
// Posts element warnings about a model that works but has something its user should know. Caller holds no lock.
void postModelWarnings(GstElement *element, const Engine &engine);

}  // namespace sta::gst
