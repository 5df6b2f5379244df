// SPDX-License-Identifier: MIT
// Model: the interface through which the engine uses a network. Each architecture is one class, made from a description
// and canonical weights. It computes on the device and in the type of its weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/description.h"
#include "pruning/pruning.h"

namespace sta {

struct ForwardOutput {
  at::Tensor logits;             // f32 [B,n]
  at::Tensor features;           // f32 [B,C], input of the head
  bool warming = false;          // the pass was slower than later ones will be, because it was captured as a graph
  at::Tensor input_tokens;       // int64 [B,K], the tokens that entered the first block, of 0..L-1; undefined: all of them
  std::vector<at::Tensor> kept;  // per call int64 [B,K]: indices into its input, in emitted order; empty if dense
};

/// Functions that a pass calls: after every block, with the residual stream before pruning; and for each pruning call,
/// with its scores. For tests and pictures only. x is only good during the call, because a pass uses its memory again.
struct ForwardProbe {
  std::function<void(int block, const at::Tensor &x)> block;
  std::function<void(int call, const at::Tensor &key_mean, const PruneTrace &trace)> prune;
  // Called at "embedding" with the tokens that enter the first block. Video Swin calls it instead of `block`, with the
  // full grid [B,D,H,W,C], at "patch_embed", "block.S.I", "stage.S", "merge.S", "norm".
  std::function<void(const std::string &name, const at::Tensor &x)> point;
};

struct KernelLibrary;

class Model {
 public:
  Model(const ModelDescription &description, at::ScalarType type, at::Device device) : description_(description), type_(type), device_(device) {}
  virtual ~Model() = default;
  Model(const Model &) = delete;
  Model &operator=(const Model &) = delete;

  /// clip f32 [B,3,T,H,W], normalised, on any device. Thread-safe, because the model is const and has no state. Throws
  /// c10::Error.
  virtual ForwardOutput forward(const at::Tensor &clip, const PruneSettings &prune, const ForwardProbe *probe = nullptr) const = 0;

  /// The attention of this model if it is not LibTorch's: "own". Else NULL.
  virtual const char *own_attention() const { return nullptr; }

  const ModelDescription &description() const { return description_; }
  at::Device device() const { return device_; }
  at::ScalarType type() const { return type_; }

 protected:
  const ModelDescription description_;
  const at::ScalarType type_;
  const at::Device device_;
};

/// Takes a weight out of the map and returns a tensor that belongs to the model. A tensor in a mapped file is copied,
/// because replacing the file on disk would change or break a running model. Other tensors (projections that were
/// joined from three) are kept if device and type are right. Throws c10::Error.
at::Tensor take_weight(std::map<std::string, at::Tensor> &weights, const std::string &name, at::ScalarType type, at::Device device);

/// Makes a model of the description's architecture. weights: canonical names of that architecture, checked. Each weight
/// is released once it is copied, so a caller who moves them in has them in memory once. kernels: those of libsta-cuda,
/// for pruning; NULL: ATen's. Throws c10::Error.
std::unique_ptr<Model> make_model(const ModelDescription &description, std::map<std::string, at::Tensor> weights, at::ScalarType type,
                                  at::Device device, const KernelLibrary *kernels = nullptr);

}  // namespace sta
