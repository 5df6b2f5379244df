// SPDX-License-Identifier: MIT
// Decides on which device and in which precision a model runs. It parses "auto", "cpu", "cuda:N", loads the CUDA half
// of LibTorch only when CUDA is asked for, and makes the worker thread's CPU settings.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string>

#include "result.h"

namespace sta {

/// "auto" or "" falls back to the CPU. The others fail with DEVICE and a reason if the device is not usable.
/// INVALID_ARGUMENT: the text is none of these.
Result<at::Device> resolve_device(const std::string &text);

/// AUTO is bf16 if the device multiplies it natively, else fp32.
at::ScalarType resolve_precision(sta_precision precision, at::Device device);

const char *precision_name(at::ScalarType type);

/// The CUDA stream in which ATen launches work of the calling thread. NULL on a CPU, which has none.
void *current_stream(at::Device device);

/// Number of CPU threads for a forward pass: `wanted`; if that is 0, one less than the usable cores.
int resolve_threads(int wanted);

/// Sets up the calling thread: adds the nice value, which the threads that it starts inherit, and sets the intra-op
/// thread count.
void enter_worker_thread(int nice, int threads);

}  // namespace sta
