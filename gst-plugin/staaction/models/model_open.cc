// SPDX-License-Identifier: MIT
// See model_open.h.
#include "model_open.h"

GST_DEBUG_CATEGORY_EXTERN(sta_action_debug);
#define GST_CAT_DEFAULT sta_action_debug

namespace sta::gst {

std::shared_ptr<Engine> openModel(const Settings &settings, std::shared_ptr<Stream> *stream, OpenFailure *failure) {
  if (settings.model.empty()) {
    failure->status = STA_ERROR_NOT_FOUND;
    failure->message =
        "No model is set. Set the property \"model\" to a model folder (config.json, model.safetensors) or a .safetensors or .pth file.";
    return nullptr;
  }
  std::shared_ptr<Engine> engine = Engine::open(settings, &failure->core_missing, &failure->status, &failure->message);
  if (failure->core_missing)
    failure->message = "The library libsta-core.so, which runs the model, could not be loaded. scripts/setup installs LibTorch, which it needs. (" +
                       failure->message + ")";
  if (!engine) return nullptr;
  if (settings.pruning != STA_PRUNING_NONE && settings.drop_number != STA_DROP_AUTO) {
    sta_error error{};
    failure->status = engine->core().sta_engine_check_drop_number(engine->handle(), settings.drop_number, &error);
    if (failure->status != STA_OK) {
      failure->message = error.message;
      return nullptr;
    }
  }
  *stream = Stream::create(engine, settings, &failure->message);
  if (!*stream) {
    failure->status = STA_ERROR_INVALID_ARGUMENT;
    return nullptr;
  }
  return engine;
}

void postOpenError(GstElement *element, const OpenFailure &failure) {
  GQuark domain = GST_LIBRARY_ERROR;
  gint code = failure.core_missing ? GST_LIBRARY_ERROR_INIT : GST_LIBRARY_ERROR_FAILED;
  switch (failure.status) {
    case STA_ERROR_NOT_FOUND:
      domain = GST_RESOURCE_ERROR;
      code = GST_RESOURCE_ERROR_NOT_FOUND;
      break;
    case STA_ERROR_BAD_MODEL:
      domain = GST_RESOURCE_ERROR;
      code = GST_RESOURCE_ERROR_READ;
      break;
    case STA_ERROR_OUT_OF_MEMORY:
      domain = GST_RESOURCE_ERROR;
      code = GST_RESOURCE_ERROR_NO_SPACE_LEFT;
      break;
    case STA_ERROR_INVALID_ARGUMENT:
    case STA_ERROR_UNSUPPORTED:
      code = GST_LIBRARY_ERROR_SETTINGS;
      break;
    case STA_ERROR_DEVICE:
      code = GST_LIBRARY_ERROR_INIT;
      break;
    default:
      break;
  }
  gst_element_message_full(element, GST_MESSAGE_ERROR, domain, code, g_strdup(failure.message.c_str()), nullptr, __FILE__, GST_FUNCTION, __LINE__);
}

void postModelWarnings(GstElement *element, const Engine &engine) {
  const sta_model_info &info = engine.info();
  GST_INFO_OBJECT(element, "model %s (%s, %d frames of %dx%d, %d classes) on %s in %s", info.path, info.architecture, info.num_frames,
                  info.image_width, info.image_height, info.num_classes, info.device, info.precision);
  if (info.warnings && *info.warnings) GST_ELEMENT_WARNING(element, LIBRARY, SETTINGS, ("Model %s: %s", info.name, info.warnings), (nullptr));
}

}  // namespace sta::gst
