// SPDX-License-Identifier: MIT
// Implements sta.h: converting model files.
#include <c10/core/InferenceMode.h>

#include "api/c_api.h"
#include "checkpoint/convert.h"

using namespace sta;

extern "C" {

void sta_convert_options_init_sized(sta_convert_options *options, size_t struct_size) { write_defaults(sta_convert_options{}, options, struct_size); }

sta_status sta_model_convert(const char *model, const char *folder, const sta_convert_options *options, sta_error *err) {
  sta_convert_options o;
  sta_convert_options_init(&o);
  if (!read_sized(options, o)) return report(bad_struct("convert options"), err);
  std::string warnings;
  const Status done = guarded("converting a model", [&]() -> Status {
    if (o.num_heads < 0 || o.image_size < 0 || o.image_width < 0 || o.num_frames < 0 || text(folder).empty())
      return Error{STA_ERROR_INVALID_ARGUMENT, "a folder is needed, and num_heads, image_size and num_frames should be 0 (from the model) or more"};
    const c10::InferenceMode guard;
    LoadOptions load;
    load.labels_path = text(o.labels);
    load.num_heads = o.num_heads;
    load.image_size = o.image_size;
    load.image_width = o.image_width;
    load.num_frames = o.num_frames;
    auto loaded = load_model(text(model), load);
    if (!loaded) return std::move(loaded).error();
    warnings = loaded->description.warnings;
    return write_model_folder(*loaded, text(folder));
  });
  if (done) (void)report(Error{STA_OK, warnings}, err);
  return done ? STA_OK : report(done.error(), err);
}

}  // extern "C"
