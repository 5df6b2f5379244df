// SPDX-License-Identifier: MIT
// libsta-cuda for a machine without a GPU: the unchanged kernel sources, compiled for the CPU with the emulation.
#include "cuda/frame.cu"
#include "cuda/gather.cu"
#include "cuda/library.cu"
#include "cuda/memory.cu"
#include "cuda/prune.cu"
