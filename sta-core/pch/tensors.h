// SPDX-License-Identifier: MIT
// Precompiled header of the sources that tensors cross. LibTorch's Tensor alone takes a second to parse, more than most
// of these files need for themselves. Only what nearly all of them use belongs here; single operations are included one
// by one (ATen/ops/NAME.h) by the files that use them, which halves this header and keeps a build without it
// (-Db_pch=false) at half the time that ATen/ATen.h would take.
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
