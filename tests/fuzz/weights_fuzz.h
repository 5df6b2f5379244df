// SPDX-License-Identifier: MIT
// Reads a weights file of untrusted bytes, in the format that its reader knows. Everything the reader returns must be
// readable to its last byte, and a model made of it must be complete. The targets of .safetensors and of torch.save's
// files share this.
#pragma once

#include <ATen/core/Tensor.h>

#include "checkpoint/formats/safetensors.h"
#include "checkpoint/model_folder.h"
#include "fuzz_support.h"

namespace sta::fuzz {

inline void check_tensors(const TensorFile &file, size_t size) {
  for (const auto &[name, tensor] : file.tensors) {
    FUZZ_CHECK(tensor.is_cpu() && tensor.dim() <= 64, "%s has %d dimensions", name.c_str(), static_cast<int>(tensor.dim()));
    // A copy reads every element. Strides of 0 make a tensor larger than its file, but never by much: see the readers.
    FUZZ_CHECK(tensor.nbytes() <= 64 * (size + 4096), "%s has %zu bytes, of a file of %zu", name.c_str(), tensor.nbytes(), size);
    const at::Tensor copy = tensor.clone(at::MemoryFormat::Contiguous);
    FUZZ_CHECK(copy.numel() == tensor.numel(), "%s", name.c_str());
  }
}

template <typename Reader>
void weights(const Scratch &scratch, const std::string &name, const uint8_t *data, size_t size, const LoadOptions &options, Reader read) {
  const std::string path = scratch.write(name, reinterpret_cast<const char *>(data), size);
  {
    auto file = guarded("reading", [&] { return read(path); });
    if (!file) {
      check_error(file.error());
    } else {
      check_tensors(*file, size);
    }
  }
  auto model = guarded("loading", [&] { return load_model(path, options); });
  if (!model) return check_error(model.error());
  const ModelDescription &m = model->description;
  FUZZ_CHECK(m.embed_dim > 0 && m.num_heads > 0 && m.num_classes > 0 && static_cast<int>(m.labels.size()) == m.num_classes, "%d classes",
             m.num_classes);
}

}  // namespace sta::fuzz
