// SPDX-License-Identifier: MIT
// Precompiled header of the tests that see tensors. They compare, sort and reduce with dozens of operations, so it
// includes all of ATen.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
