// SPDX-License-Identifier: MIT
// CUDA graphs as sta-core sees them: a backend from libsta-torch-cuda. Only this library of the project needs the CUDA
// half of LibTorch. Like libsta-cuda it is loaded when a CUDA device is used, so sta-core stays the same library on a
// machine without one.
#pragma once

#include <memory>
#include <string>

#include "model/graph_cache.h"

namespace sta {

// Changes with GraphBackend, CapturedForward and ForwardOutput. The two libraries exchange them as C++ objects, so both
// must come from one build.
constexpr uint32_t kTorchCudaAbi = 1;

/// Makes a backend for a CUDA device. LibTorch's CUDA half must be loaded already. nullptr: *why says what was tried.
/// If $STA_TORCH_CUDA_PATH is set, it is the only place. Else the places are: beside libsta-core, torch_cuda/ there
/// (running uninstalled), the dynamic linker's own search for libsta-torch-cuda.so.1.
std::unique_ptr<GraphBackend> load_graph_backend(int device, std::string *why);

}  // namespace sta
