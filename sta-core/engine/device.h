// SPDX-License-Identifier: MIT
// Where and in which precision a model runs: parsing "auto", "cpu", "cuda:N", loading the CUDA half of LibTorch only
// when CUDA is asked for, and the worker thread's CPU settings.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string>

#include "result.h"

namespace sta {

/// "auto" or "" falls back to the CPU; the others fail with DEVICE and a reason if the device is not usable,
/// INVALID_ARGUMENT if the text is none of them.
Result<at::Device> resolve_device(const std::string &text);

/// AUTO: bf16 where the device multiplies it natively, else fp32.
at::ScalarType resolve_precision(sta_precision precision, at::Device device);

const char *precision_name(at::ScalarType type);

/// The CUDA stream that ATen launches in, for the calling thread; NULL on a CPU, which has none.
void *current_stream(at::Device device);

/// Number of CPU threads for a forward pass: `wanted`, or all usable cores but one if it is 0.
int resolve_threads(int wanted);

/// For the calling thread: nice value added (threads it starts inherit it) and intra-op thread count.
void enter_worker_thread(int nice, int threads);

}  // namespace sta
