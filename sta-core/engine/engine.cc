// SPDX-License-Identifier: MIT
// See engine.h. Loading and the process-wide registry are in engine_registry.cc, the ways of pixels in engine_clips.cc.
#include "engine/engine.h"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/catch.h"
#include "engine/device.h"
#include "engine/fault.h"
#include "model/flops.h"
#include "ops/attention.h"

namespace sta {
namespace {

uint64_t ns_between(Clock::time_point from, Clock::time_point to) {
  return static_cast<uint64_t>(std::max<int64_t>(0, std::chrono::duration_cast<std::chrono::nanoseconds>(to - from).count()));
}

// All windows of a pass take the same number of tokens. Only windows that would take that many alone go together, so a
// result does not depend on what other streams show, and a still scene does not pay for one that moves.
bool pruned_alike(const WindowJob &a, const WindowJob &b) { return a.rule == b.rule && a.drop_number == b.drop_number && a.tokens == b.tokens; }

}  // namespace

Status Engine::check_drop_number(int drop_number) const {
  const ModelDescription &m = description_;
  const int most = m.max_drop_number();
  if (drop_number >= 0 && drop_number <= most) return ok();
  std::string message = "drop-number " + std::to_string(drop_number) + " is impossible for model " + m.name + ": ";
  if (m.divided) {
    message += "only 0, since a TimeSformer attends to time and space in turn, and every place needs its token in every step";
  } else if (most == 0) {
    message += "only 0, since its " + std::to_string(m.steps()) + " time steps and " + std::to_string(m.pyramid() ? m.stages() : m.depth) +
               (m.pyramid() ? " stages leave no three pruning places (time steps must be divisible by 4, stages must be 4)"
                            : " blocks leave no three pruning places (steps must be divisible by 4, blocks at least 3)");
  } else if (m.pyramid()) {
    message += "0 to " + std::to_string(most) + " (of a frame of 784 tokens)";
  } else {
    message += "0 to " + std::to_string(most) + " (half of its " + std::to_string(m.step_tokens()) + " tokens a time step)";
  }
  return Error{STA_ERROR_INVALID_ARGUMENT, message};
}

Result<ForwardOutput> Engine::forward(const at::Tensor &clip, const PruneSettings &prune) const {
  return guarded("forward pass", [&]() -> Result<ForwardOutput> {
    const c10::InferenceMode guard;
    if (options_.inference_threads > 0) at::set_num_threads(options_.inference_threads);  // the calling thread's setting
    return pass(clip, prune, nullptr);
  });
}

// Makes one pass with an attention that is known to work. After a failed pass the attention is checked again. If the
// attention fails, the pass is repeated with the next kernel. May throw.
Result<ForwardOutput> Engine::pass(const at::Tensor &clip, const PruneSettings &prune, const ForwardProbe *probe) const {
  for (int again = 0;; ++again) {
    if (auto ready = attention_->before_pass(); !ready) return std::move(ready).error();
    // No application asks for warnings at this moment. So kernels that were switched off since the model was opened are
    // reported where LibTorch's own warnings go.
    if (const std::string told = ops::take_attention_warnings(); !told.empty()) TORCH_WARN(told);
    static_cast<void>(ops::take_attention_failure());
    try {
      ForwardOutput out = model_->forward(clip, prune, probe);
      // The pass succeeded although an attention failed in it: a graph could not be captured.
      if (ops::take_attention_failure()) attention_->pass_failed();
      out.warming = out.warming || again > 0;
      return out;
    } catch (...) {
      attention_->pass_failed();
      // Each kernel that can be switched off may fail once.
      if (!ops::take_attention_failure() || again == ops::kAttentionKernels - 1) throw;
    }
  }
}

std::shared_ptr<StreamPort> Engine::add_port() {
  auto port = std::make_shared<StreamPort>(description_.num_classes);
  std::lock_guard lock(mutex_);
  ports_.push_back(port);
  return port;
}

void Engine::remove_port(const std::shared_ptr<StreamPort> &port) {
  port->set_notify(nullptr, nullptr);
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
      port.recycle(std::move(port.mailbox->pixels));
    }
    port.mailbox = std::move(job);
  }
  work_.notify_one();
}

void Engine::reject(StreamPort &port, const WindowSpan &span, uint64_t id, const Error &error) {
  std::unique_ptr<WindowResult> result(new (std::nothrow) WindowResult);
  if (result) {
    result->span = span;
    result->id = id;
    result->status = error.status;
    result->message = error.message;
  }
  {
    std::lock_guard lock(mutex_);
    ++port.failed;
    if (result) port.add_result(std::move(result));
  }
  changed_.notify_all();
  port.call_notify();
}

bool Engine::wait_idle(StreamPort &port) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return port.flushing || (!port.mailbox && port.in_flight == 0); });
  return !port.flushing;
}

