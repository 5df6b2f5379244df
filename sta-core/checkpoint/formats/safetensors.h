// SPDX-License-Identifier: MIT
// Reads and writes .safetensors files: u64 header length, JSON {name: {dtype, shape, data_offsets}}, raw little-endian
// bytes. A file is untrusted. Every number in it is checked against the file before it is used, and no unchecked number
// decides how much is allocated.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "result.h"

namespace sta {

struct TensorFile {
  std::map<std::string, at::Tensor> tensors;    // on the CPU; read-only views, which keep the mapped file alive
  std::map<std::string, std::string> metadata;  // __metadata__
};

/// Errors: NOT_FOUND, BAD_MODEL; the message begins with the path.
Result<TensorFile> read_safetensors(const std::string &path);

/// Tensors must be contiguous, on the CPU, F32, F16, BF16 or I32. Errors: NOT_FOUND if the file cannot be written.
Status write_safetensors(const std::string &path, const std::map<std::string, at::Tensor> &tensors,
                         const std::map<std::string, std::string> &metadata = {});

}  // namespace sta
