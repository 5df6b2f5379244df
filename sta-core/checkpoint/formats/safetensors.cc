// SPDX-License-Identifier: MIT
// See safetensors.h.
#include "checkpoint/formats/safetensors.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "checkpoint/formats/json_text.h"
#include "checkpoint/formats/mapped_file.h"

namespace sta {
namespace {

using nlohmann::json;

// The limit of the reference implementation: a larger header is invalid.
constexpr uint64_t kMaxHeader = 100'000'000;
constexpr int kMaxDepth = 8;  // nesting of the header's JSON; three levels are in use

std::optional<at::ScalarType> scalar_type(const std::string &name) {
  static const std::map<std::string, at::ScalarType> types = {{"F64", at::kDouble}, {"F32", at::kFloat}, {"F16", at::kHalf},  {"BF16", at::kBFloat16},
                                                              {"I64", at::kLong},   {"I32", at::kInt},   {"I16", at::kShort}, {"I8", at::kChar},
                                                              {"U8", at::kByte},    {"BOOL", at::kBool}};
  const auto it = types.find(name);
  return it == types.end() ? std::nullopt : std::optional(it->second);
}

constexpr std::pair<const char *, at::ScalarType> kWritten[] = {{"F32", at::kFloat}, {"F16", at::kHalf}, {"BF16", at::kBFloat16}, {"I32", at::kInt}};

// Product of the dimensions times the element size; nullopt on overflow.
std::optional<uint64_t> byte_count(const std::vector<int64_t> &shape, uint64_t element) {
  uint64_t bytes = element;
  for (int64_t d : shape)
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(d), &bytes) || bytes > INT64_MAX) return std::nullopt;
  return bytes;
}

Result<at::Tensor> view_entry(const std::string &name, const json &entry, const std::shared_ptr<MappedFile> &file, uint64_t body) {
  auto bad = [](const std::string &what) { return Error{STA_ERROR_BAD_MODEL, what}; };
  if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") || !entry.contains("data_offsets"))
    return bad("entry " + name + " lacks dtype, shape or data_offsets");
  const json &dtype = entry["dtype"], &dims = entry["shape"], &offsets = entry["data_offsets"];
  if (!dtype.is_string()) return bad("dtype of " + name + " is not a string");
  const auto type = scalar_type(dtype.get<std::string>());
  if (!type && dtype.get<std::string>().starts_with("F8_"))
    return Error{STA_ERROR_UNSUPPORTED, "dtype " + dtype.get<std::string>() + " of " + name +
                                            ": 8-bit floats are not supported, as their scales are stored in as many ways "
                                            "as there are tools; convert the file to float16 or float32 first"};
  if (!type) return bad("unknown dtype " + dtype.get<std::string>() + " of " + name);
  if (!dims.is_array() || dims.size() > 16) return bad("shape of " + name + " is not a list of up to 16 dimensions");
  std::vector<int64_t> shape;
  for (const json &d : dims) {
    if (!d.is_number_unsigned() || d.get<uint64_t>() > INT64_MAX) return bad("shape of " + name + " holds something other than a size");
    shape.push_back(d.get<int64_t>());
  }
  const auto needed = byte_count(shape, c10::elementSize(*type));
  if (!needed) return bad("shape of " + name + " is too large");
  const std::string outside = "data of " + name + " lies outside the file";
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned()) return bad(outside);
  const uint64_t begin = offsets[0].get<uint64_t>(), end = offsets[1].get<uint64_t>();
  if (begin > end || end > file->size() - body) return bad(outside);
  if (end - begin != *needed) return bad(name + ": shape needs " + std::to_string(*needed) + " bytes, has " + std::to_string(end - begin));
  void *data = const_cast<uint8_t *>(file->data() + body + begin);
  // Only some writers align the body to 8 bytes. An unaligned tensor is copied.
  at::Tensor view = at::from_blob(
      data, shape, [file, bytes = *needed](void *begin) { file->forget(begin, bytes); }, at::TensorOptions().dtype(*type));
  if (*needed > 0 && reinterpret_cast<uintptr_t>(data) % c10::elementSize(*type) != 0) {
    at::Tensor copy = at::empty(shape, at::TensorOptions().dtype(*type));
    std::memcpy(copy.data_ptr(), data, *needed);
    view = copy;
  }
  return view;
}

}  // namespace

Result<TensorFile> read_safetensors(const std::string &path) {
  auto file = MappedFile::open(path);
  if (!file) return std::move(file).error();
  auto bad = [&](const std::string &what) { return Error{STA_ERROR_BAD_MODEL, path + ": " + what}; };
  const uint8_t *data = (*file)->data();
  const size_t size = (*file)->size();
  if (size < 8) return bad("header exceeds the file (it has " + std::to_string(size) + " bytes), truncated?");
  uint64_t header = 0;
  std::memcpy(&header, data, 8);
  if (header > size - 8) return bad("header exceeds the file: not a .safetensors file, or truncated");
  if (header > kMaxHeader) return bad("header of " + std::to_string(header) + " bytes is beyond the format's limit of " + std::to_string(kMaxHeader));
  const char *text = reinterpret_cast<const char *>(data + 8);
  if (json_too_deep(text, header, kMaxDepth)) return bad("header is not valid JSON for tensors: nested too deeply");
  const json root = parse_json(text, header, kMaxDepth);
  if (root.is_discarded() || !root.is_object()) return bad("header is not valid JSON");

  TensorFile result;
  for (const auto &[name, entry] : root.items()) {
    if (name == "__metadata__") {
      if (!entry.is_object()) return bad("__metadata__ is not an object of strings");
      for (const auto &[key, value] : entry.items())
        if (value.is_string()) result.metadata[key] = value.get<std::string>();
      continue;
    }
    auto view = view_entry(name, entry, *file, 8 + header);
    if (!view) return Error{view.error().status, path + ": " + view.error().message};
    result.tensors[name] = *view;
  }
  return result;
}

Status write_safetensors(const std::string &path, const std::map<std::string, at::Tensor> &tensors,
                         const std::map<std::string, std::string> &metadata) {
  json header = json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const auto &[name, tensor] : tensors) {
    const auto type =
        std::find_if(std::begin(kWritten), std::end(kWritten), [type = tensor.scalar_type()](const auto &t) { return t.second == type; });
    if (!tensor.is_contiguous() || !tensor.is_cpu() || type == std::end(kWritten))
      return Error{STA_ERROR_INVALID_ARGUMENT, name + ": only contiguous F32, F16, BF16 and I32 tensors on the CPU are written"};
    header[name] = {{"dtype", type->first}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, offset + tensor.nbytes()}}};
    offset += tensor.nbytes();
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  std::FILE *out = std::fopen(path.c_str(), "wb");
  if (!out) return Error{STA_ERROR_NOT_FOUND, path + ": cannot write: " + std::strerror(errno)};
  const uint64_t length = text.size();
  bool good = std::fwrite(&length, 8, 1, out) == 1 && std::fwrite(text.data(), 1, text.size(), out) == text.size();
  for (const auto &[name, tensor] : tensors) good = good && std::fwrite(tensor.data_ptr(), 1, tensor.nbytes(), out) == tensor.nbytes();
  good = std::fclose(out) == 0 && good;
  if (!good) return Error{STA_ERROR_NOT_FOUND, path + ": writing failed: " + std::strerror(errno)};
  return ok();
}

}  // namespace sta