// Called with mutex_ held. The demand counts all live ports: each asks for one window per hop, of which still tokens
// take a part away.
int Engine::adaptive_drop(StreamPort &port, Clock::time_point now) {
  double demand = 0, reserved = 0;
  for (const auto &p : ports_) {
    if (p->hop == 0 || ns_between(p->last_submitted, now) > 4 * p->hop + 1'000'000'000) continue;
    const double rate = 1e9 / static_cast<double>(p->hop);
    if (p->adaptive)
      demand += rate * p->share;
    else
      reserved += rate * p->share * drops_->cost(p->last_drop);
  }
  const uint64_t steady = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count());
  const int max = port.max_drop > 0 ? std::min(port.max_drop, description_.max_drop_number()) : description_.max_drop_number();
  return drops_->choose(port.drop_state, demand, reserved, std::min(port.min_drop, max), max, std::exchange(port.skipped_since, false), steady);
}

// Called with mutex_ held. Whether it pays to wait: a stream that sends windows regularly has none in its mailbox, so
// its next window may come soon.
bool Engine::company_due(Clock::time_point now) const {
  int ready = 0;
  bool due = false;
  for (const auto &port : ports_) {
    if (port->mailbox)
      ++ready;
    else if (port->hop > 0 && !port->flushing && ns_between(port->last_submitted, now) <= 2 * port->hop)
      due = true;
  }
  return due && ready > 0 && ready < options_.max_batch;
}

// Called with mutex_ held; releases it while it waits. The window that has waited longest decides how long.
void Engine::wait_for_company(std::unique_lock<std::mutex> &lock) {
  auto oldest = Clock::time_point::max();
  for (const auto &port : ports_)
    if (port->mailbox) oldest = std::min(oldest, port->mailbox->submitted);
  work_.wait_until(lock, oldest + std::chrono::nanoseconds(options_.batch_timeout), [this] { return stop_ || !company_due(Clock::now()); });
}

// Called with mutex_ held.
void Engine::take_batch() {
  const auto now = Clock::now();
  const size_t count = ports_.size();
  size_t last = next_port_;
  std::optional<size_t> passed_over;
  adaptive_ = false;
  for (size_t i = 0; i < count && static_cast<int>(batch_.size()) < options_.max_batch && reused_.size() < reused_.capacity(); ++i) {
    const size_t at = (next_port_ + i) % count;
    const auto &port = ports_[at];
    if (!port->mailbox) continue;
    if (port->mailbox->drop_number == STA_DROP_AUTO) {
      port->mailbox->drop_number = adaptive_drop(*port, now);
      adaptive_ = true;
    }
    const bool reuse = port->reuse_last(*port->mailbox);
    if (!reuse && !batch_.empty() && !pruned_alike(batch_[0].job, *port->mailbox)) {
      if (!passed_over) passed_over = at;
      continue;
    }
    (reuse ? reused_ : batch_).push_back({port, std::move(*port->mailbox)});
    port->mailbox.reset();
    ++port->in_flight;
    last = at;
  }
  // A port that was passed over begins the next batch. Otherwise two ports that are always ready could keep a port with
  // another drop number waiting for ever.
  if (count > 0) next_port_ = passed_over.value_or((last + 1) % count);
}

// Returns whether the time of this pass is typical for such passes. noexcept: it also catches exceptions that occur
// while a failure is being written down, when there is no memory even for its text.
bool Engine::run_batch(std::vector<Taken> &batch) const noexcept {
  const auto begin = Clock::now();
  sta_status status = STA_ERROR_OUT_OF_MEMORY;
  std::string message;
  bool typical = true;
  try {
    PruneSettings prune{batch[0].job.rule, batch[0].job.drop_number, {}};
    for (const Taken &taken : batch) prune.seeds.push_back(taken.job.seed + taken.job.id);
    prune.still = still_tokens(batch);
    const int tokens = prune.still.empty() ? description_.tokens() : static_cast<int>(prune.still[0].tokens.size());
    const int drop = effective_drop(prune.rule, prune.drop_number);
    sta_flops dense{}, spent{};
    count_flops(description_, drop, dense);
    count_flops(description_, drop, spent, tokens);
    for (Taken &taken : batch) {
      taken.job.result->tokens = tokens;
      taken.job.result->multiply_adds = spent.total;
      taken.job.work_share = static_cast<double>(spent.total) / static_cast<double>(dense.total);
    }
    auto probabilities = guarded("forward pass", [&]() -> Result<at::Tensor> {
      const c10::InferenceMode guard;
      ForwardProbe probe;
      probe.block = [](int, const at::Tensor &) { fault_point(FaultPoint::kBlock); };
      probe.point = [](const std::string &, const at::Tensor &) { fault_point(FaultPoint::kBlock); };
      fault_point(FaultPoint::kClip);
      const auto out = pass(clip_of(batch), prune, fault_hook.load() ? &probe : nullptr);
      if (!out) return Error{out.error().status, "forward pass: " + out.error().message};
      typical = !out->warming;
      fault_point(FaultPoint::kScores);
      return to_host(description_.multi_label ? at::sigmoid(out->logits) : at::softmax(out->logits, -1));
    });
    if (probabilities) {
      status = STA_OK;
      for (size_t i = 0; i < batch.size(); ++i) {
        const float *row = probabilities->const_data_ptr<float>() + static_cast<int64_t>(i) * description_.num_classes;
        std::copy(row, row + description_.num_classes, batch[i].job.result->probabilities.begin());
      }
    } else {
      attention_->pass_failed();
      status = probabilities.error().status;
      message = probabilities.error().message;
    }
  } catch (...) {
  }
  // Do this even after a failure: by now all work that reads the clips is in the stream.
  for (const Taken &taken : batch) {
    if (taken.job.clip) static_cast<void>(taken.job.clip->end_read(current_stream(model_->device())));
    if (taken.job.sent) static_cast<void>(taken.job.sent->end_read(current_stream(model_->device())));
  }
  const uint64_t spent = ns_between(begin, Clock::now());
  for (Taken &taken : batch) {
    WindowResult &result = *taken.job.result;
    result.drop_number = effective_drop(taken.job.rule, taken.job.drop_number);
    result.batch_size = static_cast<int>(batch.size());
    result.inference_time = spent;
    result.queue_time = ns_between(taken.job.submitted, begin);
    result.status = status;
    if (status == STA_OK) continue;
    result.probabilities.clear();
    try {
      result.message = message;
    } catch (...) {
    }
  }
  return typical;
}

