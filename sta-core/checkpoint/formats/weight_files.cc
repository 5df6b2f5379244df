// SPDX-License-Identifier: MIT
// See weight_files.h.
#include "checkpoint/formats/weight_files.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "checkpoint/formats/file_kind.h"
#include "checkpoint/formats/json_text.h"
#include "checkpoint/formats/torch_file.h"

namespace sta {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uintmax_t kMaxIndex = 64u << 20;
constexpr int kMaxDepth = 8;  // nesting of the index's JSON; two levels are in use
constexpr size_t kMaxShards = 1000;

Result<TensorFile> read_one(const std::string &path, const std::string &part = "") {
  if (auto s = check_file_kind(path); !s) return s.error();
  return fs::path(path).extension() == ".safetensors" ? read_safetensors(path) : read_torch_file(path, part);
}

// {"weight_map": {tensor: file}}. The file names are untrusted: only files beside the index are opened.
Result<TensorFile> read_shards(const std::string &path) {
  auto bad = [&](const std::string &what) { return Error{STA_ERROR_BAD_MODEL, path + ": " + what}; };
  std::error_code ec;
  if (fs::file_size(path, ec) > kMaxIndex || ec) return bad("cannot be read, or too large for an index of shards");
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  const std::string all_text = std::move(text).str();
  const json root = parse_json(all_text.data(), all_text.size(), kMaxDepth);
  if (root.is_discarded() || !root.is_object() || !root.contains("weight_map") || !root["weight_map"].is_object())
    return bad("not an index of shards: no weight_map");
  std::map<std::string, std::vector<std::string>> shards;  // file -> tensors
  for (const auto &[name, file] : root["weight_map"].items()) {
    if (!file.is_string()) return bad("weight_map of " + name + " is not a file name");
    const std::string shard = file.get<std::string>();
    if (shard.empty() || shard[0] == '.' || shard.find('/') != std::string::npos)
      return bad("shard \"" + shard + "\" should be the name of a file beside it");
    shards[shard].push_back(name);
    if (shards.size() > kMaxShards) return bad("more than " + std::to_string(kMaxShards) + " shards");
  }
  TensorFile all;
  for (const auto &[shard, names] : shards) {
    auto file = read_one((fs::path(path).parent_path() / shard).string());
    if (!file) return std::move(file).error();
    for (const std::string &name : names) {
      const auto it = file->tensors.find(name);
      if (it == file->tensors.end()) return bad("tensor " + name + " is not in " + shard);
      all.tensors[name] = it->second;
    }
    all.metadata.merge(file->metadata);
  }
  return all;
}

}  // namespace

Result<std::string> find_weights(const std::string &folder) {
  std::error_code ec;
  for (const char *name : {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"})
    if (const fs::path path = fs::path(folder) / name; fs::exists(path, ec)) return path.string();
  return Error{STA_ERROR_NOT_FOUND,
               (fs::path(folder) / "model.safetensors").string() +
                   ": no such file (nor pytorch_model.bin, nor an index of shards); a model folder needs config.json and its weights"};
}

Result<TensorFile> read_weights(const std::string &path, const std::string &part) {
  return path.ends_with(".index.json") ? read_shards(path) : read_one(path, part);
}

}  // namespace sta
