// SPDX-License-Identifier: MIT
// Accuracy against arithmetic as a PNG: the picture by which pruning is judged, one point a drop number.
#pragma once

#include <string>
#include <vector>

#include "eval_report.h"

namespace cli {

/// Round numbers that divide [low, high] into about `wanted` parts; at least two numbers, the first <= low, the last >=
/// high. low <= high.
std::vector<double> axis_ticks(double low, double high, int wanted);

/// Throws RunError if the file cannot be written.
void write_plot(const EvalReport &report, const std::string &path);

}  // namespace cli
