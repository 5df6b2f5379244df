// SPDX-License-Identifier: MIT
// GraphedModel: wraps a model and replays its passes as captured graphs where possible. Callers use it like the model
// itself.
#pragma once

#include "model/graph_cache.h"
#include "model/model.h"

namespace sta {

class GraphedModel : public Model {
 public:
  GraphedModel(std::unique_ptr<Model> model, std::unique_ptr<GraphBackend> backend, GraphCache::Limits limits = {});

  /// Same as the model's own forward(). A pass with a probe, one that fills dropped keys, or one that draws its tokens
  /// on the host (the random rule) is never captured.
  ForwardOutput forward(const at::Tensor &clip, const PruneSettings &prune, const ForwardProbe *probe = nullptr) const override;

  GraphCache::Stats stats() const { return cache_.stats(); }

 private:
  const std::unique_ptr<Model> model_;
  mutable GraphCache cache_;
};

}  // namespace sta
