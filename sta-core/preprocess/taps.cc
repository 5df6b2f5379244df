// SPDX-License-Identifier: MIT
// The triangle filter. Centre, support and limits are the same as Pillow's, so the same source pixels take part.
#include "preprocess/taps.h"

#include <algorithm>
#include <cmath>

namespace sta {

namespace {

struct Tap {
  int sample;
  double weight;
};

// Real-valued weights of one output pixel, for samples that cover 2^shift pixels each. They are not normalised, and
// tiny ones are left out.
void triangle_taps(double centre, double support, int source, int shift, std::vector<Tap> *taps) {
  taps->clear();
  const int first = std::max(0, static_cast<int>(centre - support + 0.5)), last = std::min(source, static_cast<int>(centre + support + 0.5));
  double total = 0;
  for (int i = first; i < last; ++i) {
    const double weight = std::max(0.0, 1.0 - std::abs((i - centre + 0.5) / support));
    total += weight;
    if (!taps->empty() && taps->back().sample == i >> shift)
      taps->back().weight += weight;
    else
      taps->push_back({i >> shift, weight});
  }
  std::erase_if(*taps, [&](const Tap &tap) { return tap.weight < total * (4.0 / 65536); });
  // The sum must be even, so the number of odd weights must be even. This also splits a single weight of 1.0, which
  // would not fit in 16 bits.
  if (taps->size() % 2 != 0) {
    auto largest = std::max_element(taps->begin(), taps->end(), [](const Tap &a, const Tap &b) { return a.weight < b.weight; });
    largest->weight /= 2;
    taps->insert(largest, Tap(*largest));
  }
}

}  // namespace

void make_taps(const Axis &axis, int shift, Taps *taps) {
  taps->begin.assign(1, 0);
  taps->index.clear();
  taps->weight.clear();
  taps->bias.clear();
  const double scale = static_cast<double>(axis.source) / static_cast<double>(axis.resized);
  const double support = std::max(scale, 1.0);  // enlarging: ordinary bilinear
  std::vector<Tap> real;
  size_t most = 0;
  for (int i = 0; i < axis.output; ++i) {
    triangle_taps((static_cast<double>(axis.crop + i) + 0.5) * scale, support, axis.source, shift, &real);
    double total = 0, sum = 0;
    for (const Tap &tap : real) total += tap.weight;
    // Rounding the running sum instead of each weight makes the weights add up to exactly one, so a plain area keeps
    // its value. Odd weights are 2 m + 1.
    int rounded = 0, count = 0;
    for (const Tap &tap : real) {
      sum += tap.weight;
      ++count;
      const int upto = 2 * static_cast<int>(std::lround((sum / total * 65536 - count) / 2)) + count;
      taps->index.push_back(tap.sample);
      taps->weight.push_back(static_cast<uint16_t>(upto - rounded));
      rounded = upto;
    }
    taps->bias.push_back(static_cast<uint16_t>(count / 2));
    most = std::max(most, real.size());
    while (taps->index.size() % kernels::kTapUnroll != 0) {
      taps->index.push_back(real.back().sample);
      taps->weight.push_back(0);
    }
    taps->begin.push_back(static_cast<int32_t>(taps->index.size()));
  }
  taps->fast = most <= kernels::kMaxFastTaps;
}

}  // namespace sta
