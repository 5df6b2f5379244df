// SPDX-License-Identifier: MIT
// See stream_port.h.
#include "engine/stream_port.h"

#include <algorithm>
#include <utility>

namespace sta {
namespace {

// One buffer in the mailbox, one in flight, one being filled.
constexpr size_t kMaxSpare = 3;

}  // namespace

StreamPort::StreamPort(int num_classes) {
  spare.reserve(kMaxSpare);
  last.probabilities.resize(static_cast<size_t>(num_classes));
  resize_results(max_results);
}

void StreamPort::resize_results(size_t most) {
  results.reserve(most + 1);
  max_results = most;
}

void StreamPort::add_result(std::unique_ptr<WindowResult> result) {
  results.push_back(std::move(result));
  while (results.size() > max_results) {
    results.erase(results.begin());
    ++lost;
  }
}

std::unique_ptr<WindowResult> StreamPort::take_result() {
  if (results.empty()) return nullptr;
  auto result = std::move(results.front());
  results.erase(results.begin());
  return result;
}

void StreamPort::recycle(std::vector<uint8_t> pixels) {
  if (!pixels.empty() && spare.size() < kMaxSpare) spare.push_back(std::move(pixels));
}

bool StreamPort::reuse_last(WindowJob &job) const {
  const int drop = effective_drop(job.rule, job.drop_number);
  // With random pruning an equal window has another seed, so it has another result.
  if (job.rule == STA_PRUNING_RANDOM && drop > 0) return false;
  if (!last.valid || last.generation != job.generation || last.id < job.static_since || last.id >= job.id) return false;
  if (last.rule != job.rule || last.drop_number != drop) return false;
  job.result->reused = true;
  job.result->drop_number = drop;
  std::copy(last.probabilities.begin(), last.probabilities.end(), job.result->probabilities.begin());
  return true;
}

void StreamPort::answer(WindowJob &job) {
  recycle(std::move(job.pixels));
  if (job.generation != generation) {
    ++discarded;
    return;
  }
  const WindowResult &r = *job.result;
  ++(r.status == STA_OK ? classified : failed);
  last_drop = r.drop_number;
  last_queue = r.queue_time;
  if (r.reused) {
    ++reused;
  } else {
    last_inference = r.inference_time;
    total_inference += r.inference_time;
  }
  if (r.status == STA_OK) {
    last.valid = true;
    last.id = r.id;
    last.generation = job.generation;
    last.rule = job.rule;
    last.drop_number = r.drop_number;
    std::copy(r.probabilities.begin(), r.probabilities.end(), last.probabilities.begin());
  }
  add_result(std::move(job.result));
}

void StreamPort::call_notify() {
  std::lock_guard lock(notify_mutex_);
  if (notify_) notify_(notify_data_);
}

void StreamPort::set_notify(sta_result_notify function, void *user_data) {
  std::lock_guard lock(notify_mutex_);
  notify_ = function;
  notify_data_ = user_data;
}

}  // namespace sta
