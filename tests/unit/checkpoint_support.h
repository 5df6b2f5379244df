// SPDX-License-Identifier: MIT
// Helpers of the checkpoint tests: a folder for the files that they make, comparison of models with the golden logits,
// errors as text.
#pragma once

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "checkpoint/model_folder.h"
#include "model/vit.h"
#include "support/golden.h"

namespace checkpoint_test {

// A folder that disappears with the test.
class TempFolder {
 public:
  TempFolder() {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() / ("sta-test-" + std::to_string(getpid()) + "-" + std::to_string(count++));
    std::filesystem::create_directories(path_);
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder &) = delete;
  TempFolder &operator=(const TempFolder &) = delete;
  std::string operator/(const std::string &name) const { return (path_ / name).string(); }
  void write(const std::string &name, const std::string &text) const { std::ofstream(path_ / name, std::ios::binary) << text; }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

inline std::string read_all(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

/// A zip file whose directory states no checksums (0). So damage gets past them to the code that reads the contents.
inline std::string without_checksums(std::string zip) {
  for (size_t i = zip.find("PK\x01\x02"); i != std::string::npos && i + 20 <= zip.size(); i = zip.find("PK\x01\x02", i + 4))
    zip.replace(i + 16, 4, 4, '\0');
  return zip;
}

inline double max_diff(const at::Tensor &a, const at::Tensor &b) { return (a - b).abs().max().item<double>(); }

/// Checks that the model computes the golden logits of `files`, such as "vit/micro_noise_r5.safetensors", whose clips
/// are noise of 64 x 64.
inline void expect_golden(const sta::LoadedModel &model, const std::vector<std::string> &files) {
  const c10::InferenceMode guard;
  const sta::Vit vit(model.description, model.weights, at::kFloat, at::kCPU);
  for (const std::string &name : files) {
    const auto file = golden::read(name);
    const at::Tensor clip = golden::clip("noise", 64, std::stoull(file.metadata.at("clip_seed"))).unsqueeze(0);
    EXPECT_LE(max_diff(vit.forward(clip, {STA_PRUNING_STA, std::stoi(file.metadata.at("r")), {}}).logits[0], file.tensors.at("logits")), 5e-5)
        << name;
  }
}

/// All files of "micro" or "tiny".
inline void expect_golden(const sta::LoadedModel &model, const std::string &config) {
  std::vector<std::string> files;
  for (const int r : config == "micro" ? std::vector<int>{0, 2, 5, 8} : std::vector<int>{0, 3})
    files.push_back("vit/" + config + "_noise_r" + std::to_string(r) + ".safetensors");
  expect_golden(model, files);
}

inline sta::LoadOptions options(int num_heads, int image_size = 0) {
  sta::LoadOptions o;
  o.num_heads = num_heads;
  o.image_size = image_size;
  return o;
}

inline sta::LoadedModel load(const std::string &path, const sta::LoadOptions &options = {}) {
  auto model = sta::load_model(path, options);
  if (!model) throw std::runtime_error(model.error().message);
  return *std::move(model);
}

inline std::string failure(const std::string &path, sta_status status, const sta::LoadOptions &options = {}) {
  auto model = sta::load_model(path, options);
  if (model) return "(loaded)";
  EXPECT_EQ(model.error().status, status) << model.error().message;
  return model.error().message;
}

}  // namespace checkpoint_test
