// SPDX-License-Identifier: MIT
// `sta convert IN OUT`: turns a model in any layout into a model folder. The folder names its labels, needs no options,
// and is read without a copy.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "options.h"

namespace cli {

int convert(int argc, char **argv) {
  Text labels, image_size;
  int num_heads = 0, num_frames = 0;
  gboolean json = FALSE;
  const std::vector<GOptionEntry> own = {
      {"labels", 'l', 0, G_OPTION_ARG_FILENAME, &labels.value, "File with the labels (lines, CSV or JSON), instead of the model's", "FILE"},
      {"num-heads", 0, 0, G_OPTION_ARG_INT, &num_heads, "Attention heads, where the model file does not say", "N"},
      {"image-size", 0, 0, G_OPTION_ARG_STRING, &image_size.value, kImageSizeHelp, "N or HxW"},
      {"num-frames", 0, 0, G_OPTION_ARG_INT, &num_frames, "Frames of a clip, where the model file does not say and it is not 16 (Video Swin: 32)",
       "N"},
      {"json", 'j', 0, G_OPTION_ARG_NONE, &json, "Print one JSON object", nullptr}};
  const auto rest = parse(argc, argv, "IN OUT",
                          "Writes a model (.pth, .bin, .safetensors or folder, in any known layout) as the folder OUT: config.json, "
                          "preprocessor_config.json and model.safetensors, with Hugging Face names or, for a Video Swin, the official ones.",
                          {own});
  if (rest.size() != 2) throw UsageError("a model and a new folder are needed");
  if (num_heads < 0 || num_frames < 0) throw UsageError("--num-heads and --num-frames should be 1 or more");
  const ImageSize size = image_size_of(image_size.str());
  const std::string label_path = labels.str();
  sta_convert_options o;
  sta_convert_options_init(&o);
  o.labels = label_path.empty() ? nullptr : label_path.c_str();
  o.num_heads = num_heads;
  o.image_size = size.height;
  o.image_width = size.width;
  o.num_frames = num_frames;
  sta_error err;
  if (sta_model_convert(rest[0].c_str(), rest[1].c_str(), &o, &err) != STA_OK) throw RunError(err.message);
  if (err.message[0]) std::fprintf(stderr, "sta: warning: %s", err.message);
  if (json)
    std::printf("%s\n", nlohmann::ordered_json({{"model", rest[0]}, {"folder", rest[1]}, {"warnings", err.message}}).dump().c_str());
  else
    std::printf("%s written\n", rest[1].c_str());
  return 0;
}

}  // namespace cli
