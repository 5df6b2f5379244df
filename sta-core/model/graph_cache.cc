// SPDX-License-Identifier: MIT
// See graph_cache.h.
#include "model/graph_cache.h"

#include <c10/util/Exception.h>

#include <utility>

namespace sta {

GraphCache::GraphCache(std::unique_ptr<GraphBackend> backend, Limits limits) : backend_(std::move(backend)), limits_(limits) {}

ForwardOutput GraphCache::run(const GraphKey &key, const at::Tensor &clip, const GraphBackend::Forward &forward) {
  {
    std::lock_guard lock(mutex_);
    const uint64_t now = ++passes_;
    Entry &entry = entries_[key];
    entry.last_used = now;
    if (entries_.size() > limits_.keys) forget_keys(key);
    if (entry.seen < limits_.warm_ups) {
      ++entry.seen;
    } else if (entry.graph || (entry.failures < limits_.failures && make_room(now))) {
      const bool fresh = !entry.graph;
      if (!fresh || capture(entry, key, clip, forward)) {
        ForwardOutput out = entry.graph->replay(clip);
        out.warming = fresh;
        ++stats_.replayed;
        return out;
      }
    }
    ++stats_.eager;
  }
  return forward(clip);
}

// False: graphs that are in use take all places.
bool GraphCache::make_room(uint64_t now) {
  if (stats_.graphs < limits_.graphs) return true;
  Entry *oldest = nullptr;
  for (auto &[key, entry] : entries_)
    if (entry.graph && (!oldest || entry.last_used < oldest->last_used)) oldest = &entry;
  if (!oldest || now - oldest->last_used < limits_.patience) return false;
  oldest->graph.reset();
  --stats_.graphs;
  ++stats_.given_up;
  return true;
}

void GraphCache::forget_keys(const GraphKey &but) {
  auto oldest = entries_.end();
  for (auto it = entries_.begin(); it != entries_.end(); ++it)
    if (it->first != but && !it->second.graph && (oldest == entries_.end() || it->second.last_used < oldest->second.last_used)) oldest = it;
  if (oldest != entries_.end()) entries_.erase(oldest);
}

bool GraphCache::capture(Entry &entry, const GraphKey &key, const at::Tensor &clip, const GraphBackend::Forward &forward) {
  try {
    entry.graph = backend_->capture(clip, forward);
    ++stats_.captured;
    ++stats_.graphs;
    return true;
  } catch (const c10::OutOfMemoryError &) {
    give_up_others(key);
  } catch (const c10::Error &) {
    // Ignore the error: if the pass itself is at fault, the ordinary pass that follows reports it.
  }
  ++stats_.failed;
  ++entry.failures;
  return false;
}

void GraphCache::give_up_others(const GraphKey &but) {
  for (auto &[key, entry] : entries_) {
    if (key == but || !entry.graph) continue;
    entry.graph.reset();
    --stats_.graphs;
    ++stats_.given_up;
  }
}

void GraphCache::clear() {
  std::lock_guard lock(mutex_);
  entries_.clear();
  stats_.graphs = 0;
}

GraphCache::Stats GraphCache::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace sta
