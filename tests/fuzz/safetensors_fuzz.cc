// SPDX-License-Identifier: MIT
// Fuzz target: a .safetensors file.
#include "weights_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const sta::fuzz::Scratch scratch;
  sta::fuzz::weights(scratch, "model.safetensors", data, size, {}, [](const std::string &path) { return sta::read_safetensors(path); });
  return 0;
}
