// SPDX-License-Identifier: MIT
// Opening a model with everything about the settings that can be wrong, so that a mistake shows before the first frame:
// at NULL -> READY, where it is an error, and in the background for a model swap, where it is a warning.
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

// Loads the library and the model, and tries a stream with the settings. Blocks; never from a streaming thread. An
// engine without a stream: null and *failure. The stream may be used or let go of.
std::shared_ptr<Engine> openModel(const Settings &settings, std::shared_ptr<Stream> *stream, OpenFailure *failure);

// The element error for a failure, in the domain that fits it. Caller holds no lock.
void postOpenError(GstElement *element, const OpenFailure &failure);
// What a well-formed model should still tell its user, as an element warning. Caller holds no lock.
void postModelWarnings(GstElement *element, const Engine &engine);

}  // namespace sta::gst
