// SPDX-License-Identifier: MIT
// Engine's ways from pictures to the clip of a pass, from wherever they lie (memory, on their way to a device, on the
// device), to what is still in them, and from scores back to the host. See engine.h.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/stack.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <cstring>
#include <utility>

#include "engine/device.h"
#include "engine/engine.h"
#include "engine/preprocess_spec.h"
#include "engine/still_choice.h"
#include "ops/ops.h"

namespace sta {

std::unique_ptr<UploadedWindow> Engine::take_upload() const {
  if (!uploads_) return nullptr;
  auto window = uploads_->take();
  return window ? *std::move(window) : nullptr;
}

// Copies through pinned memory, so the host can go on at once. LibTorch keeps that memory until the device has read it.
at::Tensor Engine::on_device(const at::Tensor &pictures) const {
  const at::Device device = model_->device();
  if (!device.is_cuda() || pictures.is_cuda()) return pictures;
  if (pictures.is_pinned()) return pictures.to(device, /*non_blocking=*/true);
  const at::Tensor pinned = at::empty(pictures.sizes(), at::TensorOptions().dtype(pictures.scalar_type()).pinned_memory(true));
  return pinned.copy_(pictures).to(device, /*non_blocking=*/true);
}

// u8 [B,T,H,W,3] -> f32 [B,3,T,H,W], normalised, on the model's device.
at::Tensor Engine::normalised(const at::Tensor &pictures) const {
  return on_device(pictures).permute({0, 4, 1, 2, 3}).to(at::kFloat).mul_(scale_).add_(shift_);
}

at::Tensor Engine::clip_of(const uint8_t *const *frames, int batch) const {
  const ModelDescription &m = description_;
  const c10::InferenceMode guard;
  const at::Tensor pictures =
      at::empty({batch, m.num_frames, m.height, m.width, 3}, at::TensorOptions().dtype(at::kByte).pinned_memory(model_->device().is_cuda()));
  const size_t size = size_t{3} * static_cast<size_t>(m.height) * static_cast<size_t>(m.width);
  uint8_t *out = pictures.mutable_data_ptr<uint8_t>();
  for (int64_t i = 0; i < int64_t{batch} * m.num_frames; ++i, out += size) std::memcpy(out, frames[i], size);
  return normalised(pictures);
}

std::vector<StillTokens> Engine::find_still_frames(const uint8_t *const *frames, int batch, float threshold) const {
  const StillGrid grid = still_grid(description_);
  std::vector<StillMask> masks(static_cast<size_t>(batch));
  std::vector<const StillMask *> all;
  for (size_t i = 0; i < masks.size(); ++i) {
    find_still(grid, frames + i * static_cast<size_t>(description_.num_frames), threshold, masks[i]);
    all.push_back(&masks[i]);
  }
  return still_batch(grid, all, model_->device().is_cuda());
}

std::vector<StillTokens> Engine::find_still_clip(const at::Tensor &clip, float threshold) const {
  const StillGrid grid = still_grid(description_);
  const at::Tensor tubelets = ops::tubelets(clip.cpu().to(at::kFloat), description_.tubelet, description_.patch).contiguous();  // [B,L,P]
  std::vector<StillMask> masks(static_cast<size_t>(clip.size(0)));
  std::vector<const StillMask *> all;
  for (size_t i = 0; i < masks.size(); ++i) {
    find_still(grid, tubelets[static_cast<int64_t>(i)].const_data_ptr<float>(), tubelets.size(2), threshold, masks[i]);
    all.push_back(&masks[i]);
  }
  return still_batch(grid, all, model_->device().is_cuda());
}

void Engine::wait_for_device() const {
  const at::Device device = model_->device();
  if (device.is_cuda()) c10::impl::VirtualGuardImpl(device.type()).synchronizeDevice(device.index());
}

Result<std::unique_ptr<DeviceRing>> Engine::make_device_ring(bool antialias) const {
  if (!cuda_context_)
    return Error{STA_ERROR_UNSUPPORTED, "model " + description_.name + " runs on " + device_name_ +
                                            (kernels_ || model_->device().is_cuda() ? " without libsta-cuda" : "") +
                                            ": it takes frames in system memory only"};
  const ModelDescription &m = description_;
  const sta_cuda_type type = type_ == at::kFloat ? STA_CUDA_FP32 : type_ == at::kHalf ? STA_CUDA_FP16 : STA_CUDA_BF16;
  return DeviceRing::create(
      *kernels_, {preprocess_spec(m, antialias), m.num_frames, type, static_cast<int>(model_->device().index()), pixel_scale_, pixel_shift_});
}

// u8 [T,H,W,3] each -> f32 [B,3,T,H,W], normalised, on the model's device.
at::Tensor Engine::bytes_to_clip(const std::vector<const WindowJob *> &jobs) const {
  const ModelDescription &m = description_;
  std::vector<at::Tensor> windows;
  for (const WindowJob *job : jobs) {
    const std::vector<int64_t> shape = {m.num_frames, m.height, m.width, 3};
    if (!job->sent) {
      windows.push_back(on_device(at::from_blob(const_cast<uint8_t *>(job->pixels.data()), shape, at::kByte)));
      continue;
    }
    const Status arrived = job->sent->begin_read(current_stream(model_->device()));
    TORCH_CHECK(arrived, arrived.error().message);
    windows.push_back(at::from_blob(const_cast<void *>(job->sent->data()), shape, at::TensorOptions(model_->device()).dtype(at::kByte)));
  }
  return normalised(windows.size() == 1 ? windows[0].unsqueeze(0) : at::stack(windows));
}

// Clips [B,3,T,H,W] on the model's device. Windows that are already on the device are read in place, by work that runs
// after they were filled.
at::Tensor Engine::clip_of(const std::vector<Taken> &batch) const {
  std::vector<const WindowJob *> in_memory;
  for (const Taken &taken : batch)
    if (!taken.job.clip) in_memory.push_back(&taken.job);
  if (in_memory.size() == batch.size()) return bytes_to_clip(in_memory);
  const ModelDescription &m = description_;
  at::Tensor uploaded;
  if (!in_memory.empty()) uploaded = bytes_to_clip(in_memory).to(type_);
  std::vector<at::Tensor> windows;
  int64_t next = 0;
  for (const Taken &taken : batch) {
    if (!taken.job.clip) {
      windows.push_back(uploaded[next++]);
      continue;
    }
    const Status filled = taken.job.clip->begin_read(current_stream(model_->device()));
    TORCH_CHECK(filled, filled.error().message);
    windows.push_back(at::from_blob(const_cast<void *>(taken.job.clip->data()), {3, m.num_frames, m.height, m.width},
                                    at::TensorOptions(model_->device()).dtype(type_)));
  }
  return windows.size() == 1 ? windows[0].unsqueeze(0) : at::stack(windows);
}

// Copies from a CUDA device into pinned memory. The thread sleeps until the event arrives. In a plain copy it would
// spin on a core that frames need. The result is valid until the next call.
at::Tensor Engine::to_host(const at::Tensor &scores) const {
  if (!scores_ready_) return scores.cpu().contiguous();
  at::Tensor host = host_scores_.narrow(0, 0, scores.size(0));
  host.copy_(scores, /*non_blocking=*/true);
  char message[STA_CUDA_MESSAGE] = "";
  TORCH_CHECK(kernels_->event_record(scores_ready_, current_stream(model_->device()), message) == STA_CUDA_OK, message);
  TORCH_CHECK(kernels_->event_wait(scores_ready_, message) == STA_CUDA_OK, message);
  return host;
}

// The tokens of the windows that enter the first block; empty: all. Where one window of a batch is dense all are.
std::vector<StillTokens> Engine::still_tokens(const std::vector<Taken> &batch) const {
  std::vector<const StillMask *> masks;
  for (const Taken &taken : batch) {
    if (taken.job.still.change.empty()) return {};
    masks.push_back(&taken.job.still);
  }
  return still_batch(still_grid(description_), masks, model_->device().is_cuda());
}

}  // namespace sta
