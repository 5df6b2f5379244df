// SPDX-License-Identifier: MIT
// Engine: holds the weights of one model on one device in one precision, the worker thread that runs the model, and the
// ports of all streams that use it. One engine serves every camera of the process that asks for the same model.
//
// The worker serves ports round-robin, so a busy stream cannot starve a quiet one. It puts windows that are ready
// together and pruned alike into one forward pass of at most max_batch windows. With batch_timeout it waits a little
// for streams that should send a window soon.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "checkpoint/model_folder.h"
#include "cuda/device_ring.h"
#include "cuda/window_upload.h"
#include "engine/attention_choice.h"
#include "engine/drop_controller.h"
#include "engine/stream_port.h"
#include "model/model.h"

namespace sta {

struct EngineOptions {
  std::string model, labels, device;
  sta_precision precision = STA_PRECISION_AUTO;
  int inference_threads = 0;
  int worker_nice = 10;
  int max_batch = 4;
  int num_heads = 0;
  uint64_t batch_timeout = 0;  // ns
  int image_size = 0, image_width = 0;
  int num_frames = 0;
  bool cuda_kernels = true;  // on a CUDA device: use libsta-cuda's kernels if it can be loaded; false: LibTorch's alone
  bool cuda_graphs = true;   // on a CUDA device, if libsta-torch-cuda can be loaded
  // For tests: this library uploads the windows. Its device is a CPU.
  const KernelLibrary *upload_library = nullptr;
  // Only open() sets it, when device=auto falls back to the CPU: the line that tells the user.
  std::string fallback;
};

class Engine {
 public:
  /// Returns the engine of the process that already holds this model, or loads it. Thread-safe; loading the same model
  /// from two threads loads it once.
  static Result<std::shared_ptr<Engine>> open(const EngineOptions &options);
  ~Engine();
  Engine(const Engine &) = delete;
  Engine &operator=(const Engine &) = delete;

  const ModelDescription &description() const { return description_; }
  const std::string &device_name() const { return device_name_; }
  const char *precision() const { return precision_; }
  uint64_t num_parameters() const { return num_parameters_; }
  /// Names of the attention kernels in use. Never freed.
  const char *attention() const { return model_->own_attention() ? model_->own_attention() : attention_->kernels(); }
  /// The CUcontext that frames in device memory must belong to. NULL: such frames cannot be used.
  void *cuda_context() const { return cuda_context_; }
  /// Makes a window ring on the model's device. UNSUPPORTED if cuda_context() is NULL; DEVICE.
  Result<std::unique_ptr<DeviceRing>> make_device_ring(bool antialias) const;
  /// Gives memory for the pixels of a window, which are then uploaded while the previous pass runs. NULL: the model is
  /// on a CPU, or there is no memory. Then the pixels come with the job.
  std::unique_ptr<UploadedWindow> take_upload() const;
  Status check_drop_number(int drop_number) const;

  const Model &model() const { return *model_; }

  /// One forward pass in the caller's thread. clip f32 [B,3,T,H,W]. Errors: OUT_OF_MEMORY, INTERNAL, DEVICE.
  Result<ForwardOutput> forward(const at::Tensor &clip, const PruneSettings &prune) const;
  /// Call it when a failure shows up after the pass. A GPU reports errors only with its results.
  void pass_failed() const noexcept { attention_->pass_failed(); }

  /// Normalised clips f32 [B,3,T,H,W] on the model's device. frames: batch * T pictures u8 [H,W,3], one clip after the
  /// other. May throw.
  at::Tensor clip_of(const uint8_t *const *frames, int batch) const;

  /// Finds the tokens of clips that are not still, for PruneSettings.still. threshold: above 0. The model is a plain ViT.
  /// frames: as for clip_of. clip: f32 [B,3,T,H,W], normalised, on any device. Empty: the pass is dense. May throw.
  std::vector<StillTokens> find_still_frames(const uint8_t *const *frames, int batch, float threshold) const;
  std::vector<StillTokens> find_still_clip(const at::Tensor &clip, float threshold) const;

  /// Measures the cost of a window at several drop numbers, with passes of `batch` windows in the caller's thread.
  /// Without a value: the model cannot be pruned, or one pass is so slow that measuring would take more than about
  /// `budget` seconds. Errors as forward().
  Result<std::optional<PruningCost>> measure_pruning(int batch, double budget) const;

