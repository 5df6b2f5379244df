// SPDX-License-Identifier: MIT
// See engine.h. Loading and the process-wide registry are in engine_registry.cc.
#include "engine/engine.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <utility>

#include "engine/catch.h"
#include "engine/device.h"

namespace sta {
namespace {

uint64_t ns_between(Clock::time_point from, Clock::time_point to) {
  return static_cast<uint64_t>(std::max<int64_t>(0, std::chrono::duration_cast<std::chrono::nanoseconds>(to - from).count()));
}

bool pruned_alike(const WindowJob &a, const WindowJob &b) { return a.rule == b.rule && a.drop_number == b.drop_number; }

}  // namespace

Status Engine::check_drop_number(int drop_number) const {
  const ModelDescription &m = description_;
  const int most = m.max_drop_number();
  if (drop_number >= 0 && drop_number <= most) return ok();
  std::string message = "drop-number " + std::to_string(drop_number) + " is impossible for model " + m.name + ": ";
  if (most == 0) {
    message += "only 0, since its " + std::to_string(m.steps()) + " time steps and " + std::to_string(m.depth) +
               " blocks leave no three pruning places (steps must be divisible by 4, blocks at least 3)";
  } else {
    message += "0 to " + std::to_string(most) + " (half of its " + std::to_string(m.step_tokens()) + " tokens a time step)";
  }
  return Error{STA_ERROR_INVALID_ARGUMENT, message};
}

Result<ForwardOutput> Engine::forward(const at::Tensor &clip, const PruneSettings &prune) const {
  return guarded("forward pass", [&]() -> Result<ForwardOutput> {
    const c10::InferenceMode guard;
    if (options_.inference_threads > 0) at::set_num_threads(options_.inference_threads);  // the calling thread's setting
    return model_->forward(clip, prune);
  });
}

std::shared_ptr<StreamPort> Engine::add_port() {
  auto port = std::make_shared<StreamPort>();
  std::lock_guard lock(mutex_);
  ports_.push_back(port);
  return port;
}

void Engine::remove_port(const std::shared_ptr<StreamPort> &port) {
  std::lock_guard lock(mutex_);
  std::erase(ports_, port);
  port->mailbox.reset();
  ++port->generation;
}

void Engine::submit(StreamPort &port, WindowJob job) {
  job.submitted = Clock::now();
  {
    std::lock_guard lock(mutex_);
    job.generation = port.generation;
    port.last_submitted = job.submitted;
    if (port.mailbox) {
      ++port.skipped;
      port.skipped_since = true;
      port.spare.push_back(std::move(port.mailbox->pixels));
    }
    port.mailbox = std::move(job);
  }
  work_.notify_one();
}

bool Engine::wait_idle(StreamPort &port) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return port.flushing || (!port.mailbox && port.in_flight == 0); });
  return !port.flushing;
}

// Called with mutex_ held. Demand is what all ports that are alive ask for: one window a hop each.
int Engine::adaptive_drop(StreamPort &port, Clock::time_point now) {
  double demand = 0, reserved = 0;
  for (const auto &p : ports_) {
    if (p->hop == 0 || ns_between(p->last_submitted, now) > 4 * p->hop + 1'000'000'000) continue;
    const double rate = 1e9 / static_cast<double>(p->hop);
    if (p->adaptive)
      demand += rate;
    else
      reserved += rate * drops_->cost(p->last_drop);
  }
  const uint64_t steady = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count());
  const int max = port.max_drop > 0 ? std::min(port.max_drop, description_.max_drop_number()) : description_.max_drop_number();
  return drops_->choose(port.drop_state, demand, reserved, std::min(port.min_drop, max), max, std::exchange(port.skipped_since, false), steady);
}

// Called with mutex_ held.
std::vector<Engine::Taken> Engine::take_batch() {
  std::vector<Taken> batch;
  const auto now = Clock::now();
  const size_t count = ports_.size();
  size_t last = next_port_;
  for (size_t i = 0; i < count && static_cast<int>(batch.size()) < options_.max_batch; ++i) {
    const size_t at = (next_port_ + i) % count;
    const auto &port = ports_[at];
    if (!port->mailbox) continue;
    if (port->mailbox->drop_number == STA_DROP_AUTO) port->mailbox->drop_number = adaptive_drop(*port, now);
    if (!batch.empty() && !pruned_alike(batch[0].job, *port->mailbox)) continue;
    batch.push_back({port, std::move(*port->mailbox)});
    port->mailbox.reset();
    ++port->in_flight;
    last = at;
  }
  if (count > 0) next_port_ = (last + 1) % count;
  return batch;
}

