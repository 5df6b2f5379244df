// SPDX-License-Identifier: MIT
// See graphed_model.h.
#include "model/graphed_model.h"

#include <utility>

namespace sta {

GraphedModel::GraphedModel(std::unique_ptr<Model> model, std::unique_ptr<GraphBackend> backend, GraphCache::Limits limits)
    : Model(model->description(), model->type(), model->device()), model_(std::move(model)), cache_(std::move(backend), limits) {}

ForwardOutput GraphedModel::forward(const at::Tensor &clip, const PruneSettings &prune, const ForwardProbe *probe) const {
  const bool drawn = prune.active() && prune.rule == STA_PRUNING_RANDOM;
  // Graphs have fixed shapes, and what is still differs from window to window.
  if (probe || drawn || prune.fill_dropped_keys || !prune.still.empty()) return model_->forward(clip, prune, probe);
  const GraphKey key{clip.size(0), prune.active() ? prune.drop_number : 0};
  return cache_.run(key, clip, [&](const at::Tensor &input) { return model_->forward(input, prune); });
}

}  // namespace sta
