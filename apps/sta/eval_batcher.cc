// SPDX-License-Identifier: MIT
// See eval_batcher.h.
#include "eval_batcher.h"

#include <chrono>
#include <memory>
#include <tuple>

namespace cli {
namespace {

struct FreeResult {
  void operator()(sta_clip_result *r) const { sta_clip_result_free(r); }
};

// The seed for pruning=random. A view of a video in the list always gets the same one, whatever the batches are, and
// also when an interrupted evaluation goes on.
uint64_t seed_of(uint64_t seed, int video, size_t view) { return seed + (static_cast<uint64_t>(video) << 16) + view; }

}  // namespace

Batcher::Batcher(const sta::Engine &engine, BatchRules rules, Finished finished)
    : engine_(engine), rules_(std::move(rules)), finished_(std::move(finished)) {
  for (const double threshold : rules_.still_thresholds)
    for (const int drop : rules_.drop_numbers) settings_.emplace_back(threshold, drop);
}

void Batcher::add(ViewFeed::Item item, const EvalVideo &video) {
  Pending pending;
  pending.result.index = item.index;
  pending.result.video = video.path;
  pending.result.label = video.label;
  pending.result.error = item.error;
  if (!item.error.empty()) {
    finished_(std::move(pending.result));
    return;
  }
  pending.result.frames = item.set.frames;
  pending.result.views = static_cast<int>(item.set.views.size());
  pending.result.decode_seconds = item.set.seconds;
  pending.set = std::move(item.set);
  pending.averages.assign(settings_.size(), ViewAverage(rules_.classes, rules_.multi_label));
  pending.spent.assign(settings_.size(), {});
  videos_.push_back(std::move(pending));
  Pending &added = videos_.back();
  // When the pass of its last view is done, the video is finished and deleted. So the loop must not look at
  // `added` for the number of views.
  const size_t views = added.set.views.size();
  for (size_t view = 0; view < views; ++view) {
    batch_.emplace_back(&added, view);
    if (static_cast<int>(batch_.size()) == rules_.batch) run();
  }
}

void Batcher::flush() {
  if (!batch_.empty()) run();
}

void Batcher::run() {
  std::vector<const uint8_t *> frames;
  std::vector<uint64_t> seeds;
  for (const auto &[video, view] : batch_) {
    const auto &pictures = video->set.views[view];
    frames.insert(frames.end(), pictures.begin(), pictures.end());
    seeds.push_back(seed_of(rules_.seed, video->result.index, view));
  }
  const int32_t count = static_cast<int32_t>(batch_.size());
  for (size_t s = 0; s < settings_.size(); ++s) {
    const auto [threshold, drop] = settings_[s];
    sta_forward_options options;
    sta_forward_options_init(&options);
    options.pruning = rules_.pruning;
    options.drop_number = drop;
    options.still_threshold = static_cast<float>(threshold);
    options.seeds = seeds.data();
    sta_clip_result *raw = nullptr;
    sta_error err;
    const auto begin = std::chrono::steady_clock::now();
    if (sta_engine_forward_frames(engine_.get(), frames.data(), count, &options, &raw, &err) != STA_OK) throw sta::Exception(err);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const std::unique_ptr<sta_clip_result, FreeResult> result(raw);
    // All views of a pass take as many.
    const int tokens = tokens_of(raw, 0, engine_.info());
    const double gmacs = static_cast<double>(flops_of(engine_, rules_.pruning == STA_PRUNING_NONE ? 0 : drop, tokens).total) / 1e9;
    int32_t classes = 0;
    const float *logits = sta_clip_result_logits(raw, nullptr, &classes);
    for (size_t i = 0; i < batch_.size(); ++i) {
      batch_[i].first->averages[s].add(logits + static_cast<ptrdiff_t>(i) * classes, rules_.selected);
      Spent &spent = batch_[i].first->spent[s];
      spent.seconds += seconds / count;
      spent.tokens += tokens;
      spent.gmacs += gmacs;
    }
  }
  for (const auto &[video, view] : batch_) ++video->done;
  batch_.clear();
  // Videos finish in the order in which they came, because their views do.
  while (!videos_.empty() && videos_.front().done == videos_.front().set.views.size()) {
    Pending &video = videos_.front();
    for (size_t s = 0; s < settings_.size(); ++s) {
      Verdict verdict = video.averages[s].verdict(video.result.label, rules_.keep_probabilities);
      std::tie(verdict.still_threshold, verdict.drop_number) = settings_[s];
      verdict.spent = video.spent[s];
      video.result.verdicts.push_back(std::move(verdict));
    }
    VideoResult result = std::move(video.result);
    videos_.pop_front();
    finished_(std::move(result));
  }
}

}  // namespace cli
