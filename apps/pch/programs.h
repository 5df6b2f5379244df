// SPDX-License-Identifier: MIT
// The precompiled header of the programs: JSON, which takes longest to parse, and the parts of the standard library
// that nearly all files use.
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