// measured: the batch has been through a forward pass, and its time tells the cost of such a window.
void Engine::deliver(std::vector<Taken> &batch, bool measured) {
  if (batch.empty()) return;
  {
    std::lock_guard lock(mutex_);
    const WindowResult &first = *batch[0].job.result;
    if (measured && first.status == STA_OK && batch[0].job.rule != STA_PRUNING_RANDOM)
      drops_->measured(first.drop_number,
                       static_cast<double>(first.inference_time) / 1e9 / static_cast<double>(batch.size()) / batch[0].job.work_share,
                       static_cast<int>(batch.size()));
    for (Taken &taken : batch) {
      --taken.port->in_flight;
      taken.port->answer(taken.job);
    }
  }
  changed_.notify_all();
  for (Taken &taken : batch) taken.port->call_notify();
  // This batch may hold the last reference to a port. It is released here, without the lock.
  batch.clear();
}

Result<std::optional<PruningCost>> Engine::measure_pruning(int batch, double budget) const {
  const ModelDescription &m = description_;
  if (m.max_drop_number() == 0) return std::optional<PruningCost>();
  return guarded("measuring", [&]() -> Result<std::optional<PruningCost>> {
    const c10::InferenceMode guard;
    const at::Tensor clip = at::zeros({batch, 3, m.num_frames, m.height, m.width}, at::TensorOptions(model_->device()).dtype(type_));
    return measure_pruning_cost(drops_to_measure(m.max_drop_number()), batch, budget, [&](int r) {
      const auto begin = Clock::now();
      const auto out = pass(clip, {STA_PRUNING_STA, r, {}}, nullptr);
      TORCH_CHECK(out, out.error().message);
      wait_for_device();
      return out->warming ? 0.0 : std::chrono::duration<double>(Clock::now() - begin).count();
    });
  });
}

// Measures the cost of each drop number, before the first adaptively pruned pass of this batch size. A failure is not
// reported here: the pass that follows reports it.
void Engine::learn_costs(int batch) {
  constexpr double kBudget = 0.5;  // seconds that all streams wait, once for each batch size
  {
    std::lock_guard lock(mutex_);
    if (drops_->knows(batch)) return;
  }
  auto cost = measure_pruning(batch, kBudget);
  std::lock_guard lock(mutex_);
  drops_->learn(batch, cost ? *cost : std::nullopt);
  for (const auto &port : ports_) port->skipped_since = false;  // measuring caused these, not load
}

void Engine::work() {
  enter_worker_thread(options_.worker_nice, resolve_threads(options_.inference_threads));
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [&] { return stop_ || std::any_of(ports_.begin(), ports_.end(), [](const auto &p) { return p->mailbox.has_value(); }); });
    if (options_.batch_timeout > 0 && !stop_) wait_for_company(lock);
    if (stop_) return;
    take_batch();
    lock.unlock();
    deliver(reused_, false);
    if (adaptive_ && !batch_.empty()) learn_costs(static_cast<int>(batch_.size()));
    const bool typical = !batch_.empty() && run_batch(batch_);
    deliver(batch_, typical);
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
  if (scores_ready_) kernels_->event_free(static_cast<int>(model_->device().index()), scores_ready_);
}

}  // namespace sta