  /// Waits until the model's device has done all its work. May throw.
  void wait_for_device() const;

  // ---- ports; all thread-safe. The mutex is never held during a forward pass.
  std::shared_ptr<StreamPort> add_port();
  void remove_port(const std::shared_ptr<StreamPort> &port);
  /// Puts a window into the mailbox. A window that still waits there is replaced and counted as skipped.
  void submit(StreamPort &port, WindowJob job);
  /// Counts a window that could not be submitted as failed. Its result says why, if there is memory for a result.
  void reject(StreamPort &port, const WindowSpan &span, uint64_t id, const Error &error);
  /// Waits until the port has no window waiting or in flight. False if it was flushed meanwhile.
  bool wait_idle(StreamPort &port);
  /// Share of the time that all windows take at the chosen drop numbers. 0 if no number was chosen yet.
  double load_share() {
    std::lock_guard lock(mutex_);
    return drops_->load();
  }
  /// Runs `use(port)` under the mutex.
  template <typename F>
  auto with(StreamPort &port, F use) {
    std::lock_guard lock(mutex_);
    return use(port);
  }
  /// Wakes threads in wait_idle. Call it after with() has changed flushing or the mailbox.
  void wake() { changed_.notify_all(); }

 private:
  struct Registry;
  explicit Engine(const EngineOptions &options) : options_(options) {}
  Status load();
  Result<ForwardOutput> pass(const at::Tensor &clip, const PruneSettings &prune, const ForwardProbe *probe) const;
  void work();
  struct Taken {
    std::shared_ptr<StreamPort> port;
    WindowJob job;
  };
  void wait_for_company(std::unique_lock<std::mutex> &lock);
  bool company_due(Clock::time_point now) const;
  void take_batch();
  void learn_costs(int batch);
  int adaptive_drop(StreamPort &port, Clock::time_point now);
  bool run_batch(std::vector<Taken> &batch) const noexcept;
  std::vector<StillTokens> still_tokens(const std::vector<Taken> &batch) const;
  at::Tensor to_host(const at::Tensor &scores) const;
  at::Tensor clip_of(const std::vector<Taken> &batch) const;
  at::Tensor normalised(const at::Tensor &pictures) const;
  at::Tensor on_device(const at::Tensor &pictures) const;
  at::Tensor bytes_to_clip(const std::vector<const WindowJob *> &jobs) const;
  void deliver(std::vector<Taken> &batch, bool measured);
  std::unique_ptr<Model> with_graphs(std::unique_ptr<Model> model);

  EngineOptions options_;
  ModelDescription description_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<AttentionChoice> attention_;  // made at load
  at::ScalarType type_ = at::kFloat;
  const KernelLibrary *kernels_ = nullptr;  // on a CUDA device, if it could be loaded
  void *cuda_context_ = nullptr;
  std::shared_ptr<UploadPool> uploads_;                 // NULL: windows wait in pageable memory
  void *scores_ready_ = nullptr;                        // event of kernels_ (NULL without): host_scores_ is filled
  at::Tensor host_scores_;                              // f32 [max_batch,n], pinned; only the worker thread uses it
  std::array<float, 3> pixel_scale_{}, pixel_shift_{};  // pixel·scale + shift = normalised
  at::Tensor scale_, shift_;                            // the same, f32 [3,1,1,1] on the device
  std::string device_name_;
  const char *precision_ = "";
  uint64_t num_parameters_ = 0;

  // Lock order: a Stream's own mutex, then mutex_. While mutex_ is held, this class calls nothing outside.
  std::mutex mutex_;
  std::condition_variable work_;     // a mailbox was filled, or stop_
  std::condition_variable changed_;  // results, flushing
  std::vector<std::shared_ptr<StreamPort>> ports_;
  size_t next_port_ = 0;
  std::unique_ptr<DropController> drops_;  // made at load
  bool stop_ = false;
  std::thread worker_;

  // Only the worker thread uses these. They get their capacity at load.
  bool adaptive_ = false;      // drops_ chose a drop number of the batch
  std::vector<Taken> batch_;   // windows to compute together
  std::vector<Taken> reused_;  // windows whose results need no forward pass
};

}  // namespace sta
