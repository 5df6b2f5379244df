// SPDX-License-Identifier: MIT
// Draws accuracy against arithmetic as a PNG, with one line for each threshold of stillness and one point on it for each
// drop number. This is the picture to judge pruning by.
#pragma once

#include <string>
#include <vector>

#include "eval_report.h"

namespace cli {

/// Round numbers that divide [low, high] into about `wanted` parts. There are at least two; the first is <= low, the
/// last >= high. Requires low <= high.
std::vector<double> axis_ticks(double low, double high, int wanted);

/// Throws RunError if the file cannot be written.
void write_plot(const EvalReport &report, const std::string &path);

}  // namespace cli
