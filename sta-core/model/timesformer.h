// SPDX-License-Identifier: MIT
// TimeSformer (Bertasius et al., ICML 2021) with divided attention. In each block a token first attends to the tokens at
// its place in all steps, then to the tokens of its own step, and the class token takes part in the second of them. So
// every place needs its token in every step: it is always dense, and STA does not apply.
//
// Tokens are in the order of transformers: the class token, then place by place, the steps of a place side by side.
#pragma once

#include <vector>

#include "checkpoint/names/vit_names.h"
#include "model/block.h"
#include "model/head.h"
#include "model/model.h"
#include "model/weight_reader.h"

namespace sta {

class TimeSformer : public Model {
 public:
  /// weights: canonical names, checked (checkpoint/names/hugging_face_names.h). Otherwise as Vit's.
  TimeSformer(const ModelDescription &description, StateDict weights, at::ScalarType type, at::Device device);

  /// Throws c10::Error if the settings ask for dropped or still tokens.
  ForwardOutput forward(const at::Tensor &clip, const PruneSettings &prune, const ForwardProbe *probe = nullptr) const override;

 private:
  struct Temporal {
    ops::LayerNorm norm;
    ops::Linear qkv, proj, dense;
  };
  TimeSformer(const ModelDescription &description, WeightReader weights, at::ScalarType type, at::Device device);
  at::Tensor embed(const at::Tensor &clip) const;
  void attend_in_time(at::Tensor &x, const Temporal &temporal) const;
  void attend_in_space(at::Tensor &x, const Block &block) const;

  ops::Linear patch_;     // weight [C, 3·patch²]
  at::Tensor class_;      // [1,1,C], with its position
  at::Tensor positions_;  // [n_s,T,C]: of the place and of the step
  std::vector<Temporal> temporal_;
  std::vector<Block> blocks_;
  const Head head_;
};

}  // namespace sta
