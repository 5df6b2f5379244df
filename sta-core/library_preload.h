// SPDX-License-Identifier: MIT
// Loads the CUDA libraries that LibTorch needs but that the dynamic linker does not find by itself.
//
// In the PyTorch wheel these libraries are in folders beside LibTorch: torch/lib/libtorch_cuda.so,
// nvidia/cu13/lib/libnvrtc.so.13, nvidia/cudnn/lib/... LibTorch's own libraries have a run path to these folders.
// NVIDIA's have none, or an incomplete one, and load more libraries by bare name while the program runs. cuDNN loads
// libnvrtc to compile its attention, and libnvrtc loads libnvrtc-builtins. On a machine with a driver but no CUDA
// toolkit such a search finds nothing. Attention in bf16 and fp16 then fails. But a library that is already in the
// process is found by its name. So this loads all of them by their full paths before they are needed. LibTorch's Python
// part does the same in `import torch`; a C++ program must do it itself.
#pragma once

#include <string>
#include <vector>

namespace sta {

/// Loads the libraries beside the LibTorch in `torch_lib` (the folder that holds libtorch_cuda.so). If a library of the
/// same name is already in the process, nothing is loaded for it. Missing libraries are passed over: a LibTorch that is
/// no wheel has its libraries where the dynamic linker finds them. Returns the paths of the libraries that were loaded,
/// in order. Nothing is ever unloaded. Thread-safe.
std::vector<std::string> preload_cuda_libraries(const std::string &torch_lib);

/// Folder of a loaded library, as the dynamic linker found it. soname: "libc10.so", for example. "": it is not loaded.
std::string folder_of_loaded(const char *soname);

}  // namespace sta
