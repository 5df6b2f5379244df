// SPDX-License-Identifier: MIT
// Fuzz target: a file of torch.save, zip or legacy.
#include "checkpoint/formats/torch_file.h"
#include "weights_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const sta::fuzz::Scratch scratch;
  sta::LoadOptions options;  // these files do not say it, and the seeds are as small as models can be
  options.num_heads = 1;
  options.image_size = options.num_frames = 4;
  sta::fuzz::weights(scratch, "model.pth", data, size, options, [](const std::string &path) { return sta::read_torch_file(path); });
  return 0;
}
