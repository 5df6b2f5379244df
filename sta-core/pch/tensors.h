// SPDX-License-Identifier: MIT
// Precompiled header of the sources that use tensors. Parsing LibTorch's Tensor alone takes a second, more than most of
// these files need for themselves. Only headers that nearly all of these files use belong here. Each file includes its
// single operations itself (ATen/ops/NAME.h). That halves this header, and a build without it (-Db_pch=false) takes
// half the time that ATen/ATen.h would take.
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