// u8 [T,H,W,3] each -> f32 [B,3,T,H,W], normalised, on the model's device.
at::Tensor Engine::clip_of(const std::vector<Taken> &batch) const {
  const ModelDescription &m = description_;
  std::vector<at::Tensor> windows;
  for (const Taken &taken : batch)
    windows.push_back(at::from_blob(const_cast<uint8_t *>(taken.job.pixels.data()), {m.num_frames, m.height, m.width, 3}, at::kByte));
  const at::Tensor bytes = (windows.size() == 1 ? windows[0].unsqueeze(0) : at::stack(windows)).to(model_->device());
  return bytes.permute({0, 4, 1, 2, 3}).to(at::kFloat).mul_(scale_).add_(shift_);
}

void Engine::run_batch(std::vector<Taken> &batch, std::vector<std::unique_ptr<WindowResult>> &results) const {
  const auto begin = Clock::now();
  PruneSettings prune{batch[0].job.rule, batch[0].job.drop_number, {}};
  for (const Taken &taken : batch) prune.seeds.push_back(taken.job.seed + taken.job.id);
  auto probabilities = guarded("forward pass", [&]() -> Result<at::Tensor> {
    const c10::InferenceMode guard;
    return at::softmax(model_->forward(clip_of(batch), prune).logits, -1).cpu().contiguous();
  });
  const uint64_t spent = ns_between(begin, Clock::now());
  for (size_t i = 0; i < batch.size(); ++i) {
    WindowResult &result = *results[i];
    const WindowJob &job = batch[i].job;
    result.span = job.span;
    result.id = job.id;
    result.drop_number = prune.active() ? job.drop_number : 0;
    result.batch_size = static_cast<int>(batch.size());
    result.inference_time = spent;
    result.queue_time = ns_between(job.submitted, begin);
    if (probabilities) {
      const float *row = probabilities->const_data_ptr<float>() + static_cast<int64_t>(i) * description_.num_classes;
      std::copy(row, row + description_.num_classes, result.probabilities.begin());
    } else {
      result.status = probabilities.error().status;
      result.message = probabilities.error().message;
      result.probabilities.clear();
    }
  }
}

void Engine::deliver(std::vector<Taken> &batch, std::vector<std::unique_ptr<WindowResult>> &results) {
  {
    std::lock_guard lock(mutex_);
    if (results[0]->status == STA_OK && batch[0].job.rule != STA_PRUNING_RANDOM)
      drops_->measured(results[0]->drop_number, static_cast<double>(results[0]->inference_time) / 1e9 / static_cast<double>(batch.size()));
    for (size_t i = 0; i < batch.size(); ++i) {
      StreamPort &port = *batch[i].port;
      --port.in_flight;
      port.spare.push_back(std::move(batch[i].job.pixels));
      const WindowResult &r = *results[i];
      if (batch[i].job.generation != port.generation) {
        ++port.discarded;
        continue;
      }
      ++(r.status == STA_OK ? port.classified : port.failed);
      port.last_drop = r.drop_number;
      port.last_queue = r.queue_time;
      port.last_inference = r.inference_time;
      port.total_inference += r.inference_time;
      port.results.push_back(std::move(results[i]));
      while (port.results.size() > port.max_results) {
        port.results.pop_front();
        ++port.lost;
      }
    }
  }
  changed_.notify_all();
}

void Engine::work() {
  enter_worker_thread(options_.worker_nice, resolve_threads(options_.inference_threads));
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [&] { return stop_ || std::any_of(ports_.begin(), ports_.end(), [](const auto &p) { return p->mailbox.has_value(); }); });
    if (stop_) return;
    std::vector<Taken> batch = take_batch();
    lock.unlock();
    std::vector<std::unique_ptr<WindowResult>> results;
    for (size_t i = 0; i < batch.size(); ++i) {
      results.push_back(std::make_unique<WindowResult>());
      results.back()->probabilities.resize(description_.num_classes);
    }
    run_batch(batch, results);
    deliver(batch, results);
    // The last reference to a port may be this batch's; let go of it without the lock.
    batch.clear();
    lock.lock();
  }
}

Engine::~Engine() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  if (worker_.joinable()) worker_.join();
}

}  // namespace sta
