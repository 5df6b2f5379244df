// SPDX-License-Identifier: MIT
// The CUDA libraries that LibTorch needs but that the dynamic linker does not find by itself.
//
// In the PyTorch wheel they lie in folders beside LibTorch: torch/lib/libtorch_cuda.so, nvidia/cu13/lib/libnvrtc.so.13,
// nvidia/cudnn/lib/... LibTorch's own libraries have a run path to these folders. NVIDIA's have none, or an incomplete
// one, and load more libraries by bare name while the program runs: cuDNN loads libnvrtc to compile its attention,
// libnvrtc loads libnvrtc-builtins. On a machine with a driver and no CUDA toolkit such a search ends in nothing:
// attention in bf16 and fp16 then fails. A library that is in the process already is found by its name, so loading them
// all by their full paths before they are needed is the cure. LibTorch's Python part does the same when `import torch`
// is run; a C++ program has to do it itself.
#pragma once

#include <string>
#include <vector>

namespace sta {

/// Loads what lies beside the LibTorch in `torch_lib` (the folder that holds libtorch_cuda.so). A library of the same
/// name that is in the process already is left as it is. What is not there is passed over: a LibTorch from elsewhere
/// has its libraries where the dynamic linker finds them. Returns the paths of the libraries that were loaded, in
/// order. Nothing is ever unloaded. Thread-safe.
std::vector<std::string> preload_cuda_libraries(const std::string &torch_lib);

/// Folder of a library of the process (its soname, "libc10.so"), as the dynamic linker found it; "": it is not loaded.
std::string folder_of_loaded(const char *soname);

}  // namespace sta
