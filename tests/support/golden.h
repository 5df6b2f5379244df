// SPDX-License-Identifier: MIT
// The generator of the golden files (tests/golden/README.md, section 1), and helpers for tests. It makes weights and
// clips of a model from seeds, so hundreds of megabytes need not be stored.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "checkpoint/formats/safetensors.h"
#include "checkpoint/names/vit_names.h"
#include "model/vit.h"

namespace golden {

/// A file of tests/golden that the tree keeps. Files of checkpoints/ and videoswin/weights/ are made: see made().
std::string path(const std::string &relative);
/// A file of checkpoints/ or videoswin/weights/. The build makes the large ones and copies the others
/// (tests/golden/make_checkpoints.py).
std::string made(const std::string &relative);

uint64_t fnv1a64(const std::string &name);
uint64_t seed_of(const std::string &name, uint64_t global_seed);
/// z of element i: mix(seed + i·GAMMA).
uint64_t word(uint64_t seed, uint64_t i);
/// u in [0,1), exact.
double uniform(uint64_t seed, uint64_t i);
at::Tensor tensor(const std::string &name, at::IntArrayRef shape, uint64_t global_seed, double scale, float offset = 0);
at::Tensor weight(const std::string &name, at::IntArrayRef shape, uint64_t global_seed);

/// f32 [3,16,H,W]; kind "noise" or "scene".
at::Tensor clip(const std::string &kind, int64_t size, uint64_t seed);
/// Description and weights (canonical names) of "tiny", "micro", "vits", "vitb", "vitl", "vith".
sta::ModelDescription describe(const std::string &config);
sta::StateDict weights(const sta::ModelDescription &model, uint64_t seed);

struct PruneInput {
  at::Tensor x, key;  // f32 [1,L,C], [1,L,D]
};
/// Section 3 of tests/golden/README.md: clustered keys.
PruneInput prune_input(int64_t t, int64_t n, int64_t c, int64_t d, uint64_t seed);

/// Names of the files of section 3, without folder and extension, sorted.
std::vector<std::string> prune_files();

/// The tensors of path(relative) or made(relative); fails the test if the file is not there.
sta::TensorFile read(const std::string &relative);
sta::TensorFile read_made(const std::string &relative);

}  // namespace golden
